using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// The stack: registers are kept whole where they were stored whole, other bytes are zero or anything.
internal sealed partial class PathWalk
{
    private (Frame Frame, int Least, int Most) StackPlace(RegisterState pointer, string name, int offset, int size)
    {
        Frame frame = _state.Frames[pointer.Frame];
        Scalar number = pointer.Number;
        if (!number.IsConstant && (number.Wide.SMin <= -MaximumOffset || number.Wide.SMax >= MaximumOffset))
        {
            throw Stop.Reject(CheckFamily.StackUse, $"the offset of a stack access through {name} has no bounds");
        }

        long least = (long)pointer.Offset + offset + number.Wide.SMin;
        long most = (long)pointer.Offset + offset + number.Wide.SMax;
        if (least < -Frame.StackSize || most + size > 0)
        {
            throw Stop.Reject(CheckFamily.StackUse, $"bytes {least} to {most + size - 1} from the frame pointer ({name}) are not on the stack, which has {Frame.StackSize} below it");
        }

        if (!(number.Bits + Tnum.Constant((ulong)((long)pointer.Offset + offset))).IsAligned((uint)size))
        {
            throw Stop.Reject(CheckFamily.StackUse, number.IsConstant
                ? $"{size} bytes at offset {least} on the stack are not aligned to their size"
                : $"{size} bytes at an offset from {least} to {most} on the stack may not be aligned to their size");
        }

        frame.Reach((int)least);
        return (frame, (int)least, (int)most);
    }

    private RegisterState LoadFromStack(RegisterState pointer, string name, int offset, int size)
    {
        (Frame frame, int least, int most) = StackPlace(pointer, name, offset, size);
        NoteStackRead(frame, least, most + size);
        if (least != most)
        {
            RequireNoObjects(frame, least, most + size, name);
            // The kernel sees zeros of spilled registers only at a place that it knows.
            return AllZero(frame, least, most + size - least, out ulong registers) && registers == 0 ? RegisterState.Constant(0) : RegisterState.Bytes(size);
        }

        (int slot, int index) = Frame.Place(least);
        ref StackSlot stack = ref frame.Stack[slot];
        if (stack.IsObject)
        {
            throw Stop.Reject(CheckFamily.StackUse, $"{name} reads bytes of {stack.Spilled.Describe()} on the stack");
        }

        if (stack.IsSpill || stack[index] == StackByte.Spill)
        {
            if (stack.IsFullSpill && size == StackSlot.Size)
            {
                _trail.NoteStack(frame.Number, slot);
                return LoadSpilled(ref stack.Spilled);
            }

            if (!stack.Spilled.IsNumber)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{size} bytes are loaded of {stack.Spilled.Describe()} that stands on the stack: a pointer is loaded whole");
            }

            if (index == 0 && size <= stack.SpilledSize)
            {
                _trail.NoteStack(frame.Number, slot);
                bool fits = Fits(stack.Spilled.Number, size);
                RegisterState number = fits && size == sizeof(uint) && stack.SpilledSize == size ? LoadSpilled(ref stack.Spilled) : stack.Spilled;
                if (!fits)
                {
                    Unlink(ref number);
                }

                return number;
            }
        }

