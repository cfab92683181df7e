using System.Numerics;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Maps;

/// <summary>Sizes in bytes that the kernel accepts.</summary>
internal readonly record struct SizeRule(uint Minimum, uint Maximum, uint MultipleOf = 1)
{
    public static SizeRule Exactly(uint size) => new(size, size);

    public bool Accepts(uint size) => size >= Minimum && size <= Maximum && size % MultipleOf == 0;

    public override string ToString() =>
        Minimum == Maximum ? $"exactly {Minimum}" : $"{Minimum} to {Maximum}{(MultipleOf > 1 ? $", a multiple of {MultipleOf}" : "")}";
}

internal enum EntriesRule
{
    Positive,
    MustBeZero,

    /// <summary>0 stands for one element a CPU.</summary>
    PerCpuIfZero,

    /// <summary>Bytes; rounded up to a power of two of whole pages.</summary>
    RingBytes,
}

/// <param name="TakesTypes">The kernel accepts BTF types of key and value for this map type.</param>
internal sealed record MapRule(MapType Type, SizeRule Key, SizeRule Value, EntriesRule Entries = EntriesRule.Positive, bool TakesTypes = false,
    MapFlags Needed = MapFlags.None, MapFlags Forbidden = MapFlags.None, bool HasInnerMap = false);

/// <summary>
/// What BPF_MAP_CREATE checks before it does anything and answers with a bare EINVAL: one row a map type. Types without a row
/// go to the kernel as they are.
/// </summary>
/// <remarks>Source: the <c>map_alloc_check</c> functions under kernel/bpf of Linux 6.18.</remarks>
internal static class MapRules
{
    private const uint Any = int.MaxValue;
    private static readonly SizeRule s_any = new(1, Any);
    private static readonly SizeRule s_four = SizeRule.Exactly(4);
    private static readonly SizeRule s_none = SizeRule.Exactly(0);
    private static readonly SizeRule s_fourOrEight = new(4, 8, 4);

    // A per-CPU value must fit the smallest unit of the kernel's per-CPU allocator.
    private static readonly SizeRule s_perCpu = new(1, 32768);

    private static readonly MapRule[] s_rules =
    [
        new(MapType.Hash, s_any, s_any, TakesTypes: true),
        new(MapType.Array, s_four, s_any, TakesTypes: true, Forbidden: MapFlags.NoPrealloc),
        new(MapType.ProgArray, s_four, s_four),
        new(MapType.PerfEventArray, s_four, s_four, EntriesRule.PerCpuIfZero),
        new(MapType.PercpuHash, s_any, s_perCpu, TakesTypes: true),
        new(MapType.PercpuArray, s_four, s_perCpu, TakesTypes: true, Forbidden: MapFlags.NoPrealloc),
        new(MapType.StackTrace, s_four, new SizeRule(8, Any, 8)),
        new(MapType.CgroupArray, s_four, s_four),
        new(MapType.LruHash, s_any, s_any, TakesTypes: true, Forbidden: MapFlags.NoPrealloc),
        new(MapType.LruPercpuHash, s_any, s_perCpu, TakesTypes: true, Forbidden: MapFlags.NoPrealloc),
        new(MapType.LpmTrie, new SizeRule(5, 260), s_any, TakesTypes: true, Needed: MapFlags.NoPrealloc),
        new(MapType.ArrayOfMaps, s_four, s_four, HasInnerMap: true),
        new(MapType.HashOfMaps, s_any, s_four, HasInnerMap: true),
        new(MapType.Devmap, s_four, s_fourOrEight),
        new(MapType.DevmapHash, s_four, s_fourOrEight),
        new(MapType.Cpumap, s_four, s_fourOrEight),
        new(MapType.Xskmap, s_four, s_four),
        new(MapType.Sockmap, s_four, s_fourOrEight),
        new(MapType.Sockhash, s_any, s_fourOrEight),
        new(MapType.ReuseportSockarray, s_four, s_fourOrEight),
        new(MapType.Queue, s_none, s_any),
        new(MapType.Stack, s_none, s_any),
        new(MapType.BloomFilter, s_none, s_any),
        new(MapType.Ringbuf, s_none, s_none, EntriesRule.RingBytes),
        new(MapType.UserRingbuf, s_none, s_none, EntriesRule.RingBytes),
        new(MapType.SkStorage, s_four, s_any, EntriesRule.MustBeZero, TakesTypes: true, Needed: MapFlags.NoPrealloc),
        new(MapType.InodeStorage, s_four, s_any, EntriesRule.MustBeZero, TakesTypes: true, Needed: MapFlags.NoPrealloc),
        new(MapType.TaskStorage, s_four, s_any, EntriesRule.MustBeZero, TakesTypes: true, Needed: MapFlags.NoPrealloc),
        new(MapType.CgrpStorage, s_four, s_any, EntriesRule.MustBeZero, TakesTypes: true, Needed: MapFlags.NoPrealloc),
    ];

