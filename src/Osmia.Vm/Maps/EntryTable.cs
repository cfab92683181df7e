using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Osmia.Vm.Maps;

/// <summary>Head of every entry; key and value follow.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EntryHeader
{
    /// <summary>Index of the next entry of the bucket or free list; 0 ends it.</summary>
    public int Next;
    public uint Hash;

    /// <summary>Neighbours in the order of use; 0 is the list's end.</summary>
    public int Newer;
    public int Older;

    /// <summary>1 when a program looked the entry up since it last came up for eviction.</summary>
    public int IsReferenced;

    /// <summary>1 while the entry is in a bucket.</summary>
    public int IsLinked;
}

/// <summary>What a table knows of itself; it stands before the buckets, so that all processes that share the memory see one table.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct TableState
{
    /// <summary>Elements, and those about to be added.</summary>
    public int Count;

    /// <summary>Entries that were ever handed out.</summary>
    public int Unused;
    public int FreeHead;
    public int FreeTail;
    public int FreeGate;
}

/// <summary>Guards some of the buckets: a gate for writers, and a number that is odd while one of them is at work and changes with every write.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct TableStripe
{
    public int Gate;
    public int Version;
}

/// <summary>
/// Chained entries in native memory: buckets, entries that never move, and a free list that hands out the entry freed longest ago, so
/// that a program still holding a deleted value keeps seeing it for as long as possible. Writers of different stripes do not wait for each other;
/// readers wait for nobody, and look at the version of the stripe to notice that they raced.
/// </summary>
/// <remarks>
/// In a file others may write what they like over all of it: an index that is none ends its chain, and a chain that comes back to itself is followed no
/// longer than there are entries.
/// </remarks>
internal sealed unsafe class EntryTable
{
    private const uint MostStripes = 32;
    private const uint BucketsPerStripe = 4;

    private readonly TableState* _state;
    private readonly TableStripe* _stripes;
    private readonly int* _buckets;
    private readonly byte* _entries;
    private readonly uint _bucketMask;
    private readonly uint _stripeMask;

    /// <param name="memory">Zeroed, or another process's table of the same sizes; <see cref="MemorySize"/> bytes.</param>
    public EntryTable(byte* memory, uint capacity, uint keySize, ulong valueSpace, bool isStriped)
    {
        Capacity = capacity;
        ValueOffset = ValueOffsetOf(keySize);
        Stride = ValueOffset + (uint)valueSpace;
        uint buckets = BucketsFor(capacity);
        uint stripes = StripesFor(capacity, isStriped);
        _bucketMask = buckets - 1;
        _stripeMask = stripes - 1;
        _state = (TableState*)memory;
        _stripes = (TableStripe*)(memory + sizeof(TableState));
        _buckets = (int*)(memory + BucketsOffset(stripes));
        _entries = memory + EntriesOffset(capacity, isStriped);
        if (_state->Unused == 0)
        {
            _state->Unused = 1;
        }
    }

    public uint Capacity { get; }

    public ulong Stride { get; }

    public uint ValueOffset { get; }

    public int Count => Volatile.Read(ref _state->Count);

    /// <summary>Whether there is such an entry: 0, which ends chains, is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Has(int index) => (uint)(index - 1) < Capacity;

    public uint BucketCount => _bucketMask + 1;

    public static ulong MemorySize(uint capacity, uint keySize, ulong valueSpace, bool isStriped) =>
        EntriesOffset(capacity, isStriped) + ((ValueOffsetOf(keySize) + valueSpace) * (capacity + 1UL));

