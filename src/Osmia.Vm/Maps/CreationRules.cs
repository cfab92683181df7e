using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>What Linux demands of a definition beyond sizes: flags that the type knows, and values that the kernel's allocators could give.</summary>
/// <remarks>Source: <see cref="MapTypeTable"/>; the limits and error numbers tried on Linux 6.18, map by map (Contracts/definitions.data).</remarks>
internal static class CreationRules
{
    private const MapCreateFlags HostAccess = MapCreateFlags.ReadOnly | MapCreateFlags.WriteOnly;
    private const MapCreateFlags ProgramAccess = MapCreateFlags.ReadOnlyForPrograms | MapCreateFlags.WriteOnlyForPrograms;

    // KMALLOC_MAX_SIZE, what a hash puts before key and value, and PCPU_MIN_UNIT_SIZE.
    private const ulong LargestAllocation = 4 << 20;
    private const ulong HashHeader = 48;
    private const ulong LargestPerCpuValue = 32 << 10;

    private const uint LargestSocketKey = 512;

    // As many buckets as fit 32 bits of bytes.
    private const uint LargestHash = 1u << 27;

    /// <summary>Why the kernel refuses the definition's flags; null when it does not.</summary>
    public static string? ProblemOfFlags(LinkedMap map)
    {
        if (MapTypeTable.Find(map.Type) is not { } rule)
        {
            return null;
        }

        var flags = (MapCreateFlags)map.Flags;
        if ((flags & ~rule.Allowed) is var unknown and not 0)
        {
            return $"{map.Type.ToKernelName()} does not take the flags 0x{(uint)unknown:x}";
        }

        return (flags & HostAccess) == HostAccess ? "it is read-only and write-only at once"
            : (flags & ProgramAccess) == ProgramAccess ? "it is read-only and write-only for programs at once"
            : null;
    }

    /// <summary>Why the kernel answers E2BIG; null when it does not.</summary>
    public static string? Excess(LinkedMap map) => map.Type switch
    {
        MapType.Hash or MapType.LruHash or MapType.PercpuHash or MapType.LruPercpuHash when map.MaxEntries > LargestHash =>
            $"a hash has at most {LargestHash} entries, the definition says {map.MaxEntries}",
        MapType.PercpuHash or MapType.LruPercpuHash or MapType.PercpuArray when map.ValueSize > LargestPerCpuValue =>
            $"a per-CPU value has at most {LargestPerCpuValue} bytes, the definition says {map.ValueSize}",
        MapType.Hash or MapType.LruHash when (ulong)map.KeySize + map.ValueSize >= LargestAllocation - HashHeader =>
            $"a key and its value have less than {LargestAllocation - HashHeader} bytes, the definition says {(ulong)map.KeySize + map.ValueSize}",
        MapType.Queue or MapType.Stack or MapType.BloomFilter when map.ValueSize > LargestAllocation =>
            $"an element has at most {LargestAllocation} bytes, the definition says {map.ValueSize}",
        MapType.Sockhash when map.KeySize > LargestSocketKey => $"a key has 1 to {LargestSocketKey} bytes, the definition says {map.KeySize}",
        _ => null,
    };

    /// <exception cref="Runtime.MapException">E2BIG.</exception>
    public static void RequireSize(LinkedMap map)
    {
        if (Excess(map) is { } why)
        {
            throw new Runtime.MapException(
                new Diagnostic(DiagnosticIds.BadMapDefinition, $"map '{map.Name}' of type {map.Type.ToKernelName()} cannot be created: {Errno.NameOf(Errno.TooBig)}")
                {
                    Why = why,
                    Try = "correct the map's definition in the source; the kernel refuses it too",
                },
                map.Name, Errno.TooBig);
        }
    }
}
