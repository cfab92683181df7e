using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Osmia.Btf;

/// <summary>
/// All types of a blob and its base as words in the host's byte order, for work that goes over all of them: printing as C,
/// deduplication, copies. Costs as many bytes as the blob; single look-ups are better asked of <see cref="BtfTypes"/>.
/// </summary>
internal sealed class TypeGraph
{
    private readonly uint[] _words;
    private readonly int[] _starts;

    // The strings of all parts behind each other, as their offsets count, and a zero at the end.
    private readonly byte[] _strings;

    public TypeGraph(BtfTypes types)
    {
        Types = types;
        long bytes = 12;
        for (BtfTypes? part = types; part is not null; part = part.Base)
        {
            bytes += part.TypeSection.Length;
        }

        // void is a record of three zero words, at the front.
        _words = new uint[bytes / 4];
        _starts = new int[types.Count];
        _strings = new byte[types.StringsEnd + 1];
        int end = _words.Length;
        for (BtfTypes? part = types; part is not null; part = part.Base)
        {
            ReadOnlySpan<byte> section = part.TypeSection;
            int begin = end - section.Length / 4;
            Span<uint> words = _words.AsSpan(begin, section.Length / 4);
            section[..(words.Length * 4)].CopyTo(MemoryMarshal.AsBytes(words));
            if (part.IsBigEndian == BitConverter.IsLittleEndian)
            {
                BinaryPrimitives.ReverseEndianness(words, words);
            }

            part.StartsOfTypes(_starts, begin);
            part.StringSection.CopyTo(_strings.AsSpan((int)part.StringsBegin));
            end = begin;
        }
    }

    public BtfTypes Types { get; }

    public int Count => _starts.Length;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public BtfKind Kind(int id) => BtfKindExtensions.KindOf(_words[_starts[id] + 1]);

    public uint Name(int id) => _words[_starts[id]];

    public uint Info(int id) => _words[_starts[id] + 1];

    public bool KindFlag(int id) => _words[_starts[id] + 1] >> 31 != 0;

    /// <summary>Parts that follow the record: members, enumerators, parameters, section variables.</summary>
    public int PartCount(int id) => BtfKindExtensions.CountOf(_words[_starts[id] + 1]);

    public uint Size(int id) => _words[_starts[id] + 2];

    /// <summary>The type referred to; <c>void</c> for an id out of range.</summary>
    public int Referenced(int id) => Valid(_words[_starts[id] + 2]);

    public uint Word(int id, int index) => _words[_starts[id] + index];

    public int IdAt(int id, int index) => Valid(_words[_starts[id] + index]);

    /// <summary>The words of a type of a known kind; of another kind its first three.</summary>
    public ReadOnlySpan<uint> Record(int id)
    {
        uint info = Info(id);
        return _words.AsSpan(_starts[id], 3 + Math.Max(0, BtfKindExtensions.ExtraBytes(BtfKindExtensions.KindOf(info), BtfKindExtensions.CountOf(info))) / 4);
    }

    public int MemberType(int id, int index) => IdAt(id, 4 + index * 3);

    public uint MemberName(int id, int index) => _words[_starts[id] + 3 + index * 3];

    public int MemberBitOffset(int id, int index)
    {
        uint offset = _words[_starts[id] + 5 + index * 3];
        return (int)(KindFlag(id) ? offset & 0xffffff : offset & int.MaxValue);
    }

    public int MemberBitfieldSize(int id, int index) => KindFlag(id) ? (int)(_words[_starts[id] + 5 + index * 3] >> 24) : 0;

    /// <summary>A string without its terminator; empty when the offset is out of range.</summary>
    public ReadOnlySpan<byte> Text(uint offset)
    {
        byte[] strings = _strings;
        if (offset >= (uint)strings.Length)
        {
            return default;
        }

        // Names are short: a loop here is quicker than a call.
        int end = (int)offset;
        while (strings[end] != 0)
        {
            end++;
        }

        return new ReadOnlySpan<byte>(strings, (int)offset, end - (int)offset);
    }

    /// <summary>Compares two strings byte by byte.</summary>
    /// <param name="from">The bytes before are known to be the same.</param>
    // Written out: the framework's comparison of spans is compiled at start-up, and not to its best.
    public int CompareText(uint left, uint right, int from = 0)
    {
        if (left == right)
        {
            return 0;
        }

        ReadOnlySpan<byte> one = Text(left);
        ReadOnlySpan<byte> two = Text(right);
        int length = Math.Min(one.Length, two.Length);
        for (int i = from; i < length; i++)
        {
            if (one[i] != two[i])
            {
                return one[i] < two[i] ? -1 : 1;
            }
        }

        return one.Length.CompareTo(two.Length);
    }

    private int Valid(uint id) => id < (uint)_starts.Length ? (int)id : 0;
}