        return Zeros(frame, least, size) ? RegisterState.Constant(0) : RegisterState.Bytes(size);
    }

    /// <summary>The register it is loaded to is a copy, and learns with the one on the stack.</summary>
    private RegisterState LoadSpilled(ref RegisterState spilled)
    {
        if (spilled.IsNumber)
        {
            LinkCopies(ref spilled);
        }

        return spilled;
    }

    private RegisterState StoreToStack(RegisterState pointer, string name, int offset, int size, RegisterState value)
    {
        (Frame frame, int least, int most) = StackPlace(pointer, name, offset, size);
        if (value.Kind == RegisterKind.Stack && frame.Number != _state.Current.Number)
        {
            throw Stop.Reject(CheckFamily.StackUse, $"a pointer into a stack is stored on the stack of a caller ({name}), where it may outlive the function");
        }

        if (least != most)
        {
            RequirePreciseStore(value);
            for (int at = least; at < most + size; at++)
            {
                DestroyDynptr(frame, Frame.Place(at).Slot, name);
            }

            for (int at = least; at < most + size; at++)
            {
                (int slot, int index) = Frame.Place(at);
                ref StackSlot touched = ref frame.Stack[slot];
                bool staysZero = value.IsNull && (touched[index] == StackByte.Zero || (touched[index] == StackByte.Spill && touched.Spilled.IsNull));
                if (staysZero)
                {
                    continue;
                }

                touched.Break();
                touched.Set(index, StackByte.Misc);
            }

            return default;
        }

        (int place, int first) = Frame.Place(least);
        DestroyDynptr(frame, place, name);
        ref StackSlot stack = ref frame.Stack[place];
        if (value.IsPointer)
        {
            if (size != StackSlot.Size)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{size} bytes of {value.Describe()} are stored on the stack: a pointer is stored whole");
            }

            _trail.NoteStack(frame.Number, place);
            stack.Spill(value, size);
            return default;
        }

        if (first == 0)
        {
            _trail.NoteStack(frame.Number, place);
            if (stack.IsObject)
            {
                stack.Break();
            }

            if (!Fits(value.Number, size))
            {
                Unlink(ref value);
            }

            // The number is kept whole; which of its bytes stand here is cut out when they are loaded.
            stack.Spill(value, size);
            return default;
        }

        RequirePreciseStore(value);
        stack.Break();
        for (int i = first; i < first + size; i++)
        {
            stack.Set(i, value.IsNull ? StackByte.Zero : StackByte.Misc);
        }

        return default;
    }

    private static void RequireNoObjects(Frame frame, int least, int end, string name)
    {
        for (int at = least; at < end; at++)
        {
            ref StackSlot stack = ref frame.Stack[Frame.Place(at).Slot];
            if (stack.IsObject)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{name} may read bytes of {stack.Spilled.Describe()} on the stack");
            }
        }
    }

    /// <summary>The present instruction reads bytes of a stack: they must be alike where states are compared before it.</summary>
    /// <param name="end">Behind the last byte, at most 0.</param>
    private void NoteStackRead(Frame frame, long least, long end)
    {
        int last = Frame.Place((int)Math.Max(least, -Frame.StackSize)).Slot;
        int first = Frame.Place((int)end - 1).Slot;
        ulong slots = (last == 63 ? ulong.MaxValue : (1UL << (last + 1)) - 1) & ~((1UL << first) - 1);
        _stackLiveness.Read(_state, Slot, frame.Number, slots);
    }

    /// <summary>
    /// What a call may read through pointers into stacks: as much as the helper table says of the argument, and everything above the
    /// pointer where it says nothing. The program's own functions read by their own instructions.
    /// </summary>
    private void NoteStackReads(Instruction call)
    {
        if (call.IsLocalCall && !_scope.IsGlobal(_program.FunctionAt(Slot + 1 + call.Immediate)))
        {
            return;
        }

        HelperSignature? signature = call.IsHelperCall ? HelperTable.Find(call.Immediate)?.SignatureFor(_scope.Type, _scope.AttachType) : null;
        for (int i = 0; i < (signature?.Arguments.Count ?? 5); i++)
        {
            ref RegisterState pointer = ref _state.Registers[i + 1];
            if (pointer.Kind != RegisterKind.Stack)
            {
                continue;
            }

            long size = signature is null ? Frame.StackSize : StackBytesRead(signature, i);
            long least = Math.Max(pointer.Offset + Math.Max(pointer.Number.Wide.SMin, -2 * Frame.StackSize), -Frame.StackSize);
            long end = pointer.Offset + Math.Min(pointer.Number.Wide.SMax, Frame.StackSize) + size;
            if (size > 0 && least < 0)
            {
                NoteStackRead(_state.Frames[pointer.Frame], least, Math.Clamp(end, least + 1, 0));
            }
        }
    }

    private long StackBytesRead(HelperSignature signature, int index)
    {
        HelperArgument argument = signature.Arguments[index];
        if (argument.Access == HelperAccess.Write)
        {
            return 0;
        }

        bool hasMap = _state.Registers[1].Kind == RegisterKind.Map;
        return argument.Kind switch
        {
            HelperArgumentKind.MapKey when hasMap => Math.Min(_scope.Maps[_state.Registers[1].Map].KeySize, Frame.StackSize),
            HelperArgumentKind.MapValue when hasMap => Math.Min(_scope.Maps[_state.Registers[1].Map].ValueSize, Frame.StackSize),
            HelperArgumentKind.Memory when argument.Size > 0 => argument.Size,
            HelperArgumentKind.Memory when index + 1 < signature.Arguments.Count && signature.Arguments[index + 1].Kind is HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero =>
                (long)Math.Min(_state.Registers[index + 2].Number.Wide.UMax, Frame.StackSize),
            _ => Frame.StackSize,
        };
    }

    /// <summary>Bytes that become known to be zero are so only while the number stored is.</summary>
    private void RequirePreciseStore(in RegisterState value)
    {
        if (value.IsNull && _code[Slot].Opcode.Class == InstructionClass.Stx)
        {
            RequirePrecise(_code[Slot].Source);
        }
    }

    /// <summary>Whether all bytes are zero. Registers whose being zero tells so matter.</summary>
    private bool Zeros(Frame frame, int least, int size)
    {
        if (!AllZero(frame, least, size, out ulong spills))
        {
            return false;
        }

        RequirePreciseSlots(frame, spills);
        return true;
    }

    /// <summary>Bytes of zero, or of registers that are zero; the kernel makes nothing of a mixture of both.</summary>
    /// <param name="spills">Slots where registers stand that are zero.</param>
    private static bool AllZero(Frame frame, int least, int size, out ulong spills)
    {
        spills = 0;
        bool hasZeroBytes = false;
        for (int at = least; at < least + size; at++)
        {
            (int slot, int index) = Frame.Place(at);
            ref StackSlot stack = ref frame.Stack[slot];
            if (stack[index] == StackByte.Spill && stack.Spilled.IsNull)
            {
                spills |= 1UL << slot;
            }
            else if (stack[index] != StackByte.Zero)
            {
                return false;
            }
            else
            {
                hasZeroBytes = true;
            }
        }

        return spills == 0 || !hasZeroBytes;
    }

    private static bool Fits(Scalar number, int size) => size == 8 || number.Wide.UMax < 1UL << (size * 8);
}
