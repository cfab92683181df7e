using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Writing;

/// <summary>
/// An object's BTF while it is written: every type keeps its number, words of a type may change, types and strings are added behind.
/// </summary>
/// <remarks>Layout: Documentation/bpf/btf.rst of the Linux kernel; a type is a name, an info word, a size or type, and words of its kind.</remarks>
internal sealed class TypeDraft
{
    private const int HeaderSize = 24;
    private const int HeaderWords = 3;
    private const int SectionEntryWords = 3;

    private readonly List<uint[]> _types = [];
    private readonly uint[] _unknown = [];
    private readonly StringTable _strings = new();
    private readonly string _object;
    private TypeId _int;

    /// <param name="source">Null begins with no types.</param>
    /// <param name="objectName">Stands in errors.</param>
    public TypeDraft(BtfTypes? source, string objectName)
    {
        _object = objectName;
        if (source is null)
        {
            return;
        }

        ReadOnlySpan<byte> data = source.Data.Span;
        uint header = Word(source, 4);
        int end = (int)(header + Word(source, 8) + Word(source, 12));
        int next = (int)(header + Word(source, 8));
        for (int id = source.FirstId; id < source.Count; id++)
        {
            int start = source.OffsetOf(new TypeId(id));
            next = start + (HeaderWords + ExtraWords(source[id])) * 4;
            _types.Add(Words(source, start, next));
        }

        // A kind that this version does not know ends the types that can be counted; the rest goes along as it is.
        _unknown = source.IsComplete ? [] : Words(source, next, end);
        _strings = new StringTable(data.Slice((int)(header + Word(source, 16)), (int)Word(source, 20)));
    }

    public int Count => _types.Count + 1;

    public uint String(string text) => _strings.Add(text);

    /// <summary>The words of a type of this draft, to be changed in place.</summary>
    public Span<uint> this[TypeId id] => _types[id.Value - 1];

    public bool Has(TypeId id) => id.Value > 0 && id.Value < Count;

    public TypeId Add(BtfKind kind, string name, uint count, uint sizeOrType, params ReadOnlySpan<uint> rest)
    {
        if (_unknown.Length > 0)
        {
            throw WriteErrors.CannotWrite(_object, "a definition must be added to its BTF, which ends in a kind of type that this version does not know", "section .BTF");
        }

        _types.Add([String(name), Info(kind, count), sizeOrType, .. rest]);
        return new TypeId(_types.Count);
    }

    /// <summary>Replaces the variables of a data section; sorted by offset as the kernel wants them.</summary>
    public void SetSection(TypeId id, uint size, IReadOnlyList<BtfSectionVariable> variables)
    {
        if (variables.Count > ushort.MaxValue)
        {
            throw WriteErrors.CannotWrite(_object, $"a data section of {variables.Count} variables is more than BTF describes ({ushort.MaxValue})", "section .BTF");
        }

        var words = new uint[HeaderWords + variables.Count * SectionEntryWords];
        (words[0], words[1], words[2]) = (this[id][0], Info(BtfKind.DataSection, (uint)variables.Count), size);
        for (int i = 0; i < variables.Count; i++)
        {
            (words[HeaderWords + i * 3], words[HeaderWords + i * 3 + 1], words[HeaderWords + i * 3 + 2]) = ((uint)variables[i].Type.Value, variables[i].Offset, variables[i].Size);
        }

        _types[id.Value - 1] = words;
    }

    /// <summary>Replaces a type that nothing refers to.</summary>
    public void MakeConstVoid(TypeId id) => _types[id.Value - 1] = [0, Info(BtfKind.Const, 0), 0];

    /// <summary>Makes a variable or function one of another object (<c>extern</c>).</summary>
    public void MakeExternal(TypeId id)
    {
        if (!Has(id))
        {
            return;
        }

        Span<uint> words = this[id];
        switch ((BtfKind)((words[1] >> 24) & 0x1f))
        {
            case BtfKind.Variable:
                words[HeaderWords] = (uint)BtfLinkage.External;
                break;
            case BtfKind.Function:
                words[1] = (words[1] & 0xffff_0000) | (uint)BtfLinkage.External;
                break;
        }
    }

    /// <summary>The plain <c>int</c> that definitions of maps are written with.</summary>
    public TypeId Int(BtfTypes? source)
    {
        const uint signed32 = (1u << 24) | 32;
        if (_int.IsVoid && source is not null)
        {
            _int = source.Find(BtfKind.Int, "int");
        }

        return _int = _int.IsVoid ? Add(BtfKind.Int, "int", 0, 4, signed32) : _int;
    }

    public byte[] ToArray(bool bigEndian)
    {
        var types = new ByteSink(bigEndian);
        foreach (uint[] words in _types.Append(_unknown))
        {
            foreach (uint word in words)
            {
                types.Put32(word);
            }
        }

        byte[] strings = _strings.ToArray();
        var blob = new ByteSink(bigEndian);
        blob.Put16(BtfTypes.Magic);
        blob.Put8(1);
        blob.Put8(0);
        foreach (int word in (int[])[HeaderSize, 0, types.Length, types.Length, strings.Length])
        {
            blob.Put32((uint)word);
        }

        blob.Put(types.ToArray());
        blob.Put(strings);
        return blob.ToArray();
    }

    private static uint Info(BtfKind kind, uint count) => ((uint)kind << 24) | count;

    private static int ExtraWords(BtfType type) => type.Kind switch
    {
        BtfKind.Int or BtfKind.Variable or BtfKind.DeclarationTag => 1,
        BtfKind.Array => 3,
        BtfKind.Struct or BtfKind.Union or BtfKind.DataSection or BtfKind.Enum64 => 3 * type.Count,
        BtfKind.Enum or BtfKind.FunctionPrototype => 2 * type.Count,
        _ => 0,
    };

    private static uint[] Words(BtfTypes source, int start, int end)
    {
        var words = new uint[Math.Max(end - start, 0) / 4];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = Word(source, start + i * 4);
        }

        return words;
    }

    private static uint Word(BtfTypes source, int offset) => source.IsBigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(source.Data.Span[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(source.Data.Span[offset..]);
}
