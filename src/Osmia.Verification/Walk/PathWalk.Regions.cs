using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Sections: of RCU, with preemption off, with interrupts off. They are left before the path ends, and nothing in them sleeps.
internal sealed partial class PathWalk
{
    private const int OfInterrupts = 0;
    private const int OfLock = 1;

    /// <summary>What an RCU section protects is good here.</summary>
    private bool IsInRcu => _state.Regions.IsInRcu || IsLocked || !MaySleep;

    private void EnterOrLeave(KfuncCall call)
    {
        KfuncPrototype kfunc = call.Kfunc;
        Regions regions = _state.Regions;
        switch (kfunc.Special)
        {
            case SpecialKfunc.RcuReadLock or SpecialKfunc.RcuReadUnlock when IsInTreeCallback:
                throw Stop.Reject(CheckFamily.References, $"{kfunc.Name} is called while a tree compares nodes");
            case SpecialKfunc.RcuReadLock:
                regions.IsInRcu = !regions.IsInRcu ? true : throw Stop.Reject(CheckFamily.References, "an RCU section begins in another: they do not nest");
                return;
            case SpecialKfunc.RcuReadUnlock:
                LeaveRcu();
                return;
            case SpecialKfunc.PreemptDisable:
                regions.PreemptDepth++;
                return;
            case SpecialKfunc.PreemptEnable:
                regions.PreemptDepth = regions.PreemptDepth > 0 ? regions.PreemptDepth - 1 : throw Stop.Reject(CheckFamily.References, "preemption is switched on that was not off");
                return;
        }

        if (kfunc.Has(Bytecode.KfuncTraits.Sleeps))
        {
            RequireSleepHere(kfunc.Name);
        }

        if (kfunc.Has(Bytecode.KfuncTraits.RcuProtected) && !IsInRcu)
        {
            throw Stop.Reject(CheckFamily.References, $"{kfunc.Name} is called outside of an RCU section, which protects what it gives");
        }
    }

    /// <summary>Pointers that the section protected may be stale from here on.</summary>
    private void LeaveRcu()
    {
        if (!_state.Regions.IsInRcu)
        {
            throw Stop.Reject(CheckFamily.References, "an RCU section ends that did not begin");
        }

        _state.Regions.IsInRcu = false;
        _state.ForEachRegister(Untrust);
        foreach (Frame frame in _state.Frames)
        {
            for (int i = 0; i < frame.Stack.Length; i++)
            {
                if (frame.Stack[i][0] == StackByte.Iterator)
                {
                    Untrust(ref frame.Stack[i].Spilled);
                }
            }
        }

        static void Untrust(ref RegisterState register)
        {
            if ((register.Traits & PointerTraits.Rcu) != 0)
            {
                register.Traits = (register.Traits & ~(PointerTraits.Rcu | PointerTraits.Nullable)) | PointerTraits.Untrusted;
            }
        }
    }

    /// <summary>Something that may sleep is called.</summary>
    private void RequireSleepHere(string name)
    {
        if (_state.Regions.Open is { } section)
        {
            throw Stop.Reject(CheckFamily.References, $"{name}, which may sleep, is called {section}");
        }
    }

    /// <summary>The path ends, or may end, here.</summary>
    private void RequireNoSection(string what)
    {
        if (_state.Regions.Open is { } section)
        {
            throw Stop.Reject(CheckFamily.References, $"{what} {section}");
        }
    }

    private void CheckIrqFlag(KfuncCall call, string name, in RegisterState value)
    {
        if (value.Kind != RegisterKind.Stack)
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} holds {value.Describe()}, not a place on the stack for interrupt flags");
        }

        bool isSaved = call.Kfunc.Special is SpecialKfunc.IrqSave or SpecialKfunc.ResilientLockIrqSave;
        int kind = call.Kfunc.Special is SpecialKfunc.IrqSave or SpecialKfunc.IrqRestore ? OfInterrupts : OfLock;
        (Frame frame, int slot) = ObjectPlace(value, name, "interrupt flags", slots: 1);
        if (isSaved)
        {
            if (slot < frame.Stack.Length && frame.Stack[slot].IsObject && frame.Stack[slot][0] == StackByte.IrqFlag)
            {
                throw Stop.Reject(CheckFamily.Objects, $"interrupt flags are saved in {name}, where others stand that were not restored");
            }

            OverwriteSlots(frame, slot, 1, name);
            int id = NewId();
            frame.Stack[slot].Place(RegisterState.IrqFlag(id, kind), StackByte.IrqFlag);
            _state.Regions.IrqFlags.Add(id);
            return;
        }

        if (slot >= frame.Stack.Length || frame.Stack[slot][0] != StackByte.IrqFlag)
        {
            throw Stop.Reject(CheckFamily.Objects, $"no saved interrupt flags stand in {name}");
        }

        RegisterState flag = frame.Stack[slot].Spilled;
        if (flag.Type != kind)
        {
            throw Stop.Reject(CheckFamily.References, $"{call.Kfunc.Name} is given interrupt flags that {(flag.Type == OfLock ? "a lock" : "bpf_local_irq_save")} saved");
        }

        List<int> saved = _state.Regions.IrqFlags;
        if (saved.Count == 0 || saved[^1] != flag.ReferenceId)
        {
            throw Stop.Reject(CheckFamily.References, "interrupt flags are restored out of order: those saved last come first");
        }

        saved.RemoveAt(saved.Count - 1);
        frame.Stack[slot].Clear();
    }
}
