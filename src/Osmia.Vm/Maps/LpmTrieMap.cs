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
    private readonly uint _dataSize;
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
        _dataSize = _keySize - PrefixSize;
        _maxPrefix = _dataSize * 8;
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

    /// <summary>The same for compiled code, which knows the map; it does not count <see cref="VmMap.LookupBytes"/>. Optimised at once: the code around it is, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static ulong LookupAddress(LpmTrieMap map, ulong key, int cpu) => (ulong)map.Find((byte*)key);

    public override byte* Lookup(byte* key, int cpu) => Find(key);

    /// <summary>Without a lock, unless a writer was at work meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* Find(byte* key)
    {
        int version = Volatile.Read(ref _stripe->Version);
        if ((version & 1) == 0)
        {
            EntryHeader* entry = _dataSize == sizeof(uint) ? FindLongestOfFour(key) : FindLongest(key);
            Volatile.ReadBarrier();
            if (Volatile.Read(ref _stripe->Version) == version)
            {
                return entry == null ? null : _table.Value(entry);
            }
        }

        return FindLocked(key);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private byte* FindLocked(byte* key)
    {
        NativeGate.Enter(&_stripe->Gate);
        EntryHeader* entry = FindLongest(key);
        NativeGate.Exit(&_stripe->Gate);
        return entry == null ? null : _table.Value(entry);
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
        if (!PrefixBits.AreEqual(a + PrefixSize, b + PrefixSize, _dataSize, common))
        {
            // The first bit that differs lies within both, so that the bytes tell.
            return new ReadOnlySpan<byte>(a + PrefixSize, (int)_dataSize).SequenceCompareTo(new ReadOnlySpan<byte>(b + PrefixSize, (int)_dataSize));
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

    /// <summary><see cref="FindLongest"/> of IPv4 addresses and what else has four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private EntryHeader* FindLongestOfFour(byte* key)
    {
        uint limit = PrefixOf(key);
        if (limit > 32)
        {
            return null;
        }

        EntryTable table = _table;
        uint data = Unsafe.ReadUnaligned<uint>(key + PrefixSize);
        for (ulong used = _usedLengths[0] & (ulong.MaxValue >> (int)(63 - limit)); used != 0;)
        {
            uint length = 63 - (uint)BitOperations.LeadingZeroCount(used);
            uint mask = PrefixBits.MaskOf(length);
            uint bits = data & mask;
            uint hash = KeyHash.OfPrefix(bits, length, _seed);
            int index = table.First(hash);
            for (uint steps = 0; index != 0 && steps <= table.Capacity; steps++)
            {
                EntryHeader* entry = table.Entry(index);
                byte* known = EntryTable.Key(entry);
                if (entry->Hash == hash && PrefixOf(known) == length && (Unsafe.ReadUnaligned<uint>(known + PrefixSize) & mask) == bits)
                {
                    return entry;
                }

                index = entry->Next;
            }

            used ^= 1UL << (int)length;
        }

        return null;
    }

    private EntryHeader* FindLongest(byte* key)
    {
        uint limit = PrefixOf(key);
        if (limit > _maxPrefix)
        {
            return null;
        }

        int last = (int)(limit / 64);
        ulong within = ulong.MaxValue >> (int)(63 - (limit % 64));
        for (int word = last; word >= 0; word--)
        {
            ulong used = _usedLengths[word] & within;
            within = ulong.MaxValue;
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
            if (entry->Hash == hash && PrefixOf(key) == length && PrefixBits.AreEqual(key + PrefixSize, data, _dataSize, length))
            {
                return index;
            }

            index = entry->Next;
        }

        return 0;
    }

    private uint HashOf(byte* data, uint length) => KeyHash.OfPrefix(data, _dataSize, length, _seed);
}
