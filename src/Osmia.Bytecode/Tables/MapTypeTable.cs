using static Osmia.Bytecode.MapCreateFlags;
using static Osmia.Bytecode.MapOperations;

namespace Osmia.Bytecode;

/// <summary><c>BPF_F_*</c> of BPF_MAP_CREATE (include/uapi/linux/bpf.h).</summary>
[Flags]
public enum MapCreateFlags : uint
{
    None = 0,
    NoPrealloc = 1,
    NoCommonLru = 1 << 1,
    NumaNode = 1 << 2,
    ReadOnly = 1 << 3,
    WriteOnly = 1 << 4,
    StackBuildId = 1 << 5,
    ZeroSeed = 1 << 6,
    ReadOnlyForPrograms = 1 << 7,
    WriteOnlyForPrograms = 1 << 8,
    Clone = 1 << 9,
    Mmapable = 1 << 10,
    PreserveElements = 1 << 11,
    InnerMap = 1 << 12,
    Link = 1 << 13,
    PathFd = 1 << 14,
    ValueTypeBtf = 1 << 15,
    TokenFd = 1 << 16,
    SegvOnFault = 1 << 17,
    NoUserConversion = 1 << 18,

    /// <summary>A ring buffer that overwrites its oldest records, Linux 6.19.</summary>
    RingOverwrite = 1 << 19,
}

/// <summary>What bpf(2) and mmap(2) do with a map, given right arguments.</summary>
[Flags]
public enum MapOperations
{
    None = 0,
    Lookup = 1,
    Update = 1 << 1,
    Delete = 1 << 2,

    /// <summary>BPF_MAP_GET_NEXT_KEY.</summary>
    Iterate = 1 << 3,
    LookupAndDelete = 1 << 4,
    LookupBatch = 1 << 5,
    LookupAndDeleteBatch = 1 << 6,
    UpdateBatch = 1 << 7,
    DeleteBatch = 1 << 8,
    Mmap = 1 << 9,
    Elements = Lookup | Update | Delete | Iterate,
    AllBatches = LookupBatch | LookupAndDeleteBatch | UpdateBatch | DeleteBatch,
}

/// <summary>Kernel objects that a map's value may hold, told by the value's BTF.</summary>
[Flags]
public enum MapFields
{
    None = 0,

    /// <summary>
    /// <c>bpf_spin_lock</c> (5.1), <c>bpf_res_spin_lock</c> (6.15). Programs of type socket_filter, kprobe, tracepoint, perf_event and raw_tracepoint may not use
    /// a map with the first.
    /// </summary>
    Lock = 1,

    /// <summary><c>bpf_timer</c> (5.15), <c>bpf_wq</c> (6.10), <c>bpf_task_work</c> (6.18).</summary>
    Timer = 1 << 1,

    /// <summary>Pointers tagged <c>kptr</c>, <c>kptr_untrusted</c> (5.19), <c>percpu_kptr</c> (6.7).</summary>
    KernelPointer = 1 << 2,

    /// <summary><c>bpf_list_head</c> (6.2), <c>bpf_rb_root</c> (6.3).</summary>
    Graph = 1 << 3,

    /// <summary>Pointers tagged <c>uptr</c> (6.13).</summary>
    UserPointer = 1 << 4,
}

/// <summary>Sizes in bytes that the kernel accepts.</summary>
public sealed record MapSizeRule(uint Minimum, uint Maximum, uint MultipleOf = 1)
{
    public static MapSizeRule Exactly(uint size) => new(size, size);

    public bool Accepts(uint size) => size >= Minimum && size <= Maximum && size % MultipleOf == 0;

    public override string ToString() =>
        Minimum == Maximum ? $"exactly {Minimum}" : $"{Minimum} to {Maximum}{(MultipleOf > 1 ? $", a multiple of {MultipleOf}" : "")}";
}

public enum MapEntriesRule
{
    Positive,
    MustBeZero,

    /// <summary>A number of slots; libbpf and we put one a CPU for 0, the kernel refuses 0.</summary>
    PerCpuIfZero,

    /// <summary>Bytes: a power of two of whole pages.</summary>
    RingBytes,
}

/// <summary>A row of <see cref="MapTypeTable"/>.</summary>
/// <param name="Since">The first kernel that has it.</param>
/// <param name="Key">Key sizes; an upper end of 2 GiB stands for what the kernel's allocator gives.</param>
/// <param name="TakesTypes">The kernel accepts BTF types of key and value for it.</param>
/// <param name="NeedsTypes">The kernel refuses it without BTF types.</param>
/// <param name="HasInnerMap">Its values are maps, and a template of them is needed.</param>
/// <param name="Allowed">Flags of its own; any map may have the token and BTF descriptor flags.</param>
/// <param name="Needed">Flags without which the kernel refuses it.</param>
/// <param name="Fields">Kernel objects its values may hold.</param>
/// <param name="MayBeInner">It may be a value of array_of_maps and hash_of_maps.</param>
public sealed record MapTypeFacts(MapType Type, KernelVersion Since, MapSizeRule Key, MapSizeRule Value, MapEntriesRule Entries, MapCreateFlags Allowed, MapCreateFlags Needed,
    MapOperations Operations, bool TakesTypes, bool NeedsTypes, bool HasInnerMap,
    MapFields Fields, bool MayBeInner);

