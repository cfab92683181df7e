using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace Osmia.Btf.Printing;

/// <summary>UTF-8 text under construction: a buffer that is filled, written out and cleared, so that printing a record allocates nothing.</summary>
public sealed class Utf8Buffer(int capacity = 512) : IBufferWriter<byte>
{
    // The longest number: a 128-bit integer, or a double in round-trip form.
    private const int NumberSpace = 48;

    // Shorter texts are copied here: calls into the framework are not inlined in code compiled ahead of time.
    private const int ShortText = 24;

    private byte[] _bytes = new byte[capacity];
    private int _length;

    /// <summary>Bytes written; smaller values cut the end off.</summary>
    public int Length
    {
        get => _length;
        set
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)value, (uint)_bytes.Length, nameof(value));
            _length = value;
        }
    }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, _length);

    /// <summary>The written bytes from a position on, to be changed in place.</summary>
    public Span<byte> WrittenFrom(int start) => _bytes.AsSpan(start, _length - start);

    public void Clear() => _length = 0;

    public Utf8Buffer Append(byte value)
    {
        if (_length == _bytes.Length)
        {
            Reserve(1);
        }

        _bytes[_length++] = value;
        return this;
    }

    public Utf8Buffer Append(ReadOnlySpan<byte> text)
    {
        int length = _length;
        if (text.Length > _bytes.Length - length)
        {
            Reserve(text.Length);
        }

        if (text.Length > ShortText)
        {
            text.CopyTo(_bytes.AsSpan(length));
        }
        else
        {
            byte[] bytes = _bytes;
            for (int i = 0; i < text.Length; i++)
            {
                bytes[length + i] = text[i];
            }
        }

        _length = length + text.Length;
        return this;
    }

    public Utf8Buffer Append(string text)
    {
        Span<byte> space = GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        Length += Encoding.UTF8.GetBytes(text, space);
        return this;
    }

    public Utf8Buffer Append(long value)
    {
        Utf8Formatter.TryFormat(value, GetSpan(NumberSpace), out int written);
        Length += written;
        return this;
    }

    public Utf8Buffer Append(ulong value)
    {
        Utf8Formatter.TryFormat(value, GetSpan(NumberSpace), out int written);
        Length += written;
        return this;
    }

    /// <summary>Any number in invariant form: <c>F3</c> for a double, <c>x</c> for an integer.</summary>
    public Utf8Buffer Append<T>(T value, ReadOnlySpan<char> format)
        where T : IUtf8SpanFormattable
    {
        int written;
        for (int space = NumberSpace; !value.TryFormat(GetSpan(space), out written, format, CultureInfo.InvariantCulture); space *= 2)
        {
        }

        Length += written;
        return this;
    }

    /// <summary><c>0x</c> and the digits.</summary>
    public Utf8Buffer AppendHex(ulong value) => Append("0x"u8).Append(value, "x");

    public Utf8Buffer AppendHexByte(byte value) => Append(value, "x2");

    public Utf8Buffer AppendRepeated(byte value, int count)
    {
        if (count > 0)
        {
            GetSpan(count)[..count].Fill(value);
            Length += count;
        }

        return this;
    }

    /// <summary>A line end in place of the spaces that stand at the end.</summary>
    public Utf8Buffer EndLine()
    {
        Length = Written.TrimEnd((byte)' ').Length;
        return Append((byte)'\n');
    }

    /// <summary>Moves what stands from <paramref name="start"/> on to the right, so that it ends <paramref name="width"/> characters after it.</summary>
    public void PadLeft(int start, int width)
    {
        int missing = width - CharactersFrom(start);
        if (missing > 0)
        {
            int length = Length - start;
            GetSpan(missing);
            _bytes.AsSpan(start, length).CopyTo(_bytes.AsSpan(start + missing));
            _bytes.AsSpan(start, missing).Fill((byte)' ');
            Length += missing;
        }
    }

    public void PadRight(int start, int width) => AppendRepeated((byte)' ', width - CharactersFrom(start));

    /// <summary>Characters (code points) from a position to the end.</summary>
    public int CharactersFrom(int start)
    {
        int characters = 0;
        foreach (byte value in _bytes.AsSpan(start, Length - start))
        {
            characters += (value & 0xc0) != 0x80 ? 1 : 0;
        }

        return characters;
    }

    public void Advance(int count) => Length += count;

    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsMemory(Length);
    }

    public Span<byte> GetSpan(int sizeHint = 0)
    {
        Reserve(sizeHint);
        return _bytes.AsSpan(Length);
    }

    public override string ToString() => Encoding.UTF8.GetString(Written);

    private void Reserve(int space)
    {
        int needed = checked(Length + Math.Max(space, 1));
        if (needed > _bytes.Length)
        {
            Array.Resize(ref _bytes, (int)Math.Max(needed, Math.Min(_bytes.Length * 2L, Array.MaxLength)));
        }
    }
}
