using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Programs that stand in the elements of a devmap (Linux 5.8) or cpumap (5.9): the element is written with the link and removed with it.</summary>
internal static class RedirectMapLink
{
    // struct bpf_devmap_val, struct bpf_cpumap_val: a number and a program's descriptor.
    private const int ValueSize = 8;

    public static KernelLink AttachDevmap(KernelProgram program, DevmapTarget target)
    {
        int device = NetworkDevice.Index(program, target, target.Device);
        return Attach(program, target, target.Map, target.Key, (uint)device, MapType.Devmap, MapType.DevmapHash);
    }

    public static KernelLink AttachCpumap(KernelProgram program, CpumapTarget target) => Attach(program, target, target.Map, target.Cpu, target.QueueSize, MapType.Cpumap);

    private static DetachedLink Attach(KernelProgram program, AttachTarget target, Map map, uint key, uint number, params ReadOnlySpan<MapType> types)
    {
        KernelMap kernelMap = map as KernelMap ?? throw new ArgumentException($"map '{map.Name}' was not made by the kernel engine", nameof(map));
        if (!types.Contains(map.Type) || map.ValueSize != ValueSize)
        {
            throw Refusal.Unsupported("OSM5030", $"program '{program.Name}' does not fit {target.Describe()}", $"{map.Type.ToKernelName()} with values of {map.ValueSize} bytes",
                $"the map must be of type {string.Join(" or ", types.ToArray().Select(type => type.ToKernelName()))} with values of {ValueSize} bytes, which name a program beside the device or queue",
                "define the value as struct bpf_devmap_val or struct bpf_cpumap_val", $"program '{program.Name}'");
        }

        uint[] value = [number, (uint)program.Handle.Descriptor];
        byte[] keyBytes = BitConverter.GetBytes(key);
        try
        {
            kernelMap.Update(keyBytes, MemoryMarshal.AsBytes<uint>(value));
        }
        catch (KernelException e)
        {
            throw KernelLink.Refused(program, target, "bpf(BPF_MAP_UPDATE_ELEM)", -e.Errno,
                e.Errno == Syscalls.Errno.EINVAL ? "the program was not loaded for this (SEC(\"xdp/devmap\"), SEC(\"xdp/cpumap\")), or there is no such CPU or device" : e.Diagnostic.Why, needed: [Capability.Bpf, Capability.NetAdmin]);
        }

        GC.KeepAlive(program);
        return new DetachedLink(program, target, () =>
        {
            if (!kernelMap.Handle.IsClosed)
            {
                kernelMap.Delete(keyBytes);
            }
        });
    }
}