    public static MapRule? For(MapType type) => Array.Find(s_rules, rule => rule.Type == type);

    /// <summary>Checks a definition and completes what has a default: ring sizes, one element a CPU, flags of constant data.</summary>
    /// <exception cref="KernelException">OSM5010: the kernel would refuse it with EINVAL.</exception>
    /// <exception cref="UnsupportedFeatureException">OSM5014: a map type this engine cannot create.</exception>
    public static LinkedMap Complete(LinkedMap map)
    {
        if (map.Type is MapType.Unspec or MapType.StructOps)
        {
            throw Refusal.Unsupported("OSM5014", $"map '{map.Name}' of type {map.Type.ToKernelName()} cannot be created", $"map type {map.Type.ToKernelName()}",
                map.Type == MapType.Unspec ? "the definition names no map type" : "struct_ops maps are made from the kernel's own types, which this engine does not do",
                map.Type == MapType.Unspec ? "give the map a type: __uint(type, BPF_MAP_TYPE_HASH)" : "load the object without it", $"map '{map.Name}'");
        }

        MapRule? rule = For(map.Type);
        if (rule is null)
        {
            return map;
        }

        Check(map, rule.Key.Accepts(map.KeySize), $"a key size of {map.KeySize} bytes", $"keys of {map.Type.ToKernelName()} have {rule.Key} bytes",
            map.Type == MapType.LpmTrie ? "the key is a __u32 prefix length followed by 1 to 256 bytes of data" : "correct __type(key, ...) or __uint(key_size, ...)");
        Check(map, rule.Value.Accepts(map.ValueSize), $"a value size of {map.ValueSize} bytes", $"values of {map.Type.ToKernelName()} have {rule.Value} bytes",
            "correct __type(value, ...) or __uint(value_size, ...)");

        var flags = (MapFlags)map.Flags;
        Check(map, (flags & rule.Needed) == rule.Needed, $"flags 0x{map.Flags:x}", $"{map.Type.ToKernelName()} exists only with BPF_F_NO_PREALLOC",
            "add __uint(map_flags, BPF_F_NO_PREALLOC)");
        Check(map, (flags & rule.Forbidden) == 0, $"flags 0x{map.Flags:x}", $"{map.Type.ToKernelName()} is always preallocated",
            "leave BPF_F_NO_PREALLOC out");
        Check(map, !rule.HasInnerMap || map.InnerMap is not null, "no inner map", $"{map.Type.ToKernelName()} needs the definition of the maps it holds",
            "add __array(values, struct { ... }) to the definition");
        return map with { MaxEntries = Entries(map, rule), Flags = map.IsFrozen ? (uint)(flags | MapFlags.ReadOnlyForPrograms) : map.Flags };
    }

    private static uint Entries(LinkedMap map, MapRule rule)
    {
        switch (rule.Entries)
        {
            case EntriesRule.PerCpuIfZero when map.MaxEntries == 0:
                return (uint)PossibleCpus.IndexLimit;
            case EntriesRule.MustBeZero:
                Check(map, map.MaxEntries == 0, $"max_entries {map.MaxEntries}", $"{map.Type.ToKernelName()} grows with its owners and takes no max_entries", "leave max_entries out");
                return 0;
            case EntriesRule.RingBytes:
                Check(map, map.MaxEntries is > 0 and <= 1u << 31, $"a size of {map.MaxEntries} bytes", "a ring buffer has one page to 2 GiB, given as max_entries in bytes",
                    "set __uint(max_entries, 256 * 1024)");
                return Math.Max(BitOperations.RoundUpToPowerOf2(map.MaxEntries), (uint)Environment.SystemPageSize);
            default:
                Check(map, map.MaxEntries > 0, "max_entries 0", "the kernel sizes a map when it makes it", "set __uint(max_entries, N), or resize the map before loading");
                return map.MaxEntries;
        }
    }

    private static void Check(LinkedMap map, bool isRight, string actual, string why, string remedy)
    {
        if (!isRight)
        {
            throw new KernelException(
                new Diagnostic("OSM5010", $"map '{map.Name}' ({map.Type.ToKernelName()}) has {actual}") { Where = $"map '{map.Name}'", Why = why, Try = remedy },
                "bpf(BPF_MAP_CREATE)", Errno.EINVAL);
        }
    }
}
