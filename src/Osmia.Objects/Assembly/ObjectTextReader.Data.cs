using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

/// <content>Values of variables.</content>
internal sealed partial class ObjectTextReader
{
    // What a file may ask for in a line (.zero) is bounded for the whole file.
    private const int MaximumData = 16 << 20;

    private int _dataSize;

    /// <summary>Whether data may stand here; says why not.</summary>
    private bool Accepts(int start) => _currentData is not null || _isInLicense
        || _operands.Fail(AssemblyErrors.Place("data stands among instructions", "a section of code holds instructions only", "go to .rodata, .data or .bss first"), start);

    private bool Put(ReadOnlySpan<byte> bytes, int start)
    {
        if (_isInLicense)
        {
            return SetLicense(bytes.ToArray());
        }

        if (!Reserve(bytes.Length, start))
        {
            return false;
        }

        if (DataSections.KindOf(_currentData!.Name) == DataSectionKind.ZeroInitialised && bytes.IndexOfAnyExcept((byte)0) >= 0)
        {
            return _operands.Fail(AssemblyErrors.Place("a value that is not zero stands in .bss", "the section has no bytes in the file", "put it into .data"), start);
        }

        _currentData.Bytes.AddRange(bytes);
        return true;
    }

    private bool Reserve(long count, int start)
    {
        if (count > MaximumData - _dataSize)
        {
            return _operands.Fail(AssemblyErrors.Number($"the variables take more than {MaximumData} bytes", "a text does not define more"), start);
        }

        _dataSize += (int)count;
        return true;
    }

    private bool Numbers(int size, int start)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!Accepts(start))
        {
            return false;
        }

        do
        {
            ulong value;
            if (size == sizeof(ulong))
            {
                if (!_operands.Immediate64(out value, out _))
                {
                    return false;
                }
            }
            else
            {
                long half = 1L << (8 * size - 1);
                if (!_operands.Number(-half, 2 * half - 1, $"a value of {size} bytes", out long number))
                {
                    return false;
                }

                value = unchecked((ulong)number);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            if (!Put(bytes[..size], start))
            {
                return false;
            }
        }
        while (_source.Take(","));
        return true;
    }

    private bool Strings(bool terminates, int start)
    {
        if (!Accepts(start))
        {
            return false;
        }

        do
        {
            if (!Quoted(out byte[] text) || !Put(terminates ? [.. text, 0] : text, start))
            {
                return false;
            }
        }
        while (_source.Take(","));
        return true;
    }

    private bool Zeros(bool isPadding, int start)
    {
        if (!Accepts(start) || !_operands.Number(0, MaximumData, "a number of bytes", out long count) || !Reserve(count, start))
        {
            return false;
        }

        if (_currentData is { } data)
        {
            if (isPadding)
            {
                data.End();
            }

            data.Bytes.AddRange(new byte[count]);
        }

        return true;
    }

    private bool Align(bool isPower, int start)
    {
        if (!_operands.Number(0, isPower ? 12 : 4096, "an alignment", out long number))
        {
            return false;
        }

        // Instructions are aligned anyway.
        long alignment = isPower ? 1L << (int)number : Math.Max(number, 1);
        if (_currentData is not { } data)
        {
            return true;
        }

        long padding = (alignment - data.Bytes.Count % alignment) % alignment;
        if (!Reserve(padding, start))
        {
            return false;
        }

        data.End();
        data.Bytes.AddRange(new byte[padding]);
        return true;
    }

    /// <summary>A string in quotes with C's escapes; text outside ASCII becomes UTF-8.</summary>
    private bool Quoted(out byte[] bytes)
    {
        bytes = [];
        if (!_operands.Expect("\""))
        {
            return false;
        }

        var text = new List<byte>();
        Span<byte> utf8 = stackalloc byte[4];
        while (_source.Current != '"')
        {
            if (_source.Rest.IsEmpty)
            {
                return _operands.Fail(AssemblyErrors.Syntax("this string does not end", "close it on the same line"));
            }

            if (_source.Current == '\\')
            {
                if (!Escape(out byte escaped))
                {
                    return false;
                }

                text.Add(escaped);
                continue;
            }

            OperationStatus status = Rune.DecodeFromUtf16(_source.Rest, out Rune rune, out int taken);
            rune = status == OperationStatus.Done ? rune : Rune.ReplacementChar;
            text.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
            _source.Position += Math.Max(taken, 1);
        }

        _source.Position++;
        bytes = [.. text];
        return true;
    }

    private bool Escape(out byte value)
    {
        value = 0;
        char kind = _source.After(1);
        if (kind == 'x' && char.IsAsciiHexDigit(_source.After(2)) && char.IsAsciiHexDigit(_source.After(3)))
        {
            value = Convert.FromHexString(_source.Rest.Slice(2, 2))[0];
            _source.Position += 4;
            return true;
        }

        int digits = 0;
        int octal = 0;
        while (digits < 3 && _source.After(1 + digits) is >= '0' and <= '7' and var digit)
        {
            octal = octal * 8 + digit - '0';
            digits++;
        }

        if (digits > 0 && octal <= byte.MaxValue)
        {
            value = (byte)octal;
            _source.Position += 1 + digits;
            return true;
        }

        int index = "ntr\\\"'abfv".IndexOf(kind, StringComparison.Ordinal);
        if (index < 0)
        {
            return _operands.Fail(AssemblyErrors.Syntax($"'\\{kind}' is no escape", "there are \\n \\t \\r \\\\ \\\" \\xHH and octal ones"));
        }

        value = (byte)"\n\t\r\\\"'\a\b\f\v"[index];
        _source.Position += 2;
        return true;
    }
}
