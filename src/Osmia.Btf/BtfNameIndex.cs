using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
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

    // Ids of this blob counted from 1; 0 ends a chain. Chains go up in ids.
    private readonly int[] _heads;
    private readonly int[] _next;

    internal BtfNameIndex(BtfTypes types)
    {
        _types = types;
        int own = types.Count - types.FirstId;
        _heads = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(own, 16))];
        _next = new int[own + 1];
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

    // Compiled at once in full: it runs once, over all types, and its first run is the one a user waits for.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fill(BtfTypes types, int[] heads, int[] next)
    {
        uint mask = (uint)heads.Length - 1;
        ReadOnlySpan<byte> data = types.Data.Span;
        ReadOnlySpan<byte> strings = types.StringSection;
        uint first = types.StringsBegin;
        bool isBigEndian = types.IsBigEndian;
        ReadOnlySpan<int> offsets = types.Offsets;
        for (int i = offsets.Length - 1; i >= 0; i--)
        {
            ReadOnlySpan<byte> record = data[offsets[i]..];
            uint name = isBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(record) : BinaryPrimitives.ReadUInt32LittleEndian(record);
            if (name == 0)
            {
                continue;
            }

            uint local = name - first;
            ulong hash = 0;
            bool mayHaveFlavour = false;
            if (name >= first && local < (uint)strings.Length)
            {
                // Eight bytes a step: the end of the name is the first zero byte among them.
                bool wasUnderscore = false;
                for (int position = (int)local; ; position += 8)
                {
                    ulong word = position <= strings.Length - 8
                        ? BinaryPrimitives.ReadUInt64LittleEndian(strings[position..])
                        : LastWord(strings[Math.Min(position, strings.Length)..]);
                    ulong zeros = (word - EachByte) & ~word & HighBits;
                    if (zeros != 0)
                    {
                        word &= (zeros & (0 - zeros)) / 0x80 - 1;
                    }

                    ulong underscores = word ^ Underscores;
                    underscores = (underscores - EachByte) & ~underscores & HighBits;
                    mayHaveFlavour |= (underscores & (underscores >> 8)) != 0 || (wasUnderscore && (byte)word == '_');
                    wasUnderscore = underscores >> 56 != 0;
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
                hash = Hash(types.StringBytes(name));
                mayHaveFlavour = true;
            }

            if (mayHaveFlavour)
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
        ulong word = 0;
        for (int i = Math.Min(7, rest.Length - 1); i >= 0; i--)
        {
            word = (word << 8) | rest[i];
        }

        return word;
    }

    /// <summary>The same number for a name whose end is known.</summary>
    private static ulong Hash(ReadOnlySpan<byte> name)
    {
        ulong hash = 0;
        for (int position = 0; position <= name.Length; position += 8)
        {
            hash = (hash ^ LastWord(name[position..])) * Multiplier;
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
