namespace Osmia.Bytecode;

/// <summary>Map types, with the kernel's numbers (<c>enum bpf_map_type</c>, include/uapi/linux/bpf.h, as of Linux 7.2; up to 33 in 6.18).</summary>
public enum MapType
{
    Unspec = 0,
    Hash = 1,
    Array = 2,
    ProgArray = 3,
    PerfEventArray = 4,
    PercpuHash = 5,
    PercpuArray = 6,
    StackTrace = 7,
    CgroupArray = 8,
    LruHash = 9,
    LruPercpuHash = 10,
    LpmTrie = 11,
    ArrayOfMaps = 12,
    HashOfMaps = 13,
    Devmap = 14,
    Sockmap = 15,
    Cpumap = 16,
    Xskmap = 17,
    Sockhash = 18,
    CgroupStorage = 19,
    ReuseportSockarray = 20,
    PercpuCgroupStorage = 21,
    Queue = 22,
    Stack = 23,
    SkStorage = 24,
    DevmapHash = 25,
    StructOps = 26,
    Ringbuf = 27,
    InodeStorage = 28,
    TaskStorage = 29,
    BloomFilter = 30,
    UserRingbuf = 31,
    CgrpStorage = 32,
    Arena = 33,

    /// <summary>Linux 6.19.</summary>
    InsnArray = 34,

    /// <summary>A hash that resizes itself, Linux 7.2.</summary>
    Rhash = 35,
}

/// <summary>Kernel text of <see cref="MapType"/>: the words bpftool and libbpf print.</summary>
public static class MapTypeNames
{
    private static readonly string[] s_names =
    [
        "unspec",
        "hash",
        "array",
        "prog_array",
        "perf_event_array",
        "percpu_hash",
        "percpu_array",
        "stack_trace",
        "cgroup_array",
        "lru_hash",
        "lru_percpu_hash",
        "lpm_trie",
        "array_of_maps",
        "hash_of_maps",
        "devmap",
        "sockmap",
        "cpumap",
        "xskmap",
        "sockhash",
        "cgroup_storage",
        "reuseport_sockarray",
        "percpu_cgroup_storage",
        "queue",
        "stack",
        "sk_storage",
        "devmap_hash",
        "struct_ops",
        "ringbuf",
        "inode_storage",
        "task_storage",
        "bloom_filter",
        "user_ringbuf",
        "cgrp_storage",
        "arena",
        "insn_array",
        "rhash",
    ];

    /// <summary>Number of members known to this table; larger values are newer than it.</summary>
    public static int Count => s_names.Length;

    /// <summary>The kernel's short word, or <c>type N</c> for a value newer than this table.</summary>
    public static string ToKernelName(this MapType value) =>
        (uint)value < (uint)s_names.Length ? s_names[(int)value] : $"type {(int)value}";

    /// <summary>Finds the value whose kernel word is <paramref name="name"/>.</summary>
    public static bool TryParse(string name, out MapType value)
    {
        int index = Array.IndexOf(s_names, name);
        value = (MapType)Math.Max(index, 0);
        return index >= 0;
    }
}
