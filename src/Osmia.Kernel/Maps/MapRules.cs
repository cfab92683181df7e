using System.Numerics;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Maps;

/// <summary>
/// What BPF_MAP_CREATE checks before it does anything and answers with a bare EINVAL, asked of <see cref="MapTypeTable"/>. Types newer
/// than the table go to the kernel as they are.
/// </summary>
internal static class MapRules
{
    /// <summary>Checks a definition and completes what has a default: ring sizes, one element a CPU, flags of constant data.</summary>
    /// <exception cref="KernelException">OSM5010: the kernel would refuse it with EINVAL.</exception>
    /// <exception cref="UnsupportedFeatureException">OSM5014: a map type this engine cannot create.</exception>
    public static LinkedMap Complete(LinkedMap map)
    {
        if (map.Type == MapType.Unspec)
        {
            throw Refusal.Unsupported("OSM5014", $"map '{map.Name}' of type {map.Type.ToKernelName()} cannot be created", $"map type {map.Type.ToKernelName()}",
                "the definition names no map type", "give the map a type: __uint(type, BPF_MAP_TYPE_HASH)", $"map '{map.Name}'");
        }

        if (map.Type == MapType.StructOps && map.KernelValueType.IsVoid)
        {
            throw Refusal.Unsupported("OSM5014", $"map '{map.Name}' of type {map.Type.ToKernelName()} cannot be created", $"map type {map.Type.ToKernelName()}",
                "maps of this type are made of a struct of the kernel's callbacks, which a definition in .maps does not name",
                "define a variable of that struct in SEC(\".struct_ops.link\")", $"map '{map.Name}'");
        }

        MapTypeFacts? rule = MapTypeTable.Find(map.Type);
        if (rule is null)
        {
            return map;
        }

        Check(map, rule.Key.Accepts(map.KeySize), $"a key size of {map.KeySize} bytes", $"keys of {map.Type.ToKernelName()} have {rule.Key} bytes",
            map.Type == MapType.LpmTrie ? "the key is a __u32 prefix length followed by 1 to 256 bytes of data" : "correct __type(key, ...) or __uint(key_size, ...)");
        Check(map, rule.Value.Accepts(map.ValueSize), $"a value size of {map.ValueSize} bytes", $"values of {map.Type.ToKernelName()} have {rule.Value} bytes",
            "correct __type(value, ...) or __uint(value_size, ...)");

        var flags = (MapCreateFlags)map.Flags;
        string needed = rule.Needed == MapCreateFlags.Mmapable ? "BPF_F_MMAPABLE" : "BPF_F_NO_PREALLOC";
        Check(map, (flags & rule.Needed) == rule.Needed, $"flags 0x{map.Flags:x}", $"{map.Type.ToKernelName()} exists only with {needed}",
            $"add __uint(map_flags, {needed})");
        Check(map, (flags & MapCreateFlags.NoPrealloc & ~rule.Allowed) == 0, $"flags 0x{map.Flags:x}", $"{map.Type.ToKernelName()} is always preallocated",
            "leave BPF_F_NO_PREALLOC out");
        Check(map, !rule.HasInnerMap || map.InnerMap is not null, "no inner map", $"{map.Type.ToKernelName()} needs the definition of the maps it holds",
            "add __array(values, struct { ... }) to the definition");
        return map with { MaxEntries = Entries(map, rule), Flags = map.IsFrozen ? (uint)(flags | MapCreateFlags.ReadOnlyForPrograms) : map.Flags };
    }

    private static uint Entries(LinkedMap map, MapTypeFacts rule)
    {
        switch (rule.Entries)
        {
            case MapEntriesRule.PerCpuIfZero when map.MaxEntries == 0:
                return (uint)PossibleCpus.IndexLimit;
            case MapEntriesRule.MustBeZero:
                Check(map, map.MaxEntries == 0, $"max_entries {map.MaxEntries}", $"{map.Type.ToKernelName()} grows with its owners and takes no max_entries", "leave max_entries out");
                return 0;
            case MapEntriesRule.RingBytes:
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
