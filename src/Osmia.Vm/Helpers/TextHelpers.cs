using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Text: parsing, comparing, formatting and tracing.</summary>
internal static unsafe class TextHelpers
{
    private const int MaxArguments = 12;
    private const int PrintkArguments = 3;
    private const int MaxDigits = 63;

    // What handing text to the host counts for, in bytes.
    private const int TraceCost = 2048;

    public static ulong ParseSigned(ExecutionSlot slot, ulong* r)
    {
        int length = LengthOf(slot, out ReadOnlySpan<byte> text);
        byte* result = slot.WritableArgument(4, sizeof(long));
        *(long*)result = 0;
        int used = Parse(text[..length], r[3], out ulong magnitude, out bool isNegative);
        if (used < 0)
        {
            return (ulong)(long)used;
        }

        if (isNegative ? magnitude > 1UL << 63 : magnitude > long.MaxValue)
        {
            return Errno.Negative(Errno.Range);
        }

        *(long*)result = isNegative ? (long)(0 - magnitude) : (long)magnitude;
        return (ulong)used;
    }

    public static ulong ParseUnsigned(ExecutionSlot slot, ulong* r)
    {
        int length = LengthOf(slot, out ReadOnlySpan<byte> text);
        byte* result = slot.WritableArgument(4, sizeof(ulong));
        *(ulong*)result = 0;
        int used = Parse(text[..length], r[3], out ulong magnitude, out bool isNegative);
        if (used < 0)
        {
            return (ulong)(long)used;
        }

        if (isNegative)
        {
            return Errno.Negative(Errno.Invalid);
        }

        *(ulong*)result = magnitude;
        return (ulong)used;
    }

    public static ulong Compare(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        byte* start = slot.ReadableArgument(1, (ulong)size);
        int room = (int)Math.Min((ulong)size, slot.ReadableFrom(r[3]));
        var left = new ReadOnlySpan<byte>(start, room);
        var right = new ReadOnlySpan<byte>((void*)r[3], room);
        int same = left.CommonPrefixLength(right);
        int end = left[..same].IndexOf((byte)0);
        if (end >= 0)
        {
            slot.ChargeSteps((ulong)end);
            return 0;
        }

        if (same < room)
        {
            slot.ChargeSteps((ulong)same);
            return left[same] < right[same] ? ulong.MaxValue : 1;
        }

        if (room < size)
        {
            slot.TrapArgumentMemory(3, r[3] + (ulong)room, 1, isWrite: false);
        }

        slot.ChargeSteps((ulong)size);
        return 0;
    }

    /// <summary>bpf_snprintf(str, size, fmt, data, data_len): the length with the final NUL, more than size when it was cut.</summary>
    public static ulong Format(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        var output = new Span<byte>(slot.WritableArgument(1, (ulong)size), size);
        ulong room = slot.ReadableFrom(r[3]);
        var text = new ReadOnlySpan<byte>((void*)r[3], (int)Math.Min(room, int.MaxValue));
        int end = text.IndexOf((byte)0);
        slot.Charge((ulong)Math.Max(end, 0));
        if (end < 0)
        {
            slot.TrapArgument(3, "is no text that ends with NUL");
        }

        slot.Charge((ulong)end);

        if (!TryReadArguments(slot, 4, 5, out ReadOnlySpan<ulong> arguments))
        {
            return Errno.Negative(Errno.Invalid);
        }

        var format = new FormatText(slot, size > 0 ? output[..^1] : output);
        int result = format.Write(text[..end], arguments);
        slot.ChargeSteps((ulong)format.Length);
        if (result < 0)
        {
            return (ulong)(long)result;
        }

        if (size > 0)
        {
            output[Math.Min(format.Length, size - 1)] = 0;
        }

        return (ulong)(format.Length + 1);
    }

    /// <summary>bpf_trace_printk(fmt, fmt_size, ...): the length written.</summary>
    public static ulong Trace(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        var text = new ReadOnlySpan<byte>(slot.ReadableArgument(1, (ulong)size), size);
        return Emit(slot, text, new ReadOnlySpan<ulong>(r + 3, PrintkArguments));
    }

