using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>Hash maps: plain, per-CPU, and the LRU forms, which evict when full.</summary>
/// <remarks>
/// An update of a plain or LRU map takes a fresh entry and swaps it in, as the kernel does: a program holding the old value keeps the
/// old content. Per-CPU values are changed in place. LRU evicts the entry that was inserted or looked up longest ago, by second chance.
/// </remarks>
internal sealed unsafe class HashMap : VmMap
{
    private readonly uint _keySize;
    private readonly ulong _seed;
    private readonly bool _isLru;
    private readonly bool _isPerCpu;
    private readonly uint _cpuStride;

    /// <summary>The same in a per-CPU map, else 0.</summary>
    private readonly uint _stepOfCpu;

    /// <summary>Keys that <see cref="KeyHash.WordOf"/> reads.</summary>
    private readonly bool _isWord;
    private readonly EntryTable _table;
    private readonly bool _isStriped;
    private int _newest;
    private int _oldest;

    public HashMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _keySize = definition.KeySize;
        _isLru = definition.Type is MapType.LruHash or MapType.LruPercpuHash;
        _isPerCpu = IsPerCpu;
        _cpuStride = (definition.ValueSize + 7) & ~7u;
        _stepOfCpu = _isPerCpu ? _cpuStride : 0;
        _isWord = _keySize is 1 or 2 or 4 or 8;
        ulong valueSpace = _cpuStride * (ulong)ValuesPerKey;

