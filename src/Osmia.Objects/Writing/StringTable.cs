using System.Buffers;
using System.Text;

namespace Osmia.Objects.Writing;

/// <summary>Strings with a zero after each, each once; the empty one first.</summary>
internal sealed class StringTable
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private readonly Dictionary<string, uint> _offsets = new(StringComparer.Ordinal) { [""] = 0 };

    public StringTable() => _bytes.Write("\0"u8);

    /// <summary>Goes on from the strings of a table that was read; their offsets stay.</summary>
    public StringTable(ReadOnlySpan<byte> existing)
    {
        _bytes.Write(existing);
        if (existing.IsEmpty || existing[^1] != 0)
        {
            _bytes.Write("\0"u8);
        }

        int start = 0;
        while (start < existing.Length && existing[start..].IndexOf((byte)0) is >= 0 and var length)
        {
            _offsets.TryAdd(Encoding.UTF8.GetString(existing.Slice(start, length)), (uint)start);
            start += length + 1;
        }
    }

    public uint Add(string text)
    {
        if (!_offsets.TryGetValue(text, out uint offset))
        {
            _offsets[text] = offset = (uint)_bytes.WrittenCount;
            _bytes.Write(Encoding.UTF8.GetBytes(text));
            _bytes.Write("\0"u8);
        }

        return offset;
    }

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
}
