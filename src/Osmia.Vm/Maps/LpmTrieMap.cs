using System.Numerics;
using System.Runtime.CompilerServices;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// Longest prefix match with the kernel's key: a 32-bit prefix length, then the data, most significant bit first. Prefixes of each
/// length stand in one hash table; a lookup asks it for the lengths in use, longest first.
/// </summary>
internal sealed unsafe class LpmTrieMap : VmMap
{
    private const int PrefixSize = sizeof(uint);

    private readonly uint _keySize;
    private readonly uint _maxPrefix;
    private readonly ulong _seed;
    private readonly EntryTable _table;
    private readonly int[] _countByLength;
    private readonly ulong[] _usedLengths;
    private readonly Comparer<int> _comparer;
    private int[]? _order;
    private int _orderVersion;
    private readonly TableStripe* _stripe;

    public LpmTrieMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _keySize = definition.KeySize;
        _maxPrefix = (_keySize - PrefixSize) * 8;
        _seed = engine.NextSeed();
        _countByLength = new int[_maxPrefix + 1];
        _usedLengths = new ulong[(_maxPrefix / 64) + 1];
        uint capacity = definition.MaxEntries + EntryTable.Spares(definition.MaxEntries, engine.Slots.Count, isStriped: false);
        ulong valueSpace = (definition.ValueSize + 7UL) & ~7UL;
        byte* memory = Allocate(EntryTable.MemorySize(capacity, _keySize, valueSpace, isStriped: false));
        _table = new EntryTable(memory, capacity, _keySize, valueSpace, isStriped: false);
        _stripe = _table.StripeOf(0);
        _comparer = Comparer<int>.Create(Compare);
    }

    public override byte* Lookup(byte* key, int cpu)
    {
        int version = Volatile.Read(ref _stripe->Version);
        if ((version & 1) == 0)
        {
            EntryHeader* entry = FindLongest(key);
            Volatile.ReadBarrier();
            if (Volatile.Read(ref _stripe->Version) == version)
            {
                return entry == null ? null : _table.Value(entry);
            }
        }

        NativeGate.Enter(&_stripe->Gate);
        EntryHeader* locked = FindLongest(key);
        NativeGate.Exit(&_stripe->Gate);
        return locked == null ? null : _table.Value(locked);
    }

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        uint length = PrefixOf(key);
        if (flags > 2 || length > _maxPrefix)
        {
            return -Errno.Invalid;
        }

        NativeGate.Enter(&_stripe->Gate);
        try
        {
            int existing = FindExact(key + PrefixSize, length);
            if (existing != 0 && flags == 1)
            {
                return -Errno.Exists;
            }

            if (existing == 0 && flags == 2)
            {
                return -Errno.NoEntry;
            }

            if (existing == 0 && !_table.TryCount(Definition.MaxEntries))
            {
                return -Errno.NoSpace;
            }

            int index = _table.Take();
            EntryHeader* entry = _table.Entry(index);
            EntryTable.BeginWrite(_stripe);
            Unsafe.CopyBlockUnaligned(EntryTable.Key(entry), key, _keySize);
            CopyValue(_table.Value(entry), value);
            _table.Link(index, HashOf(key + PrefixSize, length));
            if (existing != 0)
            {
                _table.Unlink(existing);
                _table.GiveBack(existing);
            }
            else if (_countByLength[length]++ == 0)
            {
                _usedLengths[length / 64] |= 1UL << (int)(length % 64);
                LookupBytes += _keySize;
            }

            EntryTable.EndWrite(_stripe);
            return 0;
        }
        finally
        {
            NativeGate.Exit(&_stripe->Gate);
        }
    }

    public override int Remove(byte* key)
    {
        uint length = PrefixOf(key);
        if (length > _maxPrefix)
        {
            return -Errno.Invalid;
        }

        NativeGate.Enter(&_stripe->Gate);
        int index = FindExact(key + PrefixSize, length);
        if (index != 0)
        {
            EntryTable.BeginWrite(_stripe);
            _table.Unlink(index);
            _table.GiveBack(index);
            _table.Uncount();
            if (--_countByLength[length] == 0)
            {
                _usedLengths[length / 64] &= ~(1UL << (int)(length % 64));
                LookupBytes -= _keySize;
            }

            EntryTable.EndWrite(_stripe);
        }

        NativeGate.Exit(&_stripe->Gate);
        return index == 0 ? -Errno.NoEntry : 0;
    }

    public override bool TryLocate(ulong address, out MapRegion region)
    {
        region = default;
        int index = _table.IndexOf(address);
        if (index == 0)
        {
            return false;
        }

        ulong start = (ulong)_table.Entry(index) + _table.ValueOffset;
        region = new(start, Definition.ValueSize, IsWritableByProgram);
        return address >= start;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        NativeGate.Enter(&_stripe->Gate);
        EntryHeader* entry = FindLongest(key);
        if (entry != null)
        {
            new ReadOnlySpan<byte>(_table.Value(entry), value.Length).CopyTo(value);
        }

        NativeGate.Exit(&_stripe->Gate);
        return entry != null;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        NativeGate.Enter(&_stripe->Gate);
        try
        {
            int[] order = Order();
            int index = key == null || PrefixOf(key) > _maxPrefix ? 0 : FindExact(key + PrefixSize, PrefixOf(key));
            int at = index == 0 ? 0 : Array.BinarySearch(order, index, _comparer) + 1;
            if (at >= order.Length)
            {
                return false;
            }

            new ReadOnlySpan<byte>(EntryTable.Key(_table.Entry(order[at])), next.Length).CopyTo(next);
            return true;
        }
        finally
        {
            NativeGate.Exit(&_stripe->Gate);
        }
    }

    /// <summary>All entries in the order the kernel walks its trie: what lies below a prefix before the prefix, 0 before 1. Made anew after a change.</summary>
    private int[] Order()
    {
        if (_order is null || _orderVersion != _stripe->Version)
        {
            var order = new List<int>(_table.Count);
            for (int index = _table.After(0, out _, isHeld: true); index != 0; index = _table.After(index, out _, isHeld: true))
            {
                order.Add(index);
            }

            order.Sort(_comparer);
            _order = [.. order];
            _orderVersion = _stripe->Version;
        }

        return _order;
    }

    private int Compare(int left, int right)
    {
        byte* a = EntryTable.Key(_table.Entry(left));
        byte* b = EntryTable.Key(_table.Entry(right));
        uint common = Math.Min(PrefixOf(a), PrefixOf(b));
        if (!HasPrefix(a + PrefixSize, b + PrefixSize, common))
        {
            // The first bit that differs lies within both, so that the bytes tell.
            int bytes = (int)(_keySize - PrefixSize);
            return new ReadOnlySpan<byte>(a + PrefixSize, bytes).SequenceCompareTo(new ReadOnlySpan<byte>(b + PrefixSize, bytes));
        }

        return PrefixOf(b).CompareTo(PrefixOf(a));
    }

    private protected override string Explain(int errno) => errno switch
    {
        Errno.NoSpace => $"the map holds at most {Definition.MaxEntries} prefixes",
        Errno.Invalid => $"the prefix length is at most {_maxPrefix}",
        _ => base.Explain(errno),
    };

    private static uint PrefixOf(byte* key) => Unsafe.ReadUnaligned<uint>(key);

    private EntryHeader* FindLongest(byte* key)
    {
        uint limit = PrefixOf(key);
        if (limit > _maxPrefix)
        {
            return null;
        }

        for (int word = (int)(limit / 64); word >= 0; word--)
        {
            ulong used = _usedLengths[word];
            if (word == (int)(limit / 64) && limit % 64 != 63)
            {
                used &= (2UL << (int)(limit % 64)) - 1;
            }

            while (used != 0)
            {
                int bit = 63 - BitOperations.LeadingZeroCount(used);
                int index = FindExact(key + PrefixSize, (uint)((word * 64) + bit));
                if (index != 0)
                {
                    return _table.Entry(index);
                }

                used &= ~(1UL << bit);
            }
        }

        return null;
    }

    private int FindExact(byte* data, uint length)
    {
        uint hash = HashOf(data, length);
        int index = _table.First(hash);
        uint steps = 0;
        while (index != 0 && steps++ <= _table.Capacity)
        {
            EntryHeader* entry = _table.Entry(index);
            byte* key = EntryTable.Key(entry);
            if (entry->Hash == hash && PrefixOf(key) == length && HasPrefix(key + PrefixSize, data, length))
            {
                return index;
            }

            index = entry->Next;
        }

        return 0;
    }

    private uint HashOf(byte* data, uint length)
    {
        uint bytes = length / 8;
        uint hash = KeyHash.Of(data, bytes, _seed + length);
        uint bits = length % 8;
        return bits == 0 ? hash : hash ^ ((uint)(data[bytes] >> (int)(8 - bits)) * 0x9e3779b1);
    }

    private static bool HasPrefix(byte* left, byte* right, uint length)
    {
        uint bytes = length / 8;
        int rest = (int)(8 - (length % 8));
        return new ReadOnlySpan<byte>(left, (int)bytes).SequenceEqual(new ReadOnlySpan<byte>(right, (int)bytes))
            && (rest == 8 || ((left[bytes] ^ right[bytes]) >> rest) == 0);
    }
}
