using System.Globalization;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Kernel.Inventory;

/// <summary>What a file of the BPF file system, or a descriptor, stands for.</summary>
public enum ObjectKind
{
    Other,
    Program,
    Map,
    Link,
}

public static unsafe partial class KernelInventory
{
    /// <summary>Opens a program of any process; the caller disposes it. Its section is empty but for the type: the kernel does not keep it.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5041: there is no such program.</exception>
    /// <param name="section">Says what it attaches to; null when nobody asks.</param>
    public static KernelProgram OpenProgram(uint id, SectionMatch? section = null) => ToProgram(Open(BpfCommand.ProgramFromId, id) ?? throw NoSuch("program", id), section);

    /// <summary>Opens a link of any process; the caller disposes it.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5041: there is no such link.</exception>
    public static BpfHandle OpenLink(uint id) => Open(BpfCommand.LinkFromId, id) ?? throw NoSuch("link", id);

    /// <summary>Opens what is pinned at a path; the caller disposes it.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5070: nothing can be opened there.</exception>
    public static BpfHandle OpenPinned(string path)
    {
        int fd = BpfSyscall.GetPinned(path);
        return fd >= 0 ? new BpfHandle(fd) : throw Refusal.Of("OSM5070", $"'{path}' cannot be opened as a pinned object", "bpf(BPF_OBJ_GET)", fd, why: -fd switch
        {
            Errno.ENOENT => "there is no such file",
            Errno.EPERM or Errno.EACCES => "it is not a file of the BPF file system, or this process may not use it",
            Errno.EINVAL => "it is not a file of the BPF file system",
            _ => null,
        });
    }

    public static ObjectKind KindOf(BpfHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        string? name = new FileInfo(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{handle.Descriptor}")).LinkTarget;
        return name switch
        {
            "anon_inode:bpf-prog" => ObjectKind.Program,
            "anon_inode:bpf-map" => ObjectKind.Map,
            "anon_inode:bpf-link" or "anon_inode:bpf_link" => ObjectKind.Link,
            _ => ObjectKind.Other,
        };
    }

    public static uint IdOf(BpfHandle handle) => KindOf(handle) switch
    {
        ObjectKind.Program => Describe(handle).Id,
        ObjectKind.Map => DescribeMap(handle).Id,
        ObjectKind.Link => DescribeLink(handle).Id,
        _ => throw new ArgumentException("the descriptor is not of a program, map or link", nameof(handle)),
    };

    /// <summary>Describes a program by its descriptor.</summary>
    public static ProgramInfo Describe(BpfHandle program) => DescribeProgram(program, BootTime());

    /// <summary>Describes a map by its descriptor.</summary>
    public static MapInfo DescribeMapOf(BpfHandle map) => DescribeMap(map);

    /// <summary>What the kernel says of a map, as its <c>struct bpf_map_info</c>; bytes that it does not fill are zero.</summary>
    public static void RawInfo(KernelMap map, Span<byte> info)
    {
        ArgumentNullException.ThrowIfNull(map);
        info.Clear();
        var data = new MapInfoData();
        Fill(map.Handle, ref data);
        ReadOnlySpan<byte> known = System.Runtime.InteropServices.MemoryMarshal.AsBytes(new ReadOnlySpan<MapInfoData>(in data));
        known[..Math.Min(known.Length, info.Length)].CopyTo(info);
    }

    /// <summary>Describes a link by its descriptor.</summary>
    public static LinkInfo DescribeLink(BpfHandle link) => DescribeLink(link, withDetails: true);

    /// <summary>Gives an object a name in the BPF file system, by which it lives on without a process.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5071: it cannot be pinned there.</exception>
    public static void Pin(BpfHandle handle, string path)
    {
        ArgumentNullException.ThrowIfNull(handle);
        int result = BpfSyscall.Pin(handle.Descriptor, path);
        GC.KeepAlive(handle);
        if (result < 0)
        {
            string? why = -result switch
            {
                Errno.EEXIST => "there is such a file already",
                Errno.ENOENT => $"the directory {Path.GetDirectoryName(path)} does not exist",
                Errno.EPERM or Errno.EINVAL => $"{Path.GetDirectoryName(path)} must be a directory of a mounted BPF file system that this process may write; dots in names are refused",
                _ => null,
            };
            throw Refusal.Of("OSM5071", $"the object cannot be pinned at '{path}'", "bpf(BPF_OBJ_PIN)", result, why: why,
                remedy: -result == Errno.EEXIST ? "choose another name, or remove that file if nothing uses it" : "mount -t bpf bpf /sys/fs/bpf, and pin below it");
        }
    }

    /// <summary>Detaches a link that others hold: its program runs there no more, the link stays as an empty shell. Linux 5.9.</summary>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5072: links of its type cannot be detached by force.</exception>
    public static void DetachLink(BpfHandle link)
    {
        ArgumentNullException.ThrowIfNull(link);
        var attributes = new SingleAttribute { Value = link.Descriptor };
        int result = BpfSyscall.Call(BpfCommand.LinkDetach, ref attributes);
        GC.KeepAlive(link);
        if (result < 0)
        {
            throw Refusal.Of("OSM5072", $"link {IdOf(link)} cannot be detached", "bpf(BPF_LINK_DETACH)", result,
                why: -result is Errno.EOPNOTSUPP or Errno.EINVAL ? $"the kernel detaches links of type {DescribeLink(link).Type.ToKernelName()} only when their last holder lets go" : null,
                remedy: "end the processes that hold it, and remove its pins: osmia link list shows both");
        }
    }

    /// <summary>A program by its descriptor, which the result owns.</summary>
    /// <param name="section">Says what it attaches to; null when nobody asks.</param>
    public static KernelProgram ToProgram(BpfHandle handle, SectionMatch? section = null)
    {
        ArgumentNullException.ThrowIfNull(handle);
        try
        {
            ProgramInfo info = Describe(handle);
            section ??= new SectionMatch("", "", "", info.Type, null, AttachKind.None);
            return new KernelProgram(new LinkedProgram(info.FullName, section, []), handle, new VerifierLog(""));
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Creates a map that no object defines; the caller disposes it, and pins it before if it shall stay.</summary>
    /// <param name="inner">What an array or hash of maps holds the likes of.</param>
    /// <exception cref="Objects.Diagnostics.KernelException">OSM5010 or OSM5011: the kernel does not make such a map.</exception>
    public static KernelMap CreateMap(LinkedMap definition, KernelMap? inner = null)
    {
        ArgumentNullException.ThrowIfNull(definition);
        LinkedMap map = MapRules.Complete(inner is null ? definition : definition with { InnerMap = inner.Definition });
        var created = new KernelMap(map, new BpfHandle(MapCreation.CreateTyped(map, null, [], inner)));
        GC.KeepAlive(inner);
        return created;
    }

    /// <summary>A map by its descriptor, which the result owns.</summary>
    public static KernelMap ToMap(BpfHandle handle)
    {
        ArgumentNullException.ThrowIfNull(handle);
        try
        {
            MapInfo info = DescribeMap(handle);
            var definition = new LinkedMap(0, info.Name, info.Type, info.KeySize, info.ValueSize, info.MaxEntries, info.Flags)
            {
                Extra = info.Extra,
                KeyType = info.KeyType,
                ValueType = info.ValueType,
            };
            return new KernelMap(definition, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }
}