    /// <summary>Entries beyond the elements: an update takes its new one before the old one is free, once in each stripe, and programs hold deleted ones.</summary>
    public static uint Spares(uint entries, int slots, bool isStriped) => 1 + (uint)slots + StripesFor(entries, isStriped);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EntryHeader* Entry(int index) => (EntryHeader*)(_entries + ((ulong)(uint)index * Stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Key(EntryHeader* entry) => (byte*)entry + sizeof(EntryHeader);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Value(EntryHeader* entry) => (byte*)entry + ValueOffset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int First(uint hash) => Volatile.Read(ref _buckets[hash & _bucketMask]);

    public int FirstOfBucket(uint bucket) => Volatile.Read(ref _buckets[bucket]);

    public uint BucketOf(uint hash) => hash & _bucketMask;

    /// <summary>What guards the bucket of a hash; a bucket's own number will do as well.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TableStripe* StripeOf(uint hash) => _stripes + (hash & _bucketMask & _stripeMask);

    /// <summary>The index of the entry whose memory holds an address; 0 when none does.</summary>
    public int IndexOf(ulong address)
    {
        ulong offset = address - (ulong)_entries;
        ulong index = offset / Stride;
        return address >= (ulong)_entries && index >= 1 && index <= Capacity ? (int)index : 0;
    }

    /// <summary>Counts one element more unless there are as many as may be.</summary>
    public bool TryCount(uint limit)
    {
        if ((uint)Interlocked.Increment(ref _state->Count) <= limit)
        {
            return true;
        }

        Interlocked.Decrement(ref _state->Count);
        return false;
    }

    public void Uncount() => Interlocked.Decrement(ref _state->Count);

    /// <summary>An entry nobody uses, or 0 when all are taken.</summary>
    public int Take()
    {
        NativeGate.Enter(&_state->FreeGate);
        int index = _state->Unused;
        if (Has(index))
        {
            _state->Unused = index + 1;
        }
        else if (Has(index = _state->FreeHead))
        {
            int next = Entry(index)->Next;
            _state->FreeHead = next;
            _state->FreeTail = next == 0 ? 0 : _state->FreeTail;
        }
        else
        {
            index = 0;
        }

        NativeGate.Exit(&_state->FreeGate);
        return index;
    }

    public void GiveBack(int index)
    {
        NativeGate.Enter(&_state->FreeGate);
        Entry(index)->Next = 0;
        int tail = _state->FreeTail;
        if (Has(tail))
        {
            Entry(tail)->Next = index;
        }
        else
        {
            _state->FreeHead = index;
        }

        _state->FreeTail = index;
        NativeGate.Exit(&_state->FreeGate);
    }

    /// <summary>The stripe of the hash is held.</summary>
    public void Link(int index, uint hash)
    {
        EntryHeader* entry = Entry(index);
        int* bucket = &_buckets[hash & _bucketMask];
        entry->Hash = hash;
        entry->IsLinked = 1;
        entry->Next = *bucket;
        Volatile.Write(ref *bucket, index);
    }

    public void Unlink(int index)
    {
        EntryHeader* entry = Entry(index);
        int* link = &_buckets[entry->Hash & _bucketMask];
        uint steps = 0;
        for (int at = *link; at != index; at = *link)
        {
            if (!Has(at) || steps++ > Capacity)
            {
                return;
            }

            link = &Entry(at)->Next;
        }

        Volatile.Write(ref *link, entry->Next);
        entry->IsLinked = 0;
    }

    /// <summary>The entry after this one in the order of buckets; 0 at the end. Index 0 asks for the first.</summary>
    /// <param name="skipped">Empty buckets passed.</param>
    /// <param name="isHeld">The caller holds the only stripe; else it holds none.</param>
    public int After(int index, out uint skipped, bool isHeld = false)
    {
        skipped = 0;
        uint bucket = 0;
        if (index != 0)
        {
            EntryHeader* entry = Entry(index);
            bucket = entry->Hash & _bucketMask;
            TableStripe* stripe = StripeOf(bucket);
            if (!isHeld)
            {
                NativeGate.Enter(&stripe->Gate);
            }

            int next = entry->IsLinked != 0 && (entry->Hash & _bucketMask) == bucket ? entry->Next : 0;
            if (!isHeld)
            {
                NativeGate.Exit(&stripe->Gate);
            }

            if (Has(next))
            {
                return next;
            }

            bucket++;
        }

        for (; bucket <= _bucketMask; bucket++)
        {
            int first = FirstOfBucket(bucket);
            if (Has(first))
            {
                return first;
            }

            skipped++;
        }

        return 0;
    }

    public static void BeginWrite(TableStripe* stripe)
    {
        Volatile.Write(ref stripe->Version, stripe->Version | 1);

        // A release store does not keep later stores behind it, and a reader must not see those under the old version.
        Volatile.WriteBarrier();
    }

    public static void EndWrite(TableStripe* stripe) => Volatile.Write(ref stripe->Version, (stripe->Version | 1) + 1);

    private static uint BucketsFor(uint capacity) => (uint)Math.Max(8, System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Min(capacity, 1u << 30)));

    private static uint StripesFor(uint capacity, bool isStriped) => isStriped ? Math.Min(MostStripes, BucketsFor(capacity) / BucketsPerStripe) : 1;

    private static ulong BucketsOffset(uint stripes) => (ulong)sizeof(TableState) + (stripes * (ulong)sizeof(TableStripe));

    private static ulong EntriesOffset(uint capacity, bool isStriped) => BucketsOffset(StripesFor(capacity, isStriped)) + (BucketsFor(capacity) * (ulong)sizeof(int));

    private static uint ValueOffsetOf(uint keySize) => ((uint)sizeof(EntryHeader) + keySize + 7) & ~7u;
}

/// <summary>A lock held for a few dozen instructions; it never allocates.</summary>
internal struct SpinGate
{
    private int _isTaken;

    public void Enter()
    {
        if (Interlocked.CompareExchange(ref _isTaken, 1, 0) != 0)
        {
            Wait();
        }
    }

    public void Exit() => Volatile.Write(ref _isTaken, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait()
    {
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref _isTaken, 1, 0) != 0)
        {
            spin.SpinOnce();
        }
    }
}
