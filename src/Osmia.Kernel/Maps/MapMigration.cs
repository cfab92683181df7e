using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Maps;

/// <summary>Elements of a pinned map in the map that takes its name.</summary>
internal static class MapMigration
{
    private const MapOperations Walk = MapOperations.Lookup | MapOperations.Iterate;

    /// <exception cref="KernelException">OSM5013: they cannot be taken over, or there is no room for all.</exception>
    public static void Copy(KernelMap old, KernelMap created, string path)
    {
        string? why = old.KeySize != created.KeySize || old.ValueSize != created.ValueSize
            ? $"key and value had {old.KeySize} and {old.ValueSize} bytes and have {created.KeySize} and {created.ValueSize} now"
            : old.IsPerCpu != created.IsPerCpu ? "one of the two maps has a value for each CPU"
            : MapTypeTable.Find(old.Type) is { } row && (row.Operations & Walk) != Walk ? $"elements of {old.Type.ToKernelName()} cannot be read one after another"
            : null;
        if (why is not null)
        {
            throw Refused(old, path, why, Errno.EINVAL);
        }

        byte[] key = new byte[old.KeySize];
        byte[] next = new byte[old.KeySize];
        byte[] value = new byte[old.ValueBufferSize];
        for (bool found = old.TryNextKey(default, next); found; found = old.TryNextKey(key, next))
        {
            next.CopyTo(key, 0);

            // An array that shrank has no place for what does not differ from a new element anyway.
            if (old.TryLookup(key, value) && (IsInside(created, key) || value.AsSpan().ContainsAnyExcept((byte)0)))
            {
                try
                {
                    created.Update(key, value);
                }
                catch (KernelException e) when (e.Errno == Errno.E2BIG)
                {
                    throw Refused(old, path, $"the new map's max_entries {created.Definition.MaxEntries} do not hold all elements of the old one", Errno.E2BIG);
                }
            }
        }
    }

    private static bool IsInside(KernelMap map, byte[] key) =>
        map.Type is not (MapType.Array or MapType.PercpuArray) || BitConverter.ToUInt32(key) < map.Definition.MaxEntries;

    private static KernelException Refused(KernelMap old, string path, string why, int errno) => new(
        new Diagnostic("OSM5013", $"the elements of the pinned map '{path}' cannot be taken over")
        {
            Where = $"map '{old.Name}'",
            Why = why,
            Try = "make the new map large enough, or load with PinPolicy.Recreate, which begins with an empty map",
        },
        "bpf(BPF_MAP_UPDATE_ELEM)", errno);
}
