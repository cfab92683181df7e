using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>An iterator attached: each <see cref="OpenRead"/> walks the kernel's objects from the first on and gives what the program prints.</summary>
public sealed class KernelIterator : KernelLink
{
    internal KernelIterator(KernelProgram program, AttachTarget target, BpfHandle link)
        : base(program, target, link)
    {
    }

    /// <summary>One walk, as the bytes that the program wrote with bpf_seq_write and bpf_seq_printf. The caller disposes it.</summary>
    /// <exception cref="KernelException">OSM5036: the kernel makes no reader.</exception>
    public Stream OpenRead()
    {
        int fd = BpfSyscall.IteratorCreate(Handles[0].Descriptor);
        return fd >= 0
            ? new FileStream(new SafeFileHandle(fd, ownsHandle: true), FileAccess.Read, bufferSize: 0)
            : throw Refusal.Of("OSM5036", $"{Target.Describe()} cannot be read", "bpf(BPF_ITER_CREATE)", fd, $"program '{Program.Name}'", needed: [Capability.Bpf]);
    }
}

/// <summary>Iterators as bpf_links: which objects are walked was fixed when the program was loaded, narrowing is said here. Linux 5.8.</summary>
internal static unsafe class IteratorLink
{
    public static KernelLink Attach(KernelProgram program, IteratorTarget target)
    {
        IteratorInfo info = default;
        using BpfHandle? cgroup = target.Cgroup is { } path ? OpenCgroup(program, target, path) : null;
        bool isNarrowed = true;
        switch (target)
        {
            case { Map: KernelMap map }:
                info.MapFd = map.Handle.Descriptor;
                break;
            case { Map: { } map }:
                throw new ArgumentException($"map '{map.Name}' was not made by the kernel engine", nameof(target));
            case { Pid: > 0 }:
                info.Process = target.Pid;
                break;
            case { Kind: "cgroup" }:
                info.CgroupOrder = (uint)target.Order;
                info.CgroupFd = cgroup?.Descriptor ?? 0;
                break;
            default:
                isNarrowed = false;
                break;
        }

        var attributes = new LinkCreateAttributes
        {
            ProgramFd = program.Handle.Descriptor,
            AttachType = (uint)AttachType.TraceIter,
            IteratorInfo = isNarrowed ? (ulong)&info : 0,
            IteratorInfoLength = isNarrowed ? (uint)sizeof(IteratorInfo) : 0,
        };
        int fd = BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
        if (fd >= 0)
        {
            return new KernelIterator(program, target, new BpfHandle(fd));
        }

        (string? why, string? remedy) = -fd switch
        {
            Errno.EBADF when target.Map is null => ($"iterator {target.Kind} walks the elements of a map", "say which: IteratorTarget.Map"),
            Errno.EINVAL when target.Map is not null => ("the map is of a type that this iterator does not walk", (string?)null),
            Errno.EACCES => ("the program reads more of a key or value than the map has, or writes where it may only read", null),
            Errno.ESRCH when target.Pid > 0 => ($"there is no process {target.Pid}", null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, "bpf(BPF_LINK_CREATE)", fd, why, remedy, needed: [Capability.Bpf, Capability.PerfMon]);
    }

    private static BpfHandle OpenCgroup(KernelProgram program, IteratorTarget target, string path)
    {
        int fd = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0);
        return fd >= 0 ? new BpfHandle(fd) : throw KernelLink.Refused(program, target, "open", -Marshal.GetLastPInvokeError(), "it must be an existing directory of the cgroup v2 hierarchy", null, "OSM5033");
    }
}
