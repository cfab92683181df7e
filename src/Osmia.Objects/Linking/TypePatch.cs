using System.Buffers.Binary;
using System.Text;
using Osmia.Btf;

namespace Osmia.Objects.Linking;

/// <summary>
/// A changed copy of a little-endian BTF blob: words overwritten in place, types and strings added at the ends. Ids and string
/// offsets that were there stay what they were, so everything that refers to the original refers to the copy.
/// </summary>
internal sealed class TypePatch
{
    private const int HeaderSize = 24;

    private readonly BtfTypes _source;
    private readonly byte[] _types;
    private readonly byte[] _strings;
    private readonly int _typesStart;
    private readonly List<uint> _addedTypes = [];
    private readonly List<byte> _addedStrings = [];
    private int _addedCount;

    public TypePatch(BtfTypes source)
    {
        _source = source;
        ReadOnlySpan<byte> data = source.Data.Span;
        int header = BinaryPrimitives.ReadInt32LittleEndian(data[4..]);
        _typesStart = header + BinaryPrimitives.ReadInt32LittleEndian(data[8..]);
        _types = data.Slice(_typesStart, BinaryPrimitives.ReadInt32LittleEndian(data[12..])).ToArray();
        _strings = data.Slice(header + BinaryPrimitives.ReadInt32LittleEndian(data[16..]), BinaryPrimitives.ReadInt32LittleEndian(data[20..])).ToArray();
    }

    /// <summary>Overwrites a word of a type: 0 name offset, 1 info, 2 size or type, 3.. what its kind adds.</summary>
    public void Set(TypeId id, int word, uint value) =>
        BinaryPrimitives.WriteUInt32LittleEndian(_types.AsSpan(_source.OffsetOf(id) - _typesStart + word * 4), value);

    public uint Get(TypeId id, int word) =>
        BinaryPrimitives.ReadUInt32LittleEndian(_types.AsSpan(_source.OffsetOf(id) - _typesStart + word * 4));

    public uint AddString(string text)
    {
        uint offset = (uint)(_strings.Length + _addedStrings.Count);
        _addedStrings.AddRange(Encoding.UTF8.GetBytes(text));
        _addedStrings.Add(0);
        return offset;
    }

    public TypeId AddType(params ReadOnlySpan<uint> words)
    {
        _addedTypes.AddRange(words);
        return new TypeId(_source.Count + _addedCount++);
    }

    public BtfTypes ToTypes()
    {
        int typesLength = _types.Length + _addedTypes.Count * 4;
        int stringsLength = _strings.Length + _addedStrings.Count;
        byte[] blob = new byte[HeaderSize + typesLength + stringsLength];
        Span<byte> span = blob;
        _source.Data.Span[..4].CopyTo(span);
        BinaryPrimitives.WriteInt32LittleEndian(span[4..], HeaderSize);
        BinaryPrimitives.WriteInt32LittleEndian(span[12..], typesLength);
        BinaryPrimitives.WriteInt32LittleEndian(span[16..], typesLength);
        BinaryPrimitives.WriteInt32LittleEndian(span[20..], stringsLength);
        _types.CopyTo(span[HeaderSize..]);
        for (int i = 0; i < _addedTypes.Count; i++)
        {
            BinaryPrimitives.WriteUInt32LittleEndian(span[(HeaderSize + _types.Length + i * 4)..], _addedTypes[i]);
        }

        Span<byte> strings = span[(HeaderSize + typesLength)..];
        _strings.CopyTo(strings);
        for (int i = 0; i < _addedStrings.Count; i++)
        {
            strings[_strings.Length + i] = _addedStrings[i];
        }

        return BtfTypes.Parse(blob);
    }
}
