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

    /// <exception cref="UnsupportedFeatureException">The VM has no such map type.</exception>
    /// <exception cref="Runtime.MapException">The definition is one the kernel refuses too.</exception>
    public static VmMap Create(VmEngine engine, LinkedMap definition, BtfTypes? types, uint objectId)
    {
        LinkedMap adjusted = definition;
        if (definition.Type == MapType.PerfEventArray && definition.MaxEntries == 0)
        {
            adjusted = definition with { MaxEntries = (uint)engine.Slots.Count };
        }
        else if (definition.Type == MapType.Ringbuf && definition.MaxEntries is > 0 and <= LargestRing)
        {
            // As loaders for the kernel do: whole pages, a power of two.
            adjusted = definition with { MaxEntries = Math.Max(SmallestRing, BitOperations.RoundUpToPowerOf2(definition.MaxEntries)) };
        }

        Check(engine, adjusted);
        int spinLock = SpinLockOffsetOf(adjusted, types);
        switch (adjusted.Type)
        {
            case MapType.Array or MapType.PercpuArray:
                var array = new ArrayMap(engine, adjusted, objectId) { SpinLockOffset = spinLock };
                if (adjusted.IsDataSection)
                {
                    array.Initialise(adjusted.InitialData.Span);
                    array.IsFrozen = adjusted.IsFrozen;
                }

                return array;
            case MapType.Hash or MapType.PercpuHash or MapType.LruHash or MapType.LruPercpuHash:
                return new HashMap(engine, adjusted, objectId) { SpinLockOffset = spinLock };
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
            case MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap:
                return new RedirectMap(engine, adjusted, objectId);
            default:
                throw new UnsupportedFeatureException(
                    new Diagnostic(DiagnosticIds.MissingMapType, $"maps of type {definition.Type.ToKernelName()} are not available in the VM")
                    {
                        Where = $"map '{definition.Name}'",
                        Why = definition.Type switch
                        {
                            MapType.StackTrace => "the VM has no kernel or user stacks to record",
                            MapType.CgroupArray or MapType.CgroupStorage or MapType.PercpuCgroupStorage or MapType.CgrpStorage => "a process has no cgroup hooks",
                            MapType.Sockmap or MapType.Sockhash or MapType.SkStorage or MapType.ReuseportSockarray => "the VM has no kernel sockets",
                            MapType.StructOps or MapType.TaskStorage or MapType.InodeStorage => "its elements belong to objects of a running kernel",
                            _ => "it has not been built for the process",
                        },
                        Try = "load the object into the kernel engine",
                    }, definition.Type.ToKernelName(), VmEngine.EngineName);
        }
    }

    private static void Check(VmEngine engine, LinkedMap map)
    {
        switch (map.Type)
        {
            case MapType.Array or MapType.PercpuArray or MapType.ArrayOfMaps or MapType.ProgArray or MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap:
                Require(map, map.KeySize == 4, $"keys are 32-bit indexes, the definition says {map.KeySize} bytes");
                break;
            case MapType.Queue or MapType.Stack or MapType.BloomFilter:
                Require(map, map.KeySize == 0, $"elements have no keys, the definition says {map.KeySize} bytes");
                break;
            case MapType.LpmTrie:
                Require(map, map.KeySize is > 4 and <= 260, $"a key is a 32-bit prefix length and 1 to 256 bytes, the definition says {map.KeySize} bytes");
                Require(map, (map.Flags & MapFlags.NoPreallocation) != 0, "the type demands the flag BPF_F_NO_PREALLOC");
                break;
            case MapType.Ringbuf:
                Require(map, map is { KeySize: 0, ValueSize: 0 }, "a ring buffer has neither keys nor values");
                Require(map, map.MaxEntries is >= SmallestRing and <= LargestRing, $"max_entries is the size in bytes, up to 1 GiB, not {map.MaxEntries}");
                return;
            case MapType.Hash or MapType.PercpuHash or MapType.LruHash or MapType.LruPercpuHash or MapType.HashOfMaps:
                Require(map, map.KeySize is > 0 and <= 4096, $"a key has 1 to 4096 bytes, the definition says {map.KeySize}");
                break;
        }

        if (map.Type is MapType.ProgArray or MapType.ArrayOfMaps or MapType.HashOfMaps)
        {
            Require(map, map.ValueSize == 4, $"values are 32-bit ids, the definition says {map.ValueSize} bytes");
        }

        if (map.Type is MapType.Devmap or MapType.DevmapHash or MapType.Cpumap or MapType.Xskmap)
        {
            Require(map, map.ValueSize == 4 || (map.ValueSize == 8 && map.Type != MapType.Xskmap), $"a target has 4 bytes, or 8 with a program, the definition says {map.ValueSize}");
        }

        Require(map, map.ValueSize > 0 || map.Type == MapType.PerfEventArray, "a value has at least one byte");
        Require(map, map.MaxEntries is > 0 and <= MaxEntries, $"max_entries is {map.MaxEntries}");
        Require(map, (ulong)map.ValueSize * (ulong)engine.Slots.Count <= int.MaxValue / 2, $"a value has {map.ValueSize} bytes, more than the VM holds");
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

    private static int SpinLockOffsetOf(LinkedMap map, BtfTypes? types)
    {
        if (types is null || map.ValueType.Value == 0)
        {
            return -1;
        }

        return SpinLockFinder.OffsetIn(types, map.ValueType, map.ValueSize);
    }
}
