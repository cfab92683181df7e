using System.Runtime.InteropServices;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>
/// BPF_MAP_TYPE_ARENA: pages that programs take and give back, and that hold pointers. A pointer into the arena is an address of the process in either
/// address space, so casts between them change nothing. Pages nobody took cannot be touched.
/// </summary>
internal sealed unsafe class ArenaMap : VmMap
{
    public const int PageSize = 4096;
    private const int BitsPerWord = 64;

    // How far around an address the memory is looked for: more than any access or helper argument but the largest has.
    private const int ReachInPages = 1024;

    private readonly Lock _gate = new();
    private readonly ulong[] _taken;
    private readonly int _pages;
    private readonly byte* _block;

    public ArenaMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _pages = (int)definition.MaxEntries;
        _taken = new ulong[(_pages + BitsPerWord - 1) / BitsPerWord];

        // A page more, for the start lies on a page; none is touched before it is used.
        _block = Allocate((ulong)(_pages + 1) * PageSize);
        Start = (byte*)(((ulong)_block + PageSize - 1) & ~(ulong)(PageSize - 1));
        ReadOnlySpan<byte> initial = definition.InitialData.Span;
        if (!initial.IsEmpty)
        {
            int needed = (initial.Length + PageSize - 1) / PageSize;
            _ = TakePages(0, (uint)needed);
            initial.CopyTo(Bytes);
        }
    }

    public byte* Start { get; }

    public override ulong MemoryStart => (ulong)Start;

    public override ulong MemoryLength => (ulong)_pages * PageSize;

    /// <summary>All pages; those that are not taken read as zeros for the host.</summary>
    public Span<byte> Bytes => new(Start, (int)Math.Min((ulong)int.MaxValue, MemoryLength));

    /// <summary>bpf_arena_alloc_pages: the address of so many zeroed pages in a row; 0 when there are none.</summary>
    /// <param name="address">Where they shall begin, or 0.</param>
    public ulong TakePages(ulong address, uint count)
    {
        if (count == 0 || count > (uint)_pages)
        {
            return 0;
        }

        lock (_gate)
        {
            int first;
            if (address != 0)
            {
                ulong offset = address - MemoryStart;
                if (offset % PageSize != 0 || offset >= MemoryLength || (offset / PageSize) + count > (ulong)_pages)
                {
                    return 0;
                }

                first = (int)(offset / PageSize);
                if (!IsFree(first, (int)count))
                {
                    return 0;
                }
            }
            else
            {
                first = FindFree((int)count);
                if (first < 0)
                {
                    return 0;
                }
            }

            for (int page = first; page < first + (int)count; page++)
            {
                Volatile.Write(ref _taken[page / BitsPerWord], _taken[page / BitsPerWord] | (1UL << (page % BitsPerWord)));
            }

            return MemoryStart + ((ulong)first * PageSize);
        }
    }

    /// <summary>bpf_arena_free_pages: pages that are not taken are passed over.</summary>
    public void GivePagesBack(ulong address, uint count)
    {
        ulong offset = (address & ~(ulong)(PageSize - 1)) - MemoryStart;
        if (offset >= MemoryLength)
        {
            return;
        }

        lock (_gate)
        {
            int first = (int)(offset / PageSize);
            int end = (int)Math.Min((uint)_pages, (uint)first + (ulong)count);
            for (int page = first; page < end; page++)
            {
                if (IsTaken(page))
                {
                    Volatile.Write(ref _taken[page / BitsPerWord], _taken[page / BitsPerWord] & ~(1UL << (page % BitsPerWord)));
                    NativeMemory.Clear(Start + ((long)page * PageSize), PageSize);
                }
            }
        }
    }

    public override ulong? AddressOf(uint offset) => offset < MemoryLength ? MemoryStart + offset : null;

    public override byte* Lookup(byte* key, int cpu) => null;

    public override int Put(byte* key, byte* value, ulong flags, int cpu) => -Errno.NotSupported;

    public override int Remove(byte* key) => -Errno.NotSupported;

    public override bool TryLocate(ulong address, out MapRegion region)
    {
        region = default;
        int page = (int)((address - MemoryStart) / PageSize);
        if ((uint)page >= (uint)_pages || !IsTaken(page))
        {
            return false;
        }

        int first = page;
        while (first > 0 && page - first < ReachInPages && IsTaken(first - 1))
        {
            first--;
        }

        int end = page + 1;
        while (end < _pages && end - page < ReachInPages && IsTaken(end))
        {
            end++;
        }

        region = new MapRegion(MemoryStart + ((ulong)first * PageSize), (ulong)(end - first) * PageSize, IsWritable: true);
        return true;
    }

    protected override bool Copy(byte* key, Span<byte> value)
    {
        Throw("lookup", Errno.Invalid, "an arena has pages, not elements");
        return false;
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.NotSupported, "an arena has pages, not elements");
        return false;
    }

    private bool IsTaken(int page) => (Volatile.Read(ref _taken[page / BitsPerWord]) & (1UL << (page % BitsPerWord))) != 0;

    private bool IsFree(int first, int count)
    {
        for (int page = first; page < first + count; page++)
        {
            if (IsTaken(page))
            {
                return false;
            }
        }

        return true;
    }

    private int FindFree(int count)
    {
        int length = 0;
        for (int page = 0; page < _pages; page++)
        {
            length = IsTaken(page) ? 0 : length + 1;
            if (length == count)
            {
                return page - count + 1;
            }
        }

        return -1;
    }
}