    /// <summary>bpf_trace_vprintk(fmt, fmt_size, data, data_len).</summary>
    public static ulong TraceArray(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        var text = new ReadOnlySpan<byte>(slot.ReadableArgument(1, (ulong)size), size);
        return TryReadArguments(slot, 3, 4, out ReadOnlySpan<ulong> arguments) ? Emit(slot, text, arguments) : Errno.Negative(Errno.Invalid);
    }

    private static ulong Emit(ExecutionSlot slot, ReadOnlySpan<byte> text, ReadOnlySpan<ulong> arguments)
    {
        int end = text.IndexOf((byte)0);
        if (end < 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        Span<byte> buffer = slot.TraceBuffer;
        var format = new FormatText(slot, buffer);
        int result = format.Write(text[..end], arguments);
        if (result < 0)
        {
            return (ulong)(long)result;
        }

        int length = Math.Min(format.Length, buffer.Length);
        ReadOnlySpan<byte> line = buffer[..length];
        slot.ChargeSteps((ulong)(length + TraceCost));
        slot.Engine.Options.Trace?.Invoke(line is [.. var body, (byte)'\n'] ? body : line);
        return (ulong)length;
    }

    private static bool TryReadArguments(ExecutionSlot slot, int pointer, int length, out ReadOnlySpan<ulong> arguments)
    {
        int size = slot.LengthArgument(length);
        arguments = default;
        if (size % sizeof(ulong) != 0 || size > MaxArguments * sizeof(ulong))
        {
            return false;
        }

        arguments = size == 0 ? default : new ReadOnlySpan<ulong>(slot.ReadableArgument(pointer, (ulong)size), size / sizeof(ulong));
        return true;
    }

    private static int LengthOf(ExecutionSlot slot, out ReadOnlySpan<byte> text)
    {
        int length = slot.LengthArgument(2);
        text = new ReadOnlySpan<byte>(slot.ReadableArgument(1, (ulong)length), length);
        return length;
    }

    /// <returns>Bytes read, or a negative error number.</returns>
    private static int Parse(ReadOnlySpan<byte> text, ulong flags, out ulong magnitude, out bool isNegative)
    {
        magnitude = 0;
        isNegative = false;
        if (text.IsEmpty || flags is not (0 or 8 or 10 or 16))
        {
            return -Errno.Invalid;
        }

        int position = 0;
        while (position < text.Length && text[position] is (byte)' ' or >= 9 and <= 13)
        {
            position++;
        }

        if (position < text.Length && text[position] == '-')
        {
            isNegative = true;
            position++;
        }

        int limit = Math.Min(text.Length, position + MaxDigits);
        ReadOnlySpan<byte> digits = text[position..limit];
        int start = RadixOf(digits, flags, out uint radix);
        int at = start;
        for (; at < digits.Length; at++)
        {
            int digit = digits[at] switch { >= (byte)'0' and <= (byte)'9' and var c => c - '0', var c when char.IsAsciiHexDigit((char)c) => (c | 0x20) - 'a' + 10, _ => 99 };
            if (digit >= radix)
            {
                break;
            }

            UInt128 next = ((UInt128)magnitude * radix) + (uint)digit;
            if (next > ulong.MaxValue)
            {
                return -Errno.Range;
            }

            magnitude = (ulong)next;
        }

        return at == start ? -Errno.Invalid : position + at;
    }

    /// <summary>Base 0 reads 0x as hexadecimal and a leading 0 as octal.</summary>
    private static int RadixOf(ReadOnlySpan<byte> digits, ulong flags, out uint radix)
    {
        bool isPrefixed = digits.Length >= 2 && digits[0] == '0' && (digits[1] | 0x20) == 'x';
        bool isHexadecimal = isPrefixed && digits.Length >= 3 && char.IsAsciiHexDigit((char)digits[2]);
        radix = flags != 0 ? (uint)flags : isHexadecimal ? 16u : digits.Length > 0 && digits[0] == '0' ? 8u : 10u;
        return radix == 16 && isPrefixed ? 2 : 0;
    }
}