/// <summary>The map types: one row each, in the order of their numbers.</summary>
/// <remarks>Source: the <c>map_alloc_check</c> functions and operation tables under kernel/bpf; flags, sizes and operations tried on Linux 6.18. What came later has no rules here.</remarks>
public static class MapTypeTable
{
    private const uint Any = int.MaxValue;
    private const MapCreateFlags Access = MapCreateFlags.ReadOnly | WriteOnly;
    private const MapCreateFlags ProgramAccess = Access | ReadOnlyForPrograms | WriteOnlyForPrograms;
    private const MapCreateFlags NumaAccess = NumaNode | Access;
    private const MapCreateFlags NumaProgramAccess = NumaNode | ProgramAccess;

    private const MapFields Plain = MapFields.Timer | MapFields.KernelPointer | MapFields.Graph;

    private static readonly MapSizeRule s_any = new(1, Any);
    private static readonly MapSizeRule s_four = MapSizeRule.Exactly(4);
    private static readonly MapSizeRule s_none = MapSizeRule.Exactly(0);
    private static readonly MapSizeRule s_fourOrEight = new(4, 8, 4);

    // A per-CPU value must fit the smallest unit of the kernel's per-CPU allocator.
    private static readonly MapSizeRule s_perCpu = new(1, 32768);

    // struct bpf_cgroup_storage_key, or the cgroup's id alone.
    private static readonly MapSizeRule s_cgroupKey = new(8, 16, 8);

