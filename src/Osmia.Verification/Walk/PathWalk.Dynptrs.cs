using Osmia.Bytecode;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Dynptrs: two slots of the stack that only helpers and kernel functions write, and slices of memory taken through them.
internal sealed partial class PathWalk
{
    private const int DynptrSlots = 2;

    /// <summary>Where an object of whole slots stands: at a constant place that is a multiple of eight.</summary>
    private (Frame Frame, int First) ObjectPlace(in RegisterState pointer, string name, string what, int slots)
    {
        long place = pointer.Offset + (long)pointer.Number.Value;
        if (!pointer.Number.IsConstant || place % StackSlot.Size != 0 || place > -slots * StackSlot.Size || place < -Frame.StackSize)
        {
            throw Stop.Reject(CheckFamily.Objects, pointer.Number.IsConstant
                ? $"{name} points {place} bytes from the frame pointer: {what} of {slots * StackSlot.Size} bytes stand at a multiple of {StackSlot.Size} on the stack"
                : $"{what} ({name}) stand at a constant place on the stack");
        }

        Frame frame = _state.Frames[pointer.Frame];
        return (frame, Frame.Place((int)place).Slot);
    }

    /// <summary>Makes room for an object: what stood there is gone.</summary>
    private void OverwriteSlots(Frame frame, int first, int slots, string name)
    {
        frame.Reach(-(first + 1) * StackSlot.Size);
        for (int i = 0; i < slots; i++)
        {
            DestroyDynptr(frame, first - i, name);
            frame.Stack[first - i].Clear();
        }
    }

    /// <summary>A byte of the slot is written: a dynptr there is none any longer, nor are slices taken through it. One that holds a reference stays.</summary>
    private void DestroyDynptr(Frame frame, int slot, string name)
    {
        if (slot >= frame.Stack.Length || frame.Stack[slot][0] != StackByte.Dynptr)
        {
            return;
        }

        RegisterState dynptr = frame.Stack[slot].Spilled;
        if (dynptr.ReferenceId != 0)
        {
            throw Stop.Reject(CheckFamily.References, $"a dynptr that holds a reference is overwritten ({name}): submit or discard it first");
        }

        int first = dynptr.IsFirstSlot ? slot : slot + 1;
        frame.Stack[first].Clear();
        frame.Stack[first - 1].Clear();
        ForgetSlices(dynptr.Owner, isReleased: false);
    }

    private void ForgetSlices(int dynptr, bool isReleased) => _state.ForEachRegister((ref RegisterState other) =>
    {
        // Slices of what is not the dynptr's own, and those only read, outlive it, as in the kernel.
        const PointerTraits plain = PointerTraits.Nullable;
        if (other.Kind == RegisterKind.Memory && other.Owner == dynptr && (isReleased || (other.Traits & ~plain) == 0))
        {
            other = RegisterState.Unknown;
        }
    });

