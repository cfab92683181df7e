using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Text;

namespace Osmia.Btf;

/// <summary>
/// Types by name: a chained hash table over essential names (without a <c>___</c> flavour), so that one bucket holds both a name and
/// its variants. Two words a type at most: 1 MB for the kernel's. Built in one pass when first asked for
/// (<see cref="BtfTypes.Names"/>); safe for concurrent readers.
/// </summary>
public sealed class BtfNameIndex
{
    private const int BlockSize = 32;
    private const uint Multiplier = 0x9e3779b1;

    // From N bytes before its middle on, N bytes are kept.
    private static ReadOnlySpan<byte> Kept =>
    [
        255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ];

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
    // checks, which is safe because the reader checked that each offset has a whole record behind it, and a block is read whole only
    // where the string section has as many bytes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Fill(BtfTypes types, int[] heads, int[] next)
    {
        int shift = 32 - BitOperations.Log2((uint)heads.Length);
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

            uint hash = 0;
            // Underscores as bits, after the last two of the block before; a run of three begins a flavour.
            ulong marks = 0;
            ulong runs = 0;
            if (name >= first && name - first < (uint)strings.Length)
            {
                for (int position = (int)(name - first); ; position += BlockSize)
                {
                    Vector256<byte> block = position <= strings.Length - BlockSize
                        ? Vector256.LoadUnsafe(ref text, (nuint)position)
                        : Block(strings[Math.Min(position, strings.Length)..]);
                    uint zeros = Vector256.Equals(block, Vector256<byte>.Zero).ExtractMostSignificantBits();
                    marks = ((ulong)Vector256.Equals(block, Vector256.Create((byte)'_')).ExtractMostSignificantBits() << 2) | (marks >> BlockSize);
                    if (zeros != 0)
                    {
                        int length = BitOperations.TrailingZeroCount(zeros);
                        block &= Vector256.LoadUnsafe(ref MemoryMarshal.GetReference(Kept), (nuint)(BlockSize - length));
                        marks &= (4UL << length) - 1;
                    }

                    runs |= marks & (marks >> 1) & (marks >> 2);
                    hash = Mix(hash, block);
                    if (zeros != 0)
                    {
                        break;
                    }
                }
            }

            if (runs != 0 || name < first)
            {
                hash = Hash(BtfTypes.EssentialName(types.StringBytes(name)));
            }

            ref int head = ref heads[hash >> shift];
            next[i + 1] = head;
            head = i + 1;
        }
    }

    // Only compared with others of this process, so the order of bytes in a word does not matter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Mix(uint hash, Vector256<byte> block)
    {
        hash += Vector256.Sum(block.AsUInt32() * Vector256.Create(0x9e3779b1u, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f, 0x165667b1, 0xd3a2646d, 0xfd7046c5, 0xb55a4f09));
        return (hash ^ (hash >> 15)) * Multiplier;
    }

    /// <summary>The next bytes of a string; zeros where it ends.</summary>
    private static Vector256<byte> Block(ReadOnlySpan<byte> rest)
    {
        Span<byte> block = stackalloc byte[BlockSize];
        block.Clear();
        rest[..Math.Min(rest.Length, BlockSize)].CopyTo(block);
        return Vector256.Create<byte>(block);
    }

    /// <summary>The same number for a name whose end is known.</summary>
    private static uint Hash(ReadOnlySpan<byte> name)
    {
        uint hash = 0;
        for (int position = 0; position <= name.Length; position += BlockSize)
        {
            hash = Mix(hash, Block(name[position..]));
        }

        return hash;
    }

    private int FirstOf(ReadOnlySpan<byte> name) => _heads[Hash(name) >> (32 - BitOperations.Log2((uint)_heads.Length))];

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
