using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Maps;

/// <summary>BPF_MAP_CREATE, and what belongs to it: types, inner maps, initial data, freezing.</summary>
internal static unsafe class MapCreation
{
    /// <summary>Creates the smallest map there is: a descriptor, or the negated errno that every other call would get too.</summary>
    public static int Trial(int token = 0)
    {
        var attributes = new MapCreateAttributes { Type = (uint)MapType.Array, KeySize = 4, ValueSize = 4, MaxEntries = 1 };
        Use(ref attributes, token);
        return BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
    }

    /// <param name="btf">The object's types in the kernel; null leaves the map untyped.</param>
    /// <param name="modules">Descriptors of the types of modules, for structs of their callbacks.</param>
    /// <exception cref="KernelException">OSM5010 or OSM5011.</exception>
    /// <param name="exclusiveTo">The digest of the only program that may use the map.</param>
    public static KernelMap Create(LinkedMap requested, BpfHandle? btf, int[] modules, byte[]? exclusiveTo = null, int token = 0)
    {
        LinkedMap map = MapRules.Complete(WithoutLink(requested));
        using KernelMap? inner = map.InnerMap is null ? null : Create(map.InnerMap, btf, modules, token: token);
        BpfHandle handle;
        fixed (byte* digest = exclusiveTo)
        {
            handle = new BpfHandle(CreateTyped(map, btf, modules, inner, (ulong)digest, token));
        }

        var created = new KernelMap(map, handle);
        try
        {
            Fill(created);
            return created;
        }
        catch
        {
            created.Dispose();
            throw;
        }
    }

    /// <returns>The descriptor.</returns>
    internal static int CreateTyped(LinkedMap map, BpfHandle? btf, int[] modules, KernelMap? inner, ulong digest = 0, int token = 0)
    {
        var attributes = new MapCreateAttributes
        {
            Type = (uint)map.Type,
            KeySize = map.KeySize,
            ValueSize = map.ValueSize,
            MaxEntries = map.MaxEntries,
            Flags = map.Flags,
            InnerMapFd = inner?.Handle.Descriptor ?? 0,
            Name = BpfSyscall.KernelName(map.Name),
            Extra = map.Extra,
            NumaNode = map.NumaNode,
            BtfKernelValueType = map.KernelValueType.Value,
            ExclusiveHash = digest,
            ExclusiveHashSize = digest == 0 ? 0u : ProgramDigest.Size,
        };
        Use(ref attributes, token);
        if (!map.KernelValueType.IsVoid)
        {
            // The kernel wants to see that the object knows types of its own, although it uses only the kernel's.
            attributes.BtfFd = btf?.Descriptor ?? 0;
        }

        if (map.Module != 0)
        {
            attributes.ValueTypeBtfFd = modules[map.Module];
            attributes.Flags |= (uint)MapCreateFlags.ValueTypeBtf;
        }

        int result = -Errno.EINVAL;
        if (btf is not null && !map.ValueType.IsVoid && MapTypeTable.Find(map.Type) is { TakesTypes: true })
        {
            attributes.BtfFd = btf.Descriptor;
            attributes.BtfKeyType = map.KeyType.Value;
            attributes.BtfValueType = map.ValueType.Value;
            result = BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
            (attributes.BtfFd, attributes.BtfKeyType, attributes.BtfValueType) = (0, 0, 0);
        }

        // Types are a convenience for whoever dumps the map; a kernel that refuses them still makes the map.
        if (result < 0)
        {
            result = BpfSyscall.Call(BpfCommand.MapCreate, ref attributes);
        }

        return result >= 0 ? result : throw Refused(map, result, digest != 0);
    }

    /// <summary>Before Linux 6.4 a struct of callbacks is registered by its map alone, whatever its section says.</summary>
    private static LinkedMap WithoutLink(LinkedMap map) => map.Type == MapType.StructOps && (map.Flags & (uint)MapCreateFlags.Link) != 0 && !KernelEngine.IsAtLeast(6, 4)
        ? map with { Flags = map.Flags & ~(uint)MapCreateFlags.Link }
        : map;

    private static void Use(ref MapCreateAttributes attributes, int token)
    {
        if (token != 0)
        {
            attributes.TokenFd = token;
            attributes.Flags |= (uint)MapCreateFlags.TokenFd;
        }
    }

    private static KernelException Refused(LinkedMap map, int result, bool isExclusive)
    {
        string shape = $"key {map.KeySize} bytes, value {map.ValueSize} bytes, max_entries {map.MaxEntries}, flags 0x{map.Flags:x}";
        (string? why, string? remedy) = -result switch
        {
            Errno.E2BIG when isExclusive => ("this kernel has no exclusive maps", "leave ExclusiveMaps out, or use Linux 6.18"),
            Errno.EINVAL => ($"this kernel does not know map type {map.Type.ToKernelName()}, one of its flags, or a map of that shape", "compare the definition with the type's rules, or use a newer kernel"),
            Errno.E2BIG => ("the map is larger than the kernel allows for its type", "lower max_entries or the value size"),
            _ => ((string?)null, (string?)null),
        };
        return Refusal.Of("OSM5011", $"map '{map.Name}' ({map.Type.ToKernelName()}) was refused", "bpf(BPF_MAP_CREATE)", result, $"map '{map.Name}': {shape}", why, remedy, Capability.Bpf);
    }

    private static void Fill(KernelMap map)
    {
        LinkedMap definition = map.Definition;
        if (definition.Type == MapType.Arena)
        {
            map.MapArena();
        }

        if (!definition.IsDataSection)
        {
            return;
        }

        // The kernel made element 0 of zeros; .bss needs no write.
        if (definition.InitialData.Span.ContainsAnyExcept((byte)0))
        {
            byte[] value = new byte[definition.ValueSize];
            definition.InitialData.Span.CopyTo(value);
            map.Update(stackalloc byte[4], value);
        }

        if (definition.IsFrozen)
        {
            map.Freeze();
        }
    }
}