    /// <summary>The dynptr an argument points to, or is.</summary>
    private RegisterState InitialisedDynptr(in RegisterState value, string name)
    {
        if (value.Kind == RegisterKind.Dynptr)
        {
            return value;
        }

        RequireDynptrPlace(value, name);
        (Frame frame, int first) = ObjectPlace(value, name, "a dynptr", DynptrSlots);
        if (first >= frame.Stack.Length || frame.Stack[first][0] != StackByte.Dynptr || !frame.Stack[first].Spilled.IsFirstSlot)
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} points to no initialised dynptr");
        }

        return frame.Stack[first].Spilled;
    }

    private static void RequireDynptrPlace(in RegisterState value, string name)
    {
        if (value.Kind is not (RegisterKind.Stack or RegisterKind.Dynptr))
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} holds {value.Describe()}, not a dynptr on the stack");
        }
    }

    private void MakeDynptr(in RegisterState value, string name, DynptrKind kind, int reference)
    {
        if (value.Kind != RegisterKind.Stack)
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} holds {value.Describe()}, not a place on the stack for a dynptr");
        }

        (Frame frame, int first) = ObjectPlace(value, name, "a dynptr", DynptrSlots);
        OverwriteSlots(frame, first, DynptrSlots, name);
        int id = NewId();
        for (int i = 0; i < DynptrSlots; i++)
        {
            frame.Stack[first - i].Place(RegisterState.Dynptr(kind, id, reference, isFirst: i == 0), StackByte.Dynptr);
        }
    }

    /// <summary>An argument of a helper that is a dynptr.</summary>
    private void CheckDynptr(HelperCall call, HelperArgument argument, Register register, in RegisterState value)
    {
        string name = $"{Name(register)} of {call.Name}";
        DynptrKind kind = argument.TypeName switch
        {
            "local" => DynptrKind.Local,
            "ringbuf" => DynptrKind.RingBuffer,
            _ => DynptrKind.Any,
        };
        if (argument.Access == HelperAccess.Write)
        {
            RequireDynptrPlace(value, name);
            int reference = kind == DynptrKind.RingBuffer ? NewId() : 0;
            MakeDynptr(value, name, kind, reference);
            if (reference != 0)
            {
                _state.References.Add(reference);
            }

            return;
        }

        if (argument.IsReleased && value.Kind == RegisterKind.Dynptr)
        {
            throw Stop.Reject(CheckFamily.References, $"{name} is a dynptr that was handed in: it is not the program's to give up");
        }

        RegisterState dynptr = InitialisedDynptr(value, name);
        if (kind != DynptrKind.Any && dynptr.DynptrKind != kind)
        {
            throw Stop.Reject(CheckFamily.Objects, $"{name} points to a dynptr of another kind than the helper takes");
        }

        if (argument.IsReleased)
        {
            if (dynptr.ReferenceId == 0)
            {
                throw Stop.Reject(CheckFamily.References, $"{name} is a dynptr that holds no reference");
            }

            call.ReleasedDynptr = dynptr.ReferenceId;
            return;
        }

        call.Dynptr = dynptr;
    }

    /// <summary>All dynptrs and slices of one record end together.</summary>
    private void ReleaseDynptr(int reference, string name)
    {
        ReleaseReference(reference, name);
        foreach (Frame frame in _state.Frames)
        {
            for (int i = 0; i < frame.Stack.Length; i++)
            {
                if (frame.Stack[i][0] == StackByte.Dynptr && frame.Stack[i].Spilled.ReferenceId == reference)
                {
                    ForgetSlices(frame.Stack[i].Spilled.Owner, isReleased: true);
                    frame.Stack[i].Clear();
                }
            }
        }
    }

    private void CheckDynptr(KfuncCall call, KfuncParameter parameter, string name, in RegisterState value)
    {
        RequireDynptrPlace(value, name);
        if (!parameter.IsUninitialised)
        {
            RegisterState dynptr = InitialisedDynptr(value, name);
            call.Dynptr = dynptr;
            return;
        }

        (DynptrKind kind, int reference) = call.Kfunc.Special switch
        {
            SpecialKfunc.DynptrFromSkb => (DynptrKind.Skb, 0),
            SpecialKfunc.DynptrFromSkbMeta => (DynptrKind.SkbMeta, 0),
            SpecialKfunc.DynptrFromXdp => (DynptrKind.Xdp, 0),
            SpecialKfunc.DynptrClone => (call.Dynptr.DynptrKind, call.Dynptr.ReferenceId),
            _ => throw Stop.NotModelled($"dynptrs of {call.Kfunc.Name}"),
        };
        MakeDynptr(value, name, kind, reference);
    }

    private RegisterState SliceOf(KfuncCall call)
    {
        if (call.Kfunc.Special == SpecialKfunc.DynptrSliceWritable && !VerificationScope.MayWritePacket(_scope.Type))
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{call.Kfunc.Name}: {_scope.Type.ToKernelName()} programs cannot write the packet");
        }

        bool isPacket = call.Dynptr.DynptrKind is DynptrKind.Skb or DynptrKind.Xdp or DynptrKind.SkbMeta;
        PointerTraits traits = (isPacket ? PointerTraits.PacketSlice : PointerTraits.None)
            | (call.Kfunc.Special == SpecialKfunc.DynptrSlice ? PointerTraits.ReadOnly : PointerTraits.None);
        return RegisterState.Pointer(RegisterKind.Memory, traits) with { MemorySize = (int)Math.Min((uint)call.Constant, int.MaxValue), Owner = call.Dynptr.Owner };
    }
}
