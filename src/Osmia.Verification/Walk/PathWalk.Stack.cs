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
            throw Stop.Reject(CheckFamily.StackUse, $"bytes {least} to {most + size} from the frame pointer ({name}) are not on the stack, which has {Frame.StackSize} below it");
        }

        if (number.IsConstant && least % size != 0)
        {
            throw Stop.Reject(CheckFamily.StackUse, $"{size} bytes at offset {least} on the stack are not aligned to their size");
        }

        frame.Reach((int)least);
        return (frame, (int)least, (int)most);
    }

    private RegisterState LoadFromStack(RegisterState pointer, string name, int offset, int size)
    {
        (Frame frame, int least, int most) = StackPlace(pointer, name, offset, size);
        if (least != most)
        {
            RequireNoObjects(frame, least, most + size, name);
            return AllZero(frame, least, most + size - least) ? RegisterState.Constant(0) : RegisterState.Bytes(size);
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
                return stack.Spilled;
            }

            if (!stack.Spilled.IsNumber)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{size} bytes are loaded of {stack.Spilled.Describe()} that stands on the stack: a pointer is loaded whole");
            }

            if (index == 0 && size <= stack.SpilledSize)
            {
                RegisterState number = stack.Spilled;
                return Fits(number.Number, size) ? number : RegisterState.Of(Truncate(number.Number, size));
            }
        }

        return AllZero(frame, least, size) ? RegisterState.Constant(0) : RegisterState.Bytes(size);
    }

    private RegisterState StoreToStack(RegisterState pointer, string name, int offset, int size, RegisterState value)
    {
        (Frame frame, int least, int most) = StackPlace(pointer, name, offset, size);
        if (least != most)
        {
            for (int at = least; at < most + size; at++)
            {
                DestroyDynptr(frame, Frame.Place(at).Slot, name);
            }

            for (int at = least; at < most + size; at++)
            {
                (int slot, int index) = Frame.Place(at);
                ref StackSlot touched = ref frame.Stack[slot];
                touched.Break();
                if (!(touched[index] == StackByte.Zero && value.IsNull))
                {
                    touched.Set(index, StackByte.Misc);
                }
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

            stack.Spill(value, size);
            return default;
        }

        if (first == 0)
        {
            stack.Break();
            stack.Spill(Fits(value.Number, size) ? value : RegisterState.Of(Truncate(value.Number, size)), size);
            return default;
        }

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

    private static bool AllZero(Frame frame, int least, int size)
    {
        for (int at = least; at < least + size; at++)
        {
            (int slot, int index) = Frame.Place(at);
            ref StackSlot stack = ref frame.Stack[slot];
            if (stack[index] != StackByte.Zero && !(stack[index] == StackByte.Spill && stack.Spilled.IsNull))
            {
                return false;
            }
        }

        return true;
    }

    private static bool Fits(Scalar number, int size) => size == 8 || number.Wide.UMax < 1UL << (size * 8);

    /// <summary>The low bytes of a number, as a narrow store or load leaves them.</summary>
    private static Scalar Truncate(Scalar number, int size) => size == 4 ? number.ZeroExtendLow() : Scalar.OfBits(number.Bits.ZeroExtend(size));
}
