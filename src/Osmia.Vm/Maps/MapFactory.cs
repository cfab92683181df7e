using System.Diagnostics.CodeAnalysis;
using System.Numerics;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>Creates maps: which types there are, and what the kernel demands of their definitions.</summary>
internal static class MapFactory
{
    private const uint MaxEntries = int.MaxValue - 4096;
    private const uint SmallestRing = 4096;
    private const uint LargestRing = 1u << 30;
    private const uint MaxStackDepth = 127;
    private const uint MaxStorageValue = 32 * 1024;
    private const uint MaxHashes = 15;
    private const uint MaxArenaPages = 1u << 20;

    /// <exception cref="UnsupportedFeatureException">The VM has no such map type.</exception>
    /// <exception cref="Runtime.MapException">The definition is one the kernel refuses too.</exception>
    public static VmMap Create(VmEngine engine, LinkedMap definition, BtfTypes? types, uint objectId)
    {
        LinkedMap adjusted = definition;
        if (definition.Type == MapType.PerfEventArray && definition.MaxEntries == 0)
        {
            adjusted = definition with { MaxEntries = (uint)engine.Slots.Count };
        }
        else if (definition.Type is MapType.Ringbuf or MapType.UserRingbuf && definition.MaxEntries is > 0 and <= LargestRing)
        {
            // As loaders for the kernel do: whole pages, a power of two.
            adjusted = definition with { MaxEntries = Math.Max(SmallestRing, BitOperations.RoundUpToPowerOf2(definition.MaxEntries)) };
        }

        Check(engine, adjusted);
        KeptFields kept = KeptFields.Of(adjusted, types);
        if (engine.Options.SharedMaps.TryGetValue(adjusted.Name, out string? path))
        {
            CheckShared(adjusted, types, path);
        }

        try
        {
            return Make(engine, adjusted, kept, objectId);
        }
        catch (OutOfMemoryException)
        {
            throw new Runtime.MapException(
                new Diagnostic(DiagnosticIds.MapOperation, $"create of map '{adjusted.Name}' failed: {Errno.NameOf(Errno.NoMemory)}")
                {
                    Why = $"{adjusted.MaxEntries} entries need more memory than there is",
                    Try = "give the map fewer max_entries",
                },
                adjusted.Name, Errno.NoMemory);
        }
    }

    private static VmMap Make(VmEngine engine, LinkedMap adjusted, KeptFields kept, uint objectId)
    {
        switch (adjusted.Type)
        {
            case MapType.Array or MapType.PercpuArray:
                var array = new ArrayMap(engine, adjusted, objectId) { Kept = kept };
                if (adjusted.IsDataSection)
                {
                    array.Initialise(adjusted.InitialData.Span);
                    array.IsFrozen = adjusted.IsFrozen;
                }

                return array;
            case MapType.Hash or MapType.PercpuHash or MapType.LruHash or MapType.LruPercpuHash:
                return new HashMap(engine, adjusted, objectId) { Kept = kept };
            case MapType.LpmTrie:
                return new LpmTrieMap(engine, adjusted, objectId);
            case MapType.ArrayOfMaps or MapType.HashOfMaps:
                return new MapOfMaps(engine, adjusted, objectId);
            case MapType.ProgArray:
                return new ProgramArrayMap(engine, adjusted, objectId);
            case MapType.Ringbuf:
                return new RingBufferMap(engine, adjusted, objectId);
            case MapType.PerfEventArray:
                return new PerfEventArrayMap(engine, adjusted, objectId);
            case MapType.Queue or MapType.Stack:
                return new QueueMap(engine, adjusted, objectId);
            case MapType.BloomFilter:
                return new BloomFilterMap(engine, adjusted, objectId);
            case MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap or MapType.Sockmap or MapType.Sockhash or MapType.ReuseportSockarray:
                return new RedirectMap(engine, adjusted, objectId);
            case MapType.StackTrace:
                return new StackTraceMap(engine, adjusted, objectId);
            case MapType.TaskStorage or MapType.InodeStorage or MapType.SkStorage or MapType.CgrpStorage:
                return new StorageMap(engine, adjusted, objectId) { KeptInValues = kept };
            case MapType.CgroupStorage or MapType.PercpuCgroupStorage:
                return new CgroupStorageMap(engine, adjusted, objectId);
            case MapType.UserRingbuf:
                return new UserRingMap(engine, adjusted, objectId);
            case MapType.Arena:
                return new ArenaMap(engine, adjusted, objectId);
            default:
                throw new UnsupportedFeatureException(
                    new Diagnostic(DiagnosticIds.MissingMapType, $"maps of type {adjusted.Type.ToKernelName()} are not available in the VM")
                    {
                        Where = $"map '{adjusted.Name}'",
                        Why = adjusted.Type switch
                        {
                            MapType.CgroupArray => "its elements are cgroups of a running kernel, and a process cannot ask what lies below them",
                            MapType.StructOps => "its values are structures of callbacks that a running kernel calls",
                            MapType.InsnArray => "it holds places in machine code of the kernel",
                            _ => "the VM does not know the type",
                        },
                        Try = "load the object into the kernel engine",
                    }, adjusted.Type.ToKernelName(), VmEngine.EngineName);
        }
    }

