using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Open-coded iterators: made, asked for the next element, ended; slots of the stack hold one.
internal sealed partial class PathWalk
{
    private void CheckIterator(KfuncCall call, string name, in RegisterState value)
    {
        KfuncPrototype kfunc = call.Kfunc;
        if (value.Kind != RegisterKind.Stack)
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} holds {value.Describe()}, not an iterator on the stack");
        }

        BtfType type = kfunc.Parameters[Array.FindIndex(kfunc.Parameters, parameter => parameter.IsPointer && parameter.Pointee.Kind == BtfKind.Struct)].Pointee;
        int slots = (int)(type.Size / StackSlot.Size);
        (Frame frame, int first) = ObjectPlace(value, name, "an iterator", slots);
        if (kfunc.Has(KfuncTraits.IteratorNew))
        {
            MakeIterator(kfunc, frame, first, slots, type, name);
            return;
        }

        RequireIterator(frame, first, slots, type, name);
        call.Iterator = (value.Frame, first);
        call.Reference = frame.Stack[first].Spilled.ReferenceId;
        if (kfunc.Has(KfuncTraits.IteratorDestroy))
        {
            ReleaseReference(call.Reference, kfunc.Name);
            for (int i = 0; i < slots; i++)
            {
                frame.Stack[first - i].Clear();
            }
        }
    }

    private void MakeIterator(KfuncPrototype kfunc, Frame frame, int first, int slots, BtfType type, string name)
    {
        for (int i = 0; i < slots; i++)
        {
            if (first - i < frame.Stack.Length && frame.Stack[first - i][0] == StackByte.Iterator)
            {
                throw Stop.Reject(CheckFamily.Objects, $"an iterator is made in {name}, where another stands that was not ended");
            }
        }

        OverwriteSlots(frame, first, slots, name);
        int reference = NewId();
        PointerTraits traits = !kfunc.Has(KfuncTraits.RcuProtected) ? PointerTraits.None : IsInRcu ? PointerTraits.Rcu : PointerTraits.Untrusted;
        for (int i = 0; i < slots; i++)
        {
            frame.Stack[first - i].Place(RegisterState.Iterator(type.Id.Value, i == 0 ? reference : 0, traits, isFirst: i == 0), StackByte.Iterator);
        }

        _state.References.Add(reference);
    }

    private static void RequireIterator(Frame frame, int first, int slots, BtfType type, string name)
    {
        for (int i = 0; i < slots; i++)
        {
            bool isOne = first - i < frame.Stack.Length && frame.Stack[first - i][0] == StackByte.Iterator;
            RegisterState part = isOne ? frame.Stack[first - i].Spilled : default;
            if (isOne && (part.Traits & PointerTraits.Untrusted) != 0)
            {
                throw Stop.Reject(CheckFamily.References, $"the iterator in {name} is used outside of the RCU section it was made in");
            }

            if (!isOne || part.IsFirstSlot != (i == 0) || part.Type != type.Id.Value)
            {
                throw Stop.Reject(CheckFamily.Objects, $"{name} points to no initialised {type.Name}");
            }
        }
    }

    private ref RegisterState IteratorSlot(KfuncCall call) => ref _state.Frames[call.Iterator.Frame].Stack[call.Iterator.Slot].Spilled;

    /// <summary>Whether the iterator that a state is about to ask for its next element has more to give, as far as is known.</summary>
    private static bool IteratorIsActive(PathState state)
    {
        ref RegisterState argument = ref state.Registers[1];
        if (argument.Kind != RegisterKind.Stack || !argument.Number.IsConstant)
        {
            return false;
        }

        Frame frame = state.Frames[argument.Frame];
        long place = argument.Offset + (long)argument.Number.Value;
        if (place is >= 0 or < -Frame.StackSize)
        {
            return false;
        }

        int slot = Frame.Place((int)place).Slot;
        return slot < frame.Stack.Length && frame.Stack[slot][0] == StackByte.Iterator && frame.Stack[slot].Spilled.IteratorState == IteratorState.Active;
    }

    /// <summary>There is another element, or there is none: the second way is walked first, r0 null, and the iterator gives nothing any more.</summary>
    private void BranchIteration(KfuncCall call)
    {
        if (IteratorSlot(call).IteratorState == IteratorState.Active)
        {
            PathState another = _state.Copy();
            ref RegisterState element = ref another.Registers[0];
            element.Traits &= ~PointerTraits.Nullable;
            element.Id = 0;
            another.Frames[call.Iterator.Frame].Stack[call.Iterator.Slot].Spilled.Range++;
            Widen(another);
            Later(another, Slot + 1);
        }

        ref RegisterState drained = ref IteratorSlot(call);
        (drained.MemorySize, drained.Range) = ((int)IteratorState.Drained, 0);
        this[Register.R0] = RegisterState.Constant(0);
    }
}
