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

/// <summary>
/// Chained entries in native memory: buckets, entries that never move, and a free list that hands out the entry freed longest ago, so
/// that a program still holding a deleted value keeps seeing it for as long as possible. Writers hold the map's gate;
/// readers use <see cref="Version"/> to notice that they raced.
/// </summary>
internal sealed unsafe class EntryTable
{
    private readonly int* _buckets;
    private readonly byte* _entries;
    private readonly uint _bucketMask;
    private int _unused = 1;
    private int _freeHead;
    private int _freeTail;

    /// <param name="memory">Zeroed; <see cref="MemorySize"/> bytes.</param>
    public EntryTable(byte* memory, uint capacity, uint keySize, ulong valueSpace)
    {
        Capacity = capacity;
        ValueOffset = ValueOffsetOf(keySize);
        Stride = ValueOffset + (uint)valueSpace;
        _bucketMask = BucketsFor(capacity) - 1;
        _buckets = (int*)memory;
        _entries = memory + EntriesOffset(capacity);
    }

    public uint Capacity { get; }

    public ulong Stride { get; }

    public uint ValueOffset { get; }

    /// <summary>Odd while a writer is at work; changes with every write.</summary>
    public int Version;

    public int Count { get; private set; }

    public uint BucketCount => _bucketMask + 1;

    public static ulong MemorySize(uint capacity, uint keySize, ulong valueSpace) =>
        EntriesOffset(capacity) + ((ValueOffsetOf(keySize) + valueSpace) * (capacity + 1UL));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public EntryHeader* Entry(int index) => (EntryHeader*)(_entries + ((ulong)(uint)index * Stride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte* Key(EntryHeader* entry) => (byte*)entry + sizeof(EntryHeader);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Value(EntryHeader* entry) => (byte*)entry + ValueOffset;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int First(uint hash) => Volatile.Read(ref _buckets[hash & _bucketMask]);

    public int FirstOfBucket(uint bucket) => _buckets[bucket];

    public uint BucketOf(uint hash) => hash & _bucketMask;

    /// <summary>The index of the entry whose memory holds an address; 0 when none does.</summary>
    public int IndexOf(ulong address)
    {
        ulong offset = address - (ulong)_entries;
        ulong index = offset / Stride;
        return address >= (ulong)_entries && index >= 1 && index <= Capacity ? (int)index : 0;
    }

    /// <summary>An entry nobody uses, or 0 when all are taken.</summary>
    public int Take()
    {
        if (_unused <= (int)Capacity)
        {
            return _unused++;
        }

        int index = _freeHead;
        if (index != 0)
        {
            _freeHead = Entry(index)->Next;
            _freeTail = _freeHead == 0 ? 0 : _freeTail;
        }

        return index;
    }

    public void GiveBack(int index)
    {
        Entry(index)->Next = 0;
        if (_freeTail == 0)
        {
            _freeHead = index;
        }
        else
        {
            Entry(_freeTail)->Next = index;
        }

        _freeTail = index;
    }

    public void Link(int index, uint hash)
    {
        EntryHeader* entry = Entry(index);
        int* bucket = &_buckets[hash & _bucketMask];
        entry->Hash = hash;
        entry->IsLinked = 1;
        entry->Next = *bucket;
        Volatile.Write(ref *bucket, index);
        Count++;
    }

    public void Unlink(int index)
    {
        EntryHeader* entry = Entry(index);
        int* link = &_buckets[entry->Hash & _bucketMask];
        while (*link != index)
        {
            link = &Entry(*link)->Next;
        }

        Volatile.Write(ref *link, entry->Next);
        entry->IsLinked = 0;
        Count--;
    }

    /// <summary>The entry after this one in the order of buckets; 0 at the end. Index 0 asks for the first.</summary>
    /// <param name="skipped">Empty buckets passed.</param>
    public int After(int index, out uint skipped)
    {
        skipped = 0;
        uint bucket = 0;
        if (index != 0)
        {
            EntryHeader* entry = Entry(index);
            if (entry->IsLinked != 0 && entry->Next != 0)
            {
                return entry->Next;
            }

            bucket = (entry->Hash & _bucketMask) + 1;
        }

        for (; bucket <= _bucketMask; bucket++)
        {
            if (_buckets[bucket] != 0)
            {
                return _buckets[bucket];
            }

            skipped++;
        }

        return 0;
    }

    public void BeginWrite()
    {
        Volatile.Write(ref Version, Version + 1);

        // A release store does not keep later stores behind it, and a reader must not see those under the old version.
        Volatile.WriteBarrier();
    }

    public void EndWrite() => Volatile.Write(ref Version, Version + 1);

    private static uint BucketsFor(uint capacity) => (uint)Math.Max(8, System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)Math.Min(capacity, 1u << 30)));

    private static ulong EntriesOffset(uint capacity) => BucketsFor(capacity) * (ulong)sizeof(int);

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