    private static void Check(VmEngine engine, LinkedMap map)
    {
        Require(map, map.Extra == 0 || map.Type == MapType.Arena || (map.Type == MapType.BloomFilter && map.Extra <= MaxHashes),
            $"map_extra is {map.Extra}: the number of hashes of a bloom filter, up to {MaxHashes}, or the address of an arena");
        string? problem = CreationRules.ProblemOfFlags(map);
        Require(map, problem is null, problem ?? "");
        switch (map.Type)
        {
            case MapType.Array or MapType.PercpuArray or MapType.ArrayOfMaps or MapType.ProgArray or MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap
                or MapType.Sockmap or MapType.ReuseportSockarray or MapType.StackTrace:
                Require(map, map.KeySize == 4, $"keys are 32-bit indexes, the definition says {map.KeySize} bytes");
                break;
            case MapType.Queue or MapType.Stack or MapType.BloomFilter:
                Require(map, map.KeySize == 0, $"elements have no keys, the definition says {map.KeySize} bytes");
                break;
            case MapType.LpmTrie:
                Require(map, map.KeySize is > 4 and <= 260, $"a key is a 32-bit prefix length and 1 to 256 bytes, the definition says {map.KeySize} bytes");
                Require(map, (map.Flags & MapFlags.NoPreallocation) != 0, "the type demands the flag BPF_F_NO_PREALLOC");
                break;
            case MapType.Ringbuf or MapType.UserRingbuf:
                Require(map, map is { KeySize: 0, ValueSize: 0 }, "a ring buffer has neither keys nor values");
                Require(map, map.MaxEntries is >= SmallestRing and <= LargestRing, $"max_entries is the size in bytes, up to 1 GiB, not {map.MaxEntries}");
                return;
            case MapType.Hash or MapType.PercpuHash or MapType.LruHash or MapType.LruPercpuHash or MapType.HashOfMaps:
                Require(map, map.KeySize is > 0 and <= 4096, $"a key has 1 to 4096 bytes, the definition says {map.KeySize}");
                break;
        }

        switch (map.Type)
        {
            case MapType.StackTrace:
                Require(map, map.ValueSize >= sizeof(ulong) && map.ValueSize % sizeof(ulong) == 0, $"a value holds addresses of 8 bytes, the definition says {map.ValueSize} bytes");
                Require(map, map.ValueSize / sizeof(ulong) <= MaxStackDepth, $"a stack has at most {MaxStackDepth} frames (kernel.perf_event_max_stack)");
                Require(map, (map.Flags & MapFlags.StackBuildId) == 0, "frames by build id need the files of a running kernel's tasks");
                break;
            case MapType.Sockhash:
                Require(map, map.KeySize > 0, "a key has 1 to 512 bytes, the definition says 0");
                break;
            case MapType.PerfEventArray:
                Require(map, map is { KeySize: 4, ValueSize: 4 }, $"keys and values have 4 bytes, the definition says {map.KeySize} and {map.ValueSize}");
                break;
            case MapType.TaskStorage or MapType.InodeStorage or MapType.SkStorage or MapType.CgrpStorage:
                Require(map, map.KeySize == 4, $"keys are 32-bit numbers of objects, the definition says {map.KeySize} bytes");
                Require(map, (map.Flags & MapFlags.NoPreallocation) != 0, "the type demands the flag BPF_F_NO_PREALLOC");
                Require(map, map.MaxEntries == 0, $"the type has no max_entries, the definition says {map.MaxEntries}");
                Require(map, map.ValueSize is > 0 and < MaxStorageValue, $"a value has 1 to {MaxStorageValue - 1} bytes, the definition says {map.ValueSize}");
                return;
            case MapType.CgroupStorage or MapType.PercpuCgroupStorage:
                Require(map, map.KeySize is 8 or 16, $"a key is a cgroup's id of 8 bytes or struct bpf_cgroup_storage_key of 16, the definition says {map.KeySize}");
                Require(map, map.MaxEntries == 0, $"the type has no max_entries, the definition says {map.MaxEntries}");
                Require(map, map.ValueSize is > 0 and < MaxStorageValue, $"a value has 1 to {MaxStorageValue - 1} bytes, the definition says {map.ValueSize}");
                return;
            case MapType.Arena:
                Require(map, map is { KeySize: 0, ValueSize: 0 }, "an arena has neither keys nor values");
                Require(map, (map.Flags & MapFlags.Mmapable) != 0, "the type demands the flag BPF_F_MMAPABLE");
                Require(map, map.MaxEntries is > 0 and <= MaxArenaPages, $"max_entries is the number of pages, 1 to {MaxArenaPages}, not {map.MaxEntries}");
                Require(map, map.InitialData.Length <= (long)map.MaxEntries * ArenaMap.PageSize, $"the initial content has {map.InitialData.Length} bytes, more than {map.MaxEntries} pages");
                return;
        }

        if (map.Type is MapType.ProgArray or MapType.ArrayOfMaps or MapType.HashOfMaps)
        {
            Require(map, map.ValueSize == 4, $"values are 32-bit ids, the definition says {map.ValueSize} bytes");
        }

        if (map.Type is MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap or MapType.Sockmap or MapType.Sockhash or MapType.ReuseportSockarray)
        {
            Require(map, map.ValueSize == 4 || (map.ValueSize == 8 && map.Type != MapType.Xskmap), $"a target has 4 bytes, or 8 with a program, the definition says {map.ValueSize}");
        }

        Require(map, map.ValueSize > 0, "a value has at least one byte");
        CreationRules.RequireSize(map);
        Require(map, map.MaxEntries is > 0 and <= MaxEntries, $"max_entries is {map.MaxEntries}");
        ulong values = (ulong)engine.Slots.Count * (map.Type == MapType.PercpuArray && engine.Options.SharedMaps.ContainsKey(map.Name) ? SharedMemory.MaxProcesses : 1u);
        Require(map, ((map.ValueSize + 7UL) & ~7UL) * values <= int.MaxValue / 2, $"a value has {map.ValueSize} bytes, more than the VM holds");
        Require(map, map.InitialData.Length <= map.ValueSize, $"the initial value has {map.InitialData.Length} bytes, a value {map.ValueSize}");
    }

    private static void Require(LinkedMap map, [DoesNotReturnIf(false)] bool isMet, string why)
    {
        if (!isMet)
        {
            throw new Runtime.MapException(
                new Diagnostic(DiagnosticIds.BadMapDefinition, $"map '{map.Name}' of type {map.Type.ToKernelName()} cannot be created: EINVAL")
                {
                    Why = why,
                    Try = "correct the map's definition in the source; the kernel refuses it too",
                },
                map.Name, Errno.Invalid);
        }
    }

    private static void CheckShared(LinkedMap map, BtfTypes? types, string path)
    {
        if (map.Type is not (MapType.Array or MapType.Hash or MapType.PercpuArray or MapType.Ringbuf))
        {
            throw SharedMemory.Refuse(map, path, $"maps of type {map.Type.ToKernelName()} are one process's");
        }

        if (map.IsDataSection)
        {
            throw SharedMemory.Refuse(map, path, "it holds an object's variables, which every load initialises");
        }

        if (types is not null && map.ValueType.Value != 0 && KernelFieldFinder.In(types, map.ValueType) is { } field)
        {
            throw SharedMemory.Refuse(map, path, $"its values hold a {field}, which means something in one process only");
        }
    }
}
