using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Facts;

/// <summary>What one state of the walk says, in the words of facts.</summary>
internal static class StateFacts
{
    /// <param name="frame">Number of the frame in which it is looked at, which stack pointers count from.</param>
    public static RegisterFact Of(in RegisterState register, int frame)
    {
        if (register.Kind == RegisterKind.NotInitialised)
        {
            return RegisterFact.Unknown;
        }

        // Of a number the offset says how it differs from what it was copied from.
        Scalar value = register.IsNumber || register.Offset == 0 ? register.Number : ScalarArithmetic.Apply64(ArithmeticOperation.Add, register.Number, Scalar.Constant((ulong)register.Offset));
        bool hasMap = register.Kind is RegisterKind.Map or RegisterKind.MapValue or RegisterKind.MapKey;
        return new RegisterFact(KindOf(register.Kind), register.IsNullable, value, hasMap ? register.Map : -1, register.Kind == RegisterKind.Stack ? frame - register.Frame : -1);
    }

    /// <summary>Of eight bytes of stack; bytes of mixed kinds are unknown.</summary>
    public static RegisterFact Of(in StackSlot slot, int frame)
    {
        if (slot.IsFullSpill)
        {
            return Of(slot.Spilled, frame);
        }

        for (int i = 0; i < StackSlot.Size; i++)
        {
            if (slot[i] != StackByte.Zero)
            {
                return RegisterFact.Unknown;
            }
        }

        return Of(RegisterState.Constant(0), frame);
    }

    private static ValueKind KindOf(RegisterKind kind) => kind switch
    {
        RegisterKind.Number => ValueKind.Number,
        RegisterKind.Context => ValueKind.Context,
        RegisterKind.Map => ValueKind.Map,
        RegisterKind.MapValue => ValueKind.MapValue,
        RegisterKind.MapKey => ValueKind.MapKey,
        RegisterKind.Stack => ValueKind.Stack,
        RegisterKind.Packet => ValueKind.Packet,
        RegisterKind.PacketMeta => ValueKind.PacketMeta,
        RegisterKind.PacketEnd => ValueKind.PacketEnd,
        RegisterKind.Memory => ValueKind.Memory,
        RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket => ValueKind.Socket,
        RegisterKind.FlowKeys => ValueKind.FlowKeys,
        RegisterKind.Function => ValueKind.Function,
        RegisterKind.Typed => ValueKind.Typed,
        _ => ValueKind.OtherPointer,
    };

    /// <summary>Whether the kernel vouches for a pointer, so that touching what it points to cannot fault.</summary>
    public static bool IsVouchedFor(in RegisterState pointer) => pointer.Kind switch
    {
        RegisterKind.Typed => (pointer.Traits & PointerTraits.Trusted) != 0,
        RegisterKind.Memory => (pointer.Traits & PointerTraits.Untrusted) == 0,
        RegisterKind.Context or RegisterKind.MapValue or RegisterKind.MapKey or RegisterKind.Stack or RegisterKind.Packet or RegisterKind.PacketMeta
            or RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.FlowKeys => true,
        _ => false,
    };
}
