using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Osmia.Btf;

/// <summary>
/// Types by name: a chained hash table over essential names (without a <c>___</c> flavour), so that one bucket holds both a name and
/// its variants. Two words a type at most: 1 MB for the kernel's. Built in one pass when first asked for
/// (<see cref="BtfTypes.Names"/>); safe for concurrent readers.
/// </summary>
public sealed class BtfNameIndex
{
    private const ulong EachByte = 0x0101010101010101;
    private const ulong HighBits = 0x8080808080808080;
    private const ulong Underscores = 0x5f5f5f5f5f5f5f5f;
    private const ulong Multiplier = 0x9e3779b97f4a7c15;

    private readonly BtfTypes _types;

    // Ids of this blob counted from 1; 0 ends a chain. Chains go up in ids; what has no name is in none, and its next is never read.
    private readonly int[] _heads;
    private readonly int[] _next;

    internal BtfNameIndex(BtfTypes types)
    {
        _types = types;
        int own = types.Count - types.FirstId;
        // About half of the types have a name.
        _heads = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(own, 16)) / 2];
        _next = GC.AllocateUninitializedArray<int>(own + 1);
        Fill(types, _heads, _next);
    }

    /// <summary>The first type of a kind and name (flavour included), in the base before this blob; <c>void</c> if there is none.</summary>
    public TypeId Find(BtfKind kind, ReadOnlySpan<byte> name)
    {
        foreach (TypeId id in Variants(BtfTypes.EssentialName(name)))
        {
            BtfType type = _types[id];
            if (type.Kind == kind && type.NameBytes.SequenceEqual(name))
            {
                return id;
            }
        }

        return TypeId.Void;
    }

    public TypeId Find(BtfKind kind, string name) => Find(kind, Encoding.UTF8.GetBytes(name));

    /// <summary>
    /// Every type whose name without flavour is <paramref name="essentialName"/>, of any kind, in the order of ids: the candidates
    /// of CO-RE.
    /// </summary>
    public VariantEnumerator Variants(ReadOnlySpan<byte> essentialName) => new(this, essentialName);

    // Compiled at once in full: it runs once, over all types, and its first run is the one a user waits for. Reads without bounds
    // checks, which is safe because the reader checked that each offset has a whole record behind it, and a name is read eight bytes a
    // step only where the string section has eight more.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fill(BtfTypes types, int[] heads, int[] next)
    {
        uint mask = (uint)heads.Length - 1;
        ref byte data = ref MemoryMarshal.GetReference(types.Data.Span);
        ReadOnlySpan<byte> strings = types.StringSection;
        ref byte text = ref MemoryMarshal.GetReference(strings);
        uint first = types.StringsBegin;
        bool isSwapped = types.IsBigEndian == BitConverter.IsLittleEndian;
        ReadOnlySpan<int> offsets = types.Offsets;
        for (int i = offsets.Length - 1; i >= 0; i--)
        {
            uint name = Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref data, offsets[i]));
            name = isSwapped ? BinaryPrimitives.ReverseEndianness(name) : name;
            if (name == 0)
            {
                continue;
            }

            ulong hash = 0;
            ulong flavour = 0;
            if (name >= first && name - first < (uint)strings.Length)
            {
                // The end of the name is the first zero byte; a run of three underscores, across steps too, begins a flavour.
                ulong before = 0;
                for (int position = (int)(name - first); ; position += 8)
                {
                    ulong word = position <= strings.Length - 8
                        ? Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref text, position))
                        : LastWord(strings[Math.Min(position, strings.Length)..]);
                    word = BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
                    ulong zeros = (word - EachByte) & ~word & HighBits;
                    if (zeros != 0)
                    {
                        word &= (zeros & (0 - zeros)) / 0x80 - 1;
                    }

                    ulong marks = word ^ Underscores;
                    marks = (marks - EachByte) & ~marks & HighBits;
                    flavour |= marks & ((marks << 8) | (before >> 56)) & ((marks << 16) | (before >> 48));
                    before = marks;
                    hash = (hash ^ word) * Multiplier;
                    hash ^= hash >> 29;
                    if (zeros != 0)
                    {
                        break;
                    }
                }
            }
            else
            {
                flavour = 1;
            }

            if (flavour != 0)
            {
                hash = Hash(BtfTypes.EssentialName(types.StringBytes(name)));
            }

            ref int head = ref heads[(uint)(hash >> 32) & mask];
            next[i + 1] = head;
            head = i + 1;
        }
    }

    private static ulong LastWord(ReadOnlySpan<byte> rest)
    {
        // The first byte lowest on every host; where it is read as a whole word, that is put right.
        ulong word = 0;
        for (int i = Math.Min(7, rest.Length - 1); i >= 0; i--)
        {
            word = (word << 8) | rest[i];
        }

        return BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word);
    }

    /// <summary>The same number for a name whose end is known.</summary>
    private static ulong Hash(ReadOnlySpan<byte> name)
    {
        ulong hash = 0;
        for (int position = 0; position <= name.Length; position += 8)
        {
            ulong word = LastWord(name[position..]);
            hash = (hash ^ (BitConverter.IsLittleEndian ? word : BinaryPrimitives.ReverseEndianness(word))) * Multiplier;
            hash ^= hash >> 29;
        }

        return hash;
    }

    private int FirstOf(ReadOnlySpan<byte> name) => _heads[(uint)(Hash(name) >> 32) & (uint)(_heads.Length - 1)];

    /// <summary>Walks the types of one name; the base's first.</summary>
    public ref struct VariantEnumerator
    {
        private readonly BtfNameIndex _last;
        private readonly ReadOnlySpan<byte> _name;
        private BtfNameIndex _index;
        private int _at;
        private bool _isStarted;

        internal VariantEnumerator(BtfNameIndex last, ReadOnlySpan<byte> name)
        {
            _last = last;
            _name = name;
            _index = last;
            while (_index._types.Base is { } below)
            {
                _index = below.Names;
            }
        }

        public readonly TypeId Current => new(_index._types.FirstId + _at - 1);

        public readonly VariantEnumerator GetEnumerator() => this;

        public bool MoveNext()
        {
            while (true)
            {
                _at = _isStarted ? _index._next[_at] : _index.FirstOf(_name);
                _isStarted = true;
                if (_at == 0)
                {
                    if (ReferenceEquals(_index, _last))
                    {
                        return false;
                    }

                    _index = Above();
                    _isStarted = false;
                    continue;
                }

                if (BtfTypes.EssentialName(_index._types[Current].NameBytes).SequenceEqual(_name))
                {
                    return true;
                }
            }
        }

        private readonly BtfNameIndex Above()
        {
            BtfTypes types = _last._types;
            while (!ReferenceEquals(types.Base, _index._types))
            {
                types = types.Base!;
            }

            return types.Names;
        }
    }
}
