using System.Globalization;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>
/// The format strings of bpf_trace_printk, bpf_trace_vprintk and bpf_snprintf: flags 0, +, -, space; a width; d i u x X with l or ll; c; s; p with the
/// kernel's extensions for addresses (pi4, pI4, pi6, pI6) and text (pks, pus). Symbol forms (ps, pS, pB) print the number.
/// </summary>
/// <remarks>Follows bpf_bprintf_prepare in kernel/trace/bpf_trace.c, Linux 6.18.</remarks>
internal ref struct FormatText(ExecutionSlot slot, Span<byte> output)
{
    private const int MaxText = 512;
    private const int MaxWidth = 1024;

    private readonly Span<byte> _output = output;
    private int _length;

    private bool _isLeft;
    private bool _isZeroPadded;
    private bool _hasPlus;
    private bool _hasSpace;
    private int _width;

    /// <summary>Characters the whole text has; more than the output holds means it was cut.</summary>
    public readonly int Length => _length;

    /// <returns>0, or -EINVAL for a format the kernel refuses.</returns>
    public int Write(ReadOnlySpan<byte> format, ReadOnlySpan<ulong> arguments)
    {
        int used = 0;
        for (int i = 0; i < format.Length; i++)
        {
            byte c = format[i];
            if ((c < 0x20 && c is not ((byte)'\n' or (byte)'\t' or (byte)'\r' or 0x0b or 0x0c)) || c == 0x7f)
            {
                return -Errno.Invalid;
            }

            if (c != '%')
            {
                Append(c);
                continue;
            }

            if (i + 1 < format.Length && format[i + 1] == '%')
            {
                Append(c);
                i++;
                continue;
            }

            i++;
            ReadFlags(format, ref i);
            if (i >= format.Length || used >= arguments.Length || !Convert(format, ref i, arguments[used++]))
            {
                return -Errno.Invalid;
            }
        }

        return 0;
    }

    private void ReadFlags(ReadOnlySpan<byte> format, ref int i)
    {
        _isLeft = _isZeroPadded = _hasPlus = _hasSpace = false;
        _width = 0;
        for (; i < format.Length; i++)
        {
            switch (format[i])
            {
                case (byte)'-':
                    _isLeft = true;
                    continue;
                case (byte)'0':
                    _isZeroPadded = true;
                    continue;
                case (byte)'+':
                    _hasPlus = true;
                    continue;
                case (byte)' ':
                    _hasSpace = true;
                    continue;
            }

            break;
        }

        for (; i < format.Length && format[i] is >= (byte)'0' and <= (byte)'9'; i++)
        {
            _width = Math.Min((_width * 10) + format[i] - '0', MaxWidth);
        }
    }

    /// <summary>One conversion; <paramref name="i"/> ends on its last character.</summary>
    private bool Convert(ReadOnlySpan<byte> format, ref int i, ulong argument)
    {
        switch (format[i])
        {
            case (byte)'p':
                return ConvertPointer(format, ref i, argument);
            case (byte)'s':
                AppendString(argument);
                return true;
            case (byte)'c':
                AppendPadded([(byte)argument], mayZeroPad: false);
                return true;
        }

        int longs = 0;
        while (longs < 2 && i < format.Length && format[i] == 'l')
        {
            longs++;
            i++;
        }

        if (i >= format.Length)
        {
            return false;
        }

        Span<byte> text = stackalloc byte[24];
        int length;
        switch (format[i])
        {
            case (byte)'d' or (byte)'i':
                AppendSigned(longs > 0 ? (long)argument : (int)argument);
                return true;
            case (byte)'u':
                (longs > 0 ? argument : (uint)argument).TryFormat(text, out length, default, CultureInfo.InvariantCulture);
                break;
            case (byte)'x':
                (longs > 0 ? argument : (uint)argument).TryFormat(text, out length, "x", CultureInfo.InvariantCulture);
                break;
            case (byte)'X':
                (longs > 0 ? argument : (uint)argument).TryFormat(text, out length, "X", CultureInfo.InvariantCulture);
                break;
            default:
                return false;
        }

        AppendPadded(text[..length], mayZeroPad: true);
        return true;
    }

    private bool ConvertPointer(ReadOnlySpan<byte> format, ref int i, ulong argument)
    {
        byte next = i + 1 < format.Length ? format[i + 1] : (byte)0;
        byte after = i + 2 < format.Length ? format[i + 2] : (byte)0;
        switch (next)
        {
            case (byte)'k' or (byte)'u' when after == 's':
                i += 2;
                AppendString(argument);
                return true;
            case (byte)'i' or (byte)'I' when after is (byte)'4' or (byte)'6':
                i += 2;
                AppendAddress(argument, isVersion4: after == '4', isFixed: next == 'i');
                return true;
            case (byte)'i' or (byte)'I' or (byte)'k' or (byte)'u':
                return false;
            case (byte)'s' or (byte)'S' or (byte)'B':
                i++;
                AppendSymbol(argument);
                return true;
            case (byte)'x' or (byte)'K':
                i++;
                break;
            case not 0 when !IsSpace(next) && !IsPunctuation(next):
                return false;
        }

        Span<byte> text = stackalloc byte[16];
        argument.TryFormat(text, out int length, "x16", CultureInfo.InvariantCulture);
        AppendPadded(text[..length], mayZeroPad: true);
        return true;
    }

    /// <summary>An address that no symbol of the kernel covers, as the kernel shows it.</summary>
    private void AppendSymbol(ulong address)
    {
        Span<byte> text = stackalloc byte[18];
        "0x"u8.CopyTo(text);
        address.TryFormat(text[2..], out int length, "x", CultureInfo.InvariantCulture);
        AppendPadded(text[..(length + 2)], mayZeroPad: false);
    }

    private void AppendSigned(long value)
    {
        Span<byte> text = stackalloc byte[24];
        ulong magnitude = value < 0 ? (ulong)-(value + 1) + 1 : (ulong)value;
        byte sign = value < 0 ? (byte)'-' : _hasPlus ? (byte)'+' : _hasSpace ? (byte)' ' : (byte)0;
        magnitude.TryFormat(text[1..], out int length, default, CultureInfo.InvariantCulture);
        if (sign == 0)
        {
            AppendPadded(text.Slice(1, length), mayZeroPad: true);
            return;
        }

        text[0] = sign;
        if (_isZeroPadded && !_isLeft && length + 1 < _width)
        {
            Append(sign);
            _width--;
            AppendPadded(text.Slice(1, length), mayZeroPad: true);
            return;
        }

        AppendPadded(text[..(length + 1)], mayZeroPad: false);
    }

    /// <summary>Text of the program's memory; unreadable text is empty, as in the kernel.</summary>
    private unsafe void AppendString(ulong address)
    {
        ulong room = Math.Min(slot.ReadableFrom(address), MaxText);
        var text = new ReadOnlySpan<byte>((void*)address, (int)room);
        int end = text.IndexOf((byte)0);
        AppendPadded(end < 0 ? text : text[..end], mayZeroPad: false);
    }

    private unsafe void AppendAddress(ulong address, bool isVersion4, bool isFixed)
    {
        int size = isVersion4 ? 4 : 16;
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        if (slot.FindRegion(address, (ulong)size, isWrite: false))
        {
            new ReadOnlySpan<byte>((void*)address, size).CopyTo(bytes);
        }

        Span<byte> text = stackalloc byte[40];
        int length = 0;
        for (int i = 0; i < size; i++)
        {
            int written;
            if (isVersion4)
            {
                if (i > 0)
                {
                    text[length++] = (byte)'.';
                }

                bytes[i].TryFormat(text[length..], out written, isFixed ? "d3" : default, CultureInfo.InvariantCulture);
            }
            else
            {
                if (i > 0 && i % 2 == 0 && !isFixed)
                {
                    text[length++] = (byte)':';
                }

                bytes[i].TryFormat(text[length..], out written, "x2", CultureInfo.InvariantCulture);
            }

            length += written;
        }

        AppendPadded(text[..length], mayZeroPad: false);
    }

    private void AppendPadded(scoped ReadOnlySpan<byte> text, bool mayZeroPad)
    {
        int padding = _width - text.Length;
        byte fill = mayZeroPad && _isZeroPadded && !_isLeft ? (byte)'0' : (byte)' ';
        for (; !_isLeft && padding > 0; padding--)
        {
            Append(fill);
        }

        foreach (byte c in text)
        {
            Append(c);
        }

        for (; padding > 0; padding--)
        {
            Append((byte)' ');
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Append(byte c)
    {
        if (_length < _output.Length)
        {
            _output[_length] = c;
        }

        _length++;
    }

    private static bool IsSpace(byte c) => c is (byte)' ' or (>= 9 and <= 13);

    private static bool IsPunctuation(byte c) => c is > 0x20 and < 0x7f && !char.IsAsciiLetterOrDigit((char)c);
}