    private static readonly MapTypeFacts[] s_rows =
    [
        Row(MapType.Hash, 3, 19, s_any, s_any, NoPrealloc | NumaProgramAccess | ZeroSeed, Elements | LookupAndDelete | AllBatches, takesTypes: true, fields: Plain | MapFields.Lock),
        Row(MapType.Array, 3, 19, s_four, s_any, NumaProgramAccess | Mmapable | InnerMap, Lookup | Update | Iterate | LookupBatch | UpdateBatch | Mmap, takesTypes: true, fields: Plain | MapFields.Lock),
        Row(MapType.ProgArray, 4, 2, s_four, s_four, NumaAccess, Elements, takesTypes: true, mayBeInner: false),
        Row(MapType.PerfEventArray, 4, 3, s_four, s_four, NumaAccess | PreserveElements, Update | Delete | Iterate, MapEntriesRule.PerCpuIfZero),
        Row(MapType.PercpuHash, 4, 6, s_any, s_perCpu, NoPrealloc | ProgramAccess | ZeroSeed, Elements | LookupAndDelete | AllBatches, takesTypes: true, fields: MapFields.KernelPointer),
        Row(MapType.PercpuArray, 4, 6, s_four, s_perCpu, ProgramAccess, Lookup | Update | Iterate | LookupBatch | UpdateBatch, takesTypes: true, fields: MapFields.KernelPointer),
        Row(MapType.StackTrace, 4, 6, s_four, new MapSizeRule(8, Any, 8), NumaAccess | StackBuildId, Lookup | Delete | Iterate | LookupAndDelete),
        Row(MapType.CgroupArray, 4, 8, s_four, s_four, NumaAccess, Update | Delete | Iterate),
        Row(MapType.LruHash, 4, 10, s_any, s_any, NoCommonLru | NumaProgramAccess | ZeroSeed, Elements | LookupAndDelete | AllBatches, takesTypes: true, fields: Plain),
        Row(MapType.LruPercpuHash, 4, 10, s_any, s_perCpu, NoCommonLru | ProgramAccess | ZeroSeed, Elements | LookupAndDelete | AllBatches, takesTypes: true, fields: MapFields.KernelPointer),
        Row(MapType.LpmTrie, 4, 11, new MapSizeRule(5, 260), s_any, NumaProgramAccess | NoPrealloc, Elements | LookupBatch | UpdateBatch | DeleteBatch, takesTypes: true, needed: NoPrealloc),
        Row(MapType.ArrayOfMaps, 4, 12, s_four, s_four, NumaAccess, Elements | LookupBatch | UpdateBatch, hasInnerMap: true, mayBeInner: false),
        Row(MapType.HashOfMaps, 4, 12, s_any, s_four, NoPrealloc | NumaProgramAccess | ZeroSeed, Elements | AllBatches, hasInnerMap: true, mayBeInner: false),
        Row(MapType.Devmap, 4, 14, s_four, s_fourOrEight, NumaAccess, Elements),
        Row(MapType.Sockmap, 4, 14, s_four, s_fourOrEight, NumaAccess, Elements),
        Row(MapType.Cpumap, 4, 15, s_four, s_fourOrEight, NumaNode, Elements),
        Row(MapType.Xskmap, 4, 18, s_four, s_four, NumaAccess, Update | Delete | Iterate),
        Row(MapType.Sockhash, 4, 18, new MapSizeRule(1, 512), s_fourOrEight, NumaAccess, Elements),
        Row(MapType.CgroupStorage, 4, 19, s_cgroupKey, s_any, NumaProgramAccess, Lookup | Update | Iterate, MapEntriesRule.MustBeZero, takesTypes: true, fields: MapFields.Lock, mayBeInner: false),
        Row(MapType.ReuseportSockarray, 4, 19, s_four, s_fourOrEight, NumaProgramAccess, Elements, takesTypes: true),
        Row(MapType.PercpuCgroupStorage, 4, 20, s_cgroupKey, s_perCpu, NumaProgramAccess, Lookup | Update | Iterate, MapEntriesRule.MustBeZero, takesTypes: true, mayBeInner: false),
        Row(MapType.Queue, 4, 20, s_none, s_any, NumaProgramAccess, Lookup | Update | LookupAndDelete),
        Row(MapType.Stack, 4, 20, s_none, s_any, NumaProgramAccess, Lookup | Update | LookupAndDelete),
        Row(MapType.SkStorage, 5, 2, s_four, s_any, NoPrealloc | Clone, Lookup | Update | Delete, MapEntriesRule.MustBeZero, takesTypes: true, needed: NoPrealloc, needsTypes: true, fields: MapFields.Lock | MapFields.KernelPointer),
        Row(MapType.DevmapHash, 5, 4, s_four, s_fourOrEight, NumaAccess, Elements),
        Row(MapType.StructOps, 5, 6, s_four, s_any, Link, Elements, takesTypes: true, needsTypes: true, mayBeInner: false),
        Row(MapType.Ringbuf, 5, 8, s_none, s_none, NumaNode, Mmap, MapEntriesRule.RingBytes),
        Row(MapType.InodeStorage, 5, 10, s_four, s_any, NoPrealloc | Clone, Lookup | Update | Delete, MapEntriesRule.MustBeZero, takesTypes: true, needed: NoPrealloc, needsTypes: true, fields: MapFields.Lock | MapFields.KernelPointer),
        Row(MapType.TaskStorage, 5, 11, s_four, s_any, NoPrealloc | Clone, Lookup | Update | Delete, MapEntriesRule.MustBeZero, takesTypes: true, needed: NoPrealloc, needsTypes: true, fields: MapFields.Lock | MapFields.KernelPointer | MapFields.UserPointer),
        Row(MapType.BloomFilter, 5, 16, s_none, s_any, NumaProgramAccess | ZeroSeed, Lookup | Update),
        Row(MapType.UserRingbuf, 6, 1, s_none, s_none, NumaNode, Mmap, MapEntriesRule.RingBytes),
        Row(MapType.CgrpStorage, 6, 2, s_four, s_any, NoPrealloc | Clone, Lookup | Update | Delete, MapEntriesRule.MustBeZero, takesTypes: true, needed: NoPrealloc, needsTypes: true, fields: MapFields.Lock | MapFields.KernelPointer),
        Row(MapType.Arena, 6, 9, s_none, s_none, Mmapable | SegvOnFault | NoUserConversion, Mmap, needed: Mmapable),
    ];

    /// <summary>Every map type of Linux 6.18 but <see cref="MapType.Unspec"/>.</summary>
    public static IReadOnlyList<MapTypeFacts> All => s_rows;

    /// <summary>Null for <see cref="MapType.Unspec"/> and for types newer than Linux 6.18.</summary>
    public static MapTypeFacts? Find(MapType type) => type > MapType.Unspec && (int)type <= s_rows.Length ? s_rows[(int)type - 1] : null;

    /// <summary>The first kernel that has a map type; null when it is not known.</summary>
    public static KernelVersion? Since(MapType type) => type switch
    {
        MapType.InsnArray => new KernelVersion(6, 19),
        MapType.Rhash => new KernelVersion(7, 2),
        _ => Find(type)?.Since,
    };

    private static MapTypeFacts Row(MapType type, int major, int minor, MapSizeRule key, MapSizeRule value, MapCreateFlags allowed, MapOperations operations,
        MapEntriesRule entries = MapEntriesRule.Positive, bool takesTypes = false, MapCreateFlags needed = MapCreateFlags.None, bool needsTypes = false, bool hasInnerMap = false,
        MapFields fields = MapFields.None, bool mayBeInner = true) =>
        new(type, new KernelVersion(major, minor), key, value, entries, allowed, needed, operations, takesTypes, needsTypes, hasInnerMap, fields, mayBeInner);
}
