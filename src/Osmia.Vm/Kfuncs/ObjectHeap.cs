using System.Runtime.InteropServices;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>What stands before every object; programs never reach it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ObjectHeader
{
    /// <summary>Holders: runs, lists, trees, pointers in maps. 0 for a cell that is free.</summary>
    public int References;

    /// <summary>Bytes of the object.</summary>
    public uint Size;

    /// <summary>The loaded object whose programs may use it.</summary>
    public uint ObjectId;

    /// <summary>The next free cell.</summary>
    public int NextFree;

    /// <summary>The first place in a map value or object that holds the object (bpf_kptr_xchg), or 0. Of one that nobody holds any more, the next such.</summary>
    public ulong Place;
}

/// <summary>
/// Objects that programs make (<c>bpf_obj_new</c>, <c>bpf_cpumask_create</c>): cells of a few sizes in memory that is kept as long as the engine, so that
/// an address is always one of a cell, taken or free. A taken cell is reached by programs of its object alone; a free one by nobody.
/// </summary>
internal sealed unsafe class ObjectHeap : IDisposable
{
    public const uint Largest = 4096;
    private const int CellsPerSlab = 64;
    private const int SmallestShift = 6;
    private const int Shifts = 8;

    // What programs may keep in one engine: a program that nobody verified could fill the host's memory.
    private const long MostBytes = 1L << 30;

    private readonly Slab?[] _newest = new Slab?[Shifts];
    private readonly Lock _gate = new();
    private Slab[] _slabs = [];
    private int _taken;
    private long _bytes;

    /// <summary>Objects that somebody holds.</summary>
    public int Count => Volatile.Read(ref _taken);

    private sealed class Slab(byte* memory, int stride)
    {
        public byte* Memory { get; } = memory;

        public int Stride { get; } = stride;

        public int FirstFree { get; set; }

        public Slab? Next { get; set; }

        public ObjectHeader* Cell(int index) => (ObjectHeader*)(Memory + (index * Stride));
    }

    /// <summary>A zeroed object with one holder; 0 when it is too large, or there are too many.</summary>
    public ulong Take(uint size, uint objectId)
    {
        if (size is 0 or > Largest)
        {
            return 0;
        }

        int shift = SmallestShift;
        while (1u << shift < size + (uint)sizeof(ObjectHeader))
        {
            shift++;
        }

        lock (_gate)
        {
            Slab? slab = _newest[shift - SmallestShift];
            while (slab is not null && slab.FirstFree == 0)
            {
                slab = slab.Next;
            }

            slab ??= AddSlab(shift);
            if (slab is null)
            {
                return 0;
            }

            ObjectHeader* cell = slab.Cell(slab.FirstFree - 1);
            slab.FirstFree = cell->NextFree;
            new Span<byte>(cell + 1, slab.Stride - sizeof(ObjectHeader)).Clear();
            *cell = new ObjectHeader { Size = size, ObjectId = objectId };
            Volatile.Write(ref cell->References, 1);
            _taken++;
            return (ulong)(cell + 1);
        }
    }

    /// <summary>One holder more; false when the object is gone.</summary>
    public static bool TryHold(ObjectHeader* header) => HoldCount.TryAdd(ref header->References);

    /// <summary>One holder less.</summary>
    /// <returns>True when it was the last: the caller lets go of what the object holds, then calls <see cref="Free"/>.</returns>
    public static bool LetGo(ObjectHeader* header) => Interlocked.Decrement(ref header->References) == 0;

    public void Free(ObjectHeader* header)
    {
        lock (_gate)
        {
            Slab slab = SlabOf((ulong)header)!;
            header->NextFree = slab.FirstFree;
            slab.FirstFree = (int)(((byte*)header - slab.Memory) / slab.Stride) + 1;
            _taken--;
        }
    }

    /// <summary>The object that an address lies in; null when none does.</summary>
    public ObjectHeader* HeaderOf(ulong address)
    {
        Slab? slab = SlabOf(address);
        if (slab is null)
        {
            return null;
        }

        ObjectHeader* header = slab.Cell((int)((address - (ulong)slab.Memory) / (ulong)slab.Stride));
        return Volatile.Read(ref header->References) > 0 && address >= (ulong)(header + 1) && address < (ulong)(header + 1) + header->Size ? header : null;
    }

    public bool TryLocate(ulong address, uint objectId, out MapRegion region)
    {
        ObjectHeader* header = HeaderOf(address);
        region = header == null ? default : new MapRegion((ulong)(header + 1), header->Size, IsWritable: true);
        return header != null && header->ObjectId == objectId;
    }

    public void Dispose()
    {
        Slab[] slabs = _slabs;
        Volatile.Write(ref _slabs, []);
        foreach (Slab slab in slabs)
        {
            NativeMemory.AlignedFree(slab.Memory);
        }
    }

    private Slab? AddSlab(int shift)
    {
        int stride = 1 << shift;
        if (_bytes + (stride * CellsPerSlab) > MostBytes)
        {
            return null;
        }

        _bytes += stride * CellsPerSlab;
        var memory = (byte*)NativeMemory.AlignedAlloc((nuint)(stride * CellsPerSlab), 64);
        NativeMemory.Clear(memory, (nuint)(stride * CellsPerSlab));
        var slab = new Slab(memory, stride) { FirstFree = 1, Next = _newest[shift - SmallestShift] };
        for (int i = 0; i < CellsPerSlab - 1; i++)
        {
            slab.Cell(i)->NextFree = i + 2;
        }

        _newest[shift - SmallestShift] = slab;
        int place = CountBelow(_slabs, (ulong)memory);
        Volatile.Write(ref _slabs, [.. _slabs[..place], slab, .. _slabs[place..]]);
        return slab;
    }

    /// <summary>How many slabs begin at an address or before it; they are sorted.</summary>
    private static int CountBelow(Slab[] slabs, ulong address)
    {
        int low = 0;
        int high = slabs.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = (ulong)slabs[middle].Memory <= address ? (middle + 1, high) : (low, middle);
        }

        return low;
    }

    private Slab? SlabOf(ulong address)
    {
        Slab[] slabs = Volatile.Read(ref _slabs);
        int low = CountBelow(slabs, address);
        return low > 0 && address - (ulong)slabs[low - 1].Memory < (ulong)(slabs[low - 1].Stride * CellsPerSlab) ? slabs[low - 1] : null;
    }
}