        // The order of use is one for all: LRU maps have one stripe.
        _isStriped = !_isLru;
        uint capacity = definition.MaxEntries + EntryTable.Spares(definition.MaxEntries, ValuesPerKey == 1 ? engine.Slots.Count : ValuesPerKey, _isStriped);
        byte* memory = Allocate(EntryTable.MemorySize(capacity, _keySize, valueSpace, _isStriped));
        _seed = (definition.Flags & MapFlags.ZeroSeed) != 0 ? 0 : SharedSeed ?? engine.NextSeed();
        _table = new EntryTable(memory, capacity, _keySize, valueSpace, _isStriped);
    }

    /// <summary>The same for compiled code, which knows the map. Optimised at once: the code around it is, too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static ulong LookupAddress(HashMap map, ulong key, int cpu)
    {
        EntryHeader* entry = map._isWord ? map.FindWord((byte*)key) : map.Find((byte*)key);
        return (ulong)map.ValueOf(entry, cpu);
    }

    public override byte* Lookup(byte* key, int cpu) => ValueOf(Find(key), cpu);

    /// <summary>The value of an entry that a program looked up; null for none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private byte* ValueOf(EntryHeader* entry, int cpu)
    {
        if (entry == null)
        {
            return null;
        }

        if (_isLru && entry->IsReferenced == 0)
        {
            // Written no oftener than needed: other threads read the entry as well.
            entry->IsReferenced = 1;
        }

        return _table.Value(entry) + (_stepOfCpu * (uint)cpu);
    }

    public override int Put(byte* key, byte* value, ulong flags, int cpu)
    {
        if (flags > 2)
        {
            return -Errno.Invalid;
        }

        uint hash = KeyHash.Of(key, _keySize, _seed);
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        try
        {
            return PutLocked(stripe, key, value, flags, cpu, hash);
        }
        finally
        {
            NativeGate.Exit(&stripe->Gate);
        }
    }

    /// <summary>Adds a key with a value of zeros for every CPU, unless it is there.</summary>
    public int PutZero(byte* key)
    {
        uint hash = KeyHash.Of(key, _keySize, _seed);
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        try
        {
            return PutLocked(stripe, key, null, 1, AllCpus, hash);
        }
        finally
        {
            NativeGate.Exit(&stripe->Gate);
        }
    }

    public override int Remove(byte* key)
    {
        uint hash = KeyHash.Of(key, _keySize, _seed);
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        int index = FindIndex(key, hash);
        if (index != 0)
        {
            Drop(stripe, index);
            _table.Uncount();
        }

        NativeGate.Exit(&stripe->Gate);
        return index == 0 ? -Errno.NoEntry : 0;
    }

    protected override int Take(byte* key, byte* value)
    {
        uint hash = KeyHash.Of(key, _keySize, _seed);
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        int index = FindIndex(key, hash);
        if (index != 0)
        {
            Unsafe.CopyBlockUnaligned(value, _table.Value(_table.Entry(index)), (uint)ValueBufferSize);
            Drop(stripe, index);
            _table.Uncount();
        }

        NativeGate.Exit(&stripe->Gate);
        return index == 0 ? -Errno.NoEntry : 0;
    }

    /// <summary>Whole buckets, as the kernel reads them; the cursor holds the next bucket.</summary>
    protected override int ReadElements(MapCursor cursor, Span<byte> keys, Span<byte> values, int count, bool remove)
    {
        uint bucket = cursor.IsStarted ? MemoryMarshal.Read<uint>(cursor.Position) : 0;
        int read = 0;
        for (; bucket < _table.BucketCount; bucket++)
        {
            int length = 0;
            TableStripe* stripe = _table.StripeOf(bucket);
            NativeGate.Enter(&stripe->Gate);
            for (int index = _table.FirstOfBucket(bucket); _table.Has(index) && read + length <= count; index = _table.Entry(index)->Next)
            {
                length++;
            }

            if (read + length > count)
            {
                NativeGate.Exit(&stripe->Gate);
                break;
            }

            for (int index = _table.FirstOfBucket(bucket); _table.Has(index) && length > 0; length--)
            {
                int next = _table.Entry(index)->Next;
                new ReadOnlySpan<byte>(KeyOf(index), KeySize).CopyTo(keys[(read * KeySize)..]);
                Span<byte> value = values.Slice(read * ValueBufferSize, ValueBufferSize);
                new ReadOnlySpan<byte>(_table.Value(_table.Entry(index)), ValueBufferSize).CopyTo(value);
                HideKept(value);
                if (remove)
                {
                    Drop(stripe, index);
                    _table.Uncount();
                }

                read++;
                index = next;
            }

            NativeGate.Exit(&stripe->Gate);
        }

        MemoryMarshal.Write(cursor.Position, bucket);
        cursor.IsAtEnd = bucket >= _table.BucketCount;
        if (read == 0 && !cursor.IsAtEnd)
        {
            Throw("batch", Errno.NoSpace, "a bucket of the hash has more elements than there is room for");
        }

        return read;
    }

    public override bool TryLocate(ulong address, out MapRegion region)
    {
        region = default;
        int index = _table.IndexOf(address);
        if (index == 0)
        {
            return false;
        }

        ulong start = (ulong)_table.Entry(index);
        ulong offset = address - start;
        if (offset >= _table.ValueOffset)
        {
            ulong cpu = (offset - _table.ValueOffset) / _cpuStride;
            region = new(start + _table.ValueOffset + (cpu * _cpuStride), Definition.ValueSize, IsWritableByProgram);
            return true;
        }

        // The key of a for_each_map_elem callback.
        region = new((ulong)EntryTable.Key(_table.Entry(index)), _keySize, IsWritable: false);
        return offset >= (ulong)sizeof(EntryHeader);
    }

    /// <summary>Elements there are.</summary>
    public int Count => _table.Count;

    /// <summary>What walking all buckets reads.</summary>
    public ulong BucketBytes => _table.BucketCount * (ulong)sizeof(int);

    /// <summary>The entry after an index in iteration order, for bpf_for_each_map_elem.</summary>
    /// <param name="buckets">Empty buckets on the way.</param>
    public int NextIndex(int index, out uint buckets) => _table.After(index, out buckets);

    public byte* KeyOf(int index) => EntryTable.Key(_table.Entry(index));

    public byte* ValueOf(int index, int cpu) => _table.Value(_table.Entry(index)) + (_isPerCpu ? _cpuStride * (uint)cpu : 0);

    protected override bool Copy(byte* key, Span<byte> value)
    {
        uint hash = KeyHash.Of(key, _keySize, _seed);
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        int index = FindIndex(key, hash);
        if (index != 0)
        {
            new ReadOnlySpan<byte>(_table.Value(_table.Entry(index)), value.Length).CopyTo(value);
        }

        NativeGate.Exit(&stripe->Gate);
        return index != 0;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        int index = 0;
        if (key != null)
        {
            uint hash = KeyHash.Of(key, _keySize, _seed);
            TableStripe* stripe = _table.StripeOf(hash);
            NativeGate.Enter(&stripe->Gate);
            index = FindIndex(key, hash);
            NativeGate.Exit(&stripe->Gate);
        }

        for (uint steps = 0; (index = _table.After(index, out _)) != 0 && steps <= _table.Capacity; steps++)
        {
            // What was found may have gone meanwhile; its key is read while it is there.
            EntryHeader* entry = _table.Entry(index);
            TableStripe* stripe = _table.StripeOf(entry->Hash);
            NativeGate.Enter(&stripe->Gate);
            bool isThere = entry->IsLinked != 0 && _table.StripeOf(entry->Hash) == stripe;
            if (isThere)
            {
                new ReadOnlySpan<byte>(KeyOf(index), next.Length).CopyTo(next);
            }

            NativeGate.Exit(&stripe->Gate);
            if (isThere)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Without a lock: walks the chain, and takes the gate only when a writer was at work meanwhile.</summary>
    private EntryHeader* Find(byte* key)
    {
        uint hash = KeyHash.Of(key, _keySize, _seed);
        EntryTable table = _table;
        TableStripe* stripe = table.StripeOf(hash);
        int version = Volatile.Read(ref stripe->Version);
        if ((version & 1) == 0)
        {
            int index = table.First(hash);
            uint steps = 0;
            EntryHeader* found = null;
            while (table.Has(index) && steps++ <= table.Capacity)
            {
                EntryHeader* entry = table.Entry(index);
                if (entry->Hash == hash && KeyHash.AreEqual(EntryTable.Key(entry), key, _keySize))
                {
                    found = entry;
                    break;
                }

                index = entry->Next;
            }

            Volatile.ReadBarrier();
            if (Volatile.Read(ref stripe->Version) == version)
            {
                return found;
            }
        }

        return FindLocked(key, hash);
    }

    /// <summary>The same for keys that are one word.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private EntryHeader* FindWord(byte* key)
    {
        uint size = _keySize;
        ulong word = KeyHash.WordOf(key, size);
        uint hash = KeyHash.OfWord(word, _seed);
        EntryTable table = _table;
        TableStripe* stripe = table.StripeOf(hash);
        int version = Volatile.Read(ref stripe->Version);
        if ((version & 1) == 0)
        {
            EntryHeader* found = null;
            int index = table.First(hash);
            for (uint steps = 0; table.Has(index) && steps <= table.Capacity; steps++)
            {
                found = table.Entry(index);
                if (found->Hash == hash && KeyHash.WordOf(EntryTable.Key(found), size) == word)
                {
                    break;
                }

                index = found->Next;
                found = null;
            }

            Volatile.ReadBarrier();
            if (Volatile.Read(ref stripe->Version) == version)
            {
                return found;
            }
        }

        return FindLocked(key, hash);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private EntryHeader* FindLocked(byte* key, uint hash)
    {
        TableStripe* stripe = _table.StripeOf(hash);
        NativeGate.Enter(&stripe->Gate);
        int index = FindIndex(key, hash);
        NativeGate.Exit(&stripe->Gate);
        return index == 0 ? null : _table.Entry(index);
    }

    private int FindIndex(byte* key, uint hash)
    {
        int index = _table.First(hash);
        uint steps = 0;
        while (_table.Has(index) && steps++ <= _table.Capacity)
        {
            EntryHeader* entry = _table.Entry(index);
            if (entry->Hash == hash && KeyHash.AreEqual(EntryTable.Key(entry), key, _keySize))
            {
                return index;
            }

            index = entry->Next;
        }

        return 0;
    }

    private int PutLocked(TableStripe* stripe, byte* key, byte* value, ulong flags, int cpu, uint hash)
    {
        int existing = FindIndex(key, hash);
        if (existing != 0 && flags == 1)
        {
            return -Errno.Exists;
        }

        if (existing == 0 && flags == 2)
        {
            return -Errno.NoEntry;
        }

        if (existing != 0 && _isPerCpu)
        {
            byte* old = _table.Value(_table.Entry(existing));
            ForgetValue(old + (cpu == AllCpus ? 0 : _cpuStride * (uint)cpu), cpu == AllCpus ? (ulong)ValueBufferSize : _cpuStride);
            WriteValue(existing, value, cpu, isNew: false);
            _table.Entry(existing)->IsReferenced = 1;
            return 0;
        }

        if (existing == 0 && !_table.TryCount(Definition.MaxEntries))
        {
            if (!_isLru)
            {
                return -Errno.TooBig;
            }

            // The new element takes the place of the old one in the count.
            Evict(stripe);
        }

        int index = _table.Take();
        if (index == 0)
        {
            // Only where others share the table, and one of them has spoiled it.
            return -Errno.NoMemory;
        }

        EntryHeader* entry = _table.Entry(index);
        EntryTable.BeginWrite(stripe);
        Unsafe.CopyBlockUnaligned(EntryTable.Key(entry), key, _keySize);
        WriteValue(index, value, cpu, isNew: true);
        entry->IsReferenced = existing != 0 ? 1 : 0;
        _table.Link(index, hash);
        EntryTable.EndWrite(stripe);
        if (_isLru)
        {
            AddNewest(index);
        }

        if (existing != 0)
        {
            Drop(stripe, existing);
        }

        return 0;
    }

    private void WriteValue(int index, byte* value, int cpu, bool isNew)
    {
        byte* target = _table.Value(_table.Entry(index));
        if (value == null)
        {
            Unsafe.InitBlockUnaligned(target, 0, (uint)ValueBufferSize);
            return;
        }

        uint all = _cpuStride * (uint)ValuesPerKey;
        if (isNew && _isPerCpu && cpu != AllCpus)
        {
            Unsafe.InitBlockUnaligned(target, 0, all);
        }

        if (_isPerCpu && cpu == AllCpus && !Kept.Any)
        {
            Unsafe.CopyBlockUnaligned(target, value, all);
            return;
        }

        uint first = _isPerCpu && cpu != AllCpus ? (uint)cpu : 0;
        uint end = !_isPerCpu || cpu != AllCpus ? first + 1 : (uint)ValuesPerKey;
        for (uint i = first; i < end; i++, value += _cpuStride)
        {
            byte* one = target + (_cpuStride * i);
            if (isNew)
            {
                Kept.Clear(one);
            }

            CopyValue(one, value);
        }
    }

    public override ulong KeyAddressOf(ulong value, uint* scratch) => (ulong)KeyOf(_table.IndexOf(value));

    private void Drop(TableStripe* stripe, int index)
    {
        ForgetValue(_table.Value(_table.Entry(index)), (ulong)ValueBufferSize);
        EntryTable.BeginWrite(stripe);
        _table.Unlink(index);
        EntryTable.EndWrite(stripe);
        if (_isLru)
        {
            RemoveFromOrder(index);
        }

        _table.GiveBack(index);
    }

    private void Evict(TableStripe* stripe)
    {
        while (true)
        {
            int index = _oldest;
            EntryHeader* entry = _table.Entry(index);
            if (entry->IsReferenced == 0)
            {
                Drop(stripe, index);
                return;
            }

            entry->IsReferenced = 0;
            RemoveFromOrder(index);
            AddNewest(index);
        }
    }

    private void AddNewest(int index)
    {
        EntryHeader* entry = _table.Entry(index);
        entry->Newer = 0;
        entry->Older = _newest;
        if (_newest != 0)
        {
            _table.Entry(_newest)->Newer = index;
        }
        else
        {
            _oldest = index;
        }

        _newest = index;
    }

    private void RemoveFromOrder(int index)
    {
        EntryHeader* entry = _table.Entry(index);
        if (entry->Newer != 0)
        {
            _table.Entry(entry->Newer)->Older = entry->Older;
        }
        else
        {
            _newest = entry->Older;
        }

        if (entry->Older != 0)
        {
            _table.Entry(entry->Older)->Newer = entry->Newer;
        }
        else
        {
            _oldest = entry->Newer;
        }
    }
}
