using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Hooks;

/// <summary>
/// The C# types that a helper may take and give: numbers of up to 64 bits, enums of them, and memory of the program as spans of bytes, which take two
/// registers, the address and the length.
/// </summary>
internal static unsafe class HelperTypes
{
    /// <summary>In the words of <see cref="Bytecode.Helper.Define"/>.</summary>
    public static string Argument<T>()
        where T : allows ref struct => typeof(T) == typeof(ReadOnlySpan<byte>) ? "in mem, size0"
        : typeof(T) == typeof(Span<byte>) ? "out mem, size0"
        : SizeOf(typeof(T)) > 0 ? "scalar"
        : throw new ArgumentException($"a helper cannot take {typeof(T).Name}: it takes numbers of up to 64 bits, ReadOnlySpan<byte> and Span<byte>");

    public static string Result<T>() => typeof(T) == typeof(Nothing) ? "void"
        : SizeOf(typeof(T)) > 0 ? "int"
        : throw new ArgumentException($"a helper cannot return {typeof(T).Name}: it returns a number of up to 64 bits, or nothing");

    public static string List(params ReadOnlySpan<string> words)
    {
        string list = string.Join(", ", words!);
        int registers = list.Split(',').Length;
        return registers <= 5 ? list : throw new ArgumentException($"a helper has 5 registers for its arguments, and these need {registers}: a span takes two");
    }

    /// <summary>How C declares a parameter.</summary>
    public static string C<T>()
        where T : allows ref struct => typeof(T) == typeof(ReadOnlySpan<byte>) ? "const void *bytes, unsigned long long size"
        : typeof(T) == typeof(Span<byte>) ? "void *bytes, unsigned long long size"
        : NumberOf(typeof(T));

    public static string Declare<TR>(string name, params ReadOnlySpan<string> parameters) =>
        $"static {(typeof(TR) == typeof(Nothing) ? "void" : NumberOf(typeof(TR)))} (*const {name})({(parameters.Length == 0 ? "void" : string.Join(", ", parameters!))})";

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static T Read<T>(ExecutionSlot slot, ulong* registers, ref int at)
        where T : allows ref struct
    {
        if (typeof(T) == typeof(ReadOnlySpan<byte>))
        {
            int length = slot.LengthArgument(at + 1);
            var bytes = new ReadOnlySpan<byte>(slot.ReadableArgument(at, (ulong)length), length);
            at += 2;
            return Unsafe.As<ReadOnlySpan<byte>, T>(ref bytes);
        }

        if (typeof(T) == typeof(Span<byte>))
        {
            int length = slot.LengthArgument(at + 1);
            var bytes = new Span<byte>(slot.WritableArgument(at, (ulong)length), length);
            at += 2;
            return Unsafe.As<Span<byte>, T>(ref bytes);
        }

        if (typeof(T) == typeof(bool))
        {
            bool isSet = (byte)registers[at++] != 0;
            return Unsafe.As<bool, T>(ref isSet);
        }

        // The low bytes come first on every host that .NET runs on.
        return Unsafe.As<ulong, T>(ref registers[at++]);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ref T Context<T>(ExecutionSlot slot)
        where T : unmanaged
    {
        slot.ContextArgument(1);
        return ref slot.ContextAt<T>(0);
    }

    /// <summary>Signed numbers are sign-extended, so that programs may compare all 64 bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ToRegister<T>(T value)
    {
        if (typeof(T) == typeof(Nothing))
        {
            return 0;
        }

        if (typeof(T) == typeof(int))
        {
            return (ulong)Unsafe.As<T, int>(ref value);
        }

        if (typeof(T) == typeof(short))
        {
            return (ulong)Unsafe.As<T, short>(ref value);
        }

        if (typeof(T) == typeof(sbyte))
        {
            return (ulong)Unsafe.As<T, sbyte>(ref value);
        }

        ulong register = 0;
        Unsafe.As<ulong, T>(ref register) = value;
        return register;
    }

    private static int SizeOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean or TypeCode.Byte or TypeCode.SByte => 1,
        TypeCode.Int16 or TypeCode.UInt16 => 2,
        TypeCode.Int32 or TypeCode.UInt32 => 4,
        TypeCode.Int64 or TypeCode.UInt64 => 8,
        _ => 0,
    };

    private static string NumberOf(Type type) => Type.GetTypeCode(type) switch
    {
        TypeCode.Boolean => "_Bool",
        TypeCode.Byte => "unsigned char",
        TypeCode.SByte => "signed char",
        TypeCode.Int16 => "short",
        TypeCode.UInt16 => "unsigned short",
        TypeCode.Int32 => "int",
        TypeCode.UInt32 => "unsigned int",
        TypeCode.Int64 => "long long",
        _ => "unsigned long long",
    };

    /// <summary>The result of a helper that gives none.</summary>
    internal readonly struct Nothing;
}
