using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Inventory;

/// <summary>A program at a hook of a cgroup, a device or a network namespace.</summary>
/// <param name="Flags">As it was attached: 1 override, 2 multi; those of the hook where the kernel keeps none per program.</param>
/// <param name="LinkId">0 when it was attached without a link.</param>
public readonly record struct HookedProgram(uint ProgramId, uint Flags, uint LinkId, uint LinkFlags);

/// <summary>How a program shares a cgroup's hook with those of child cgroups.</summary>
[Flags]
public enum CgroupAttachFlags : uint
{
    None = 0,
    Override = 1,
    Multi = 2,
}

/// <summary>
/// Programs attached to hooks without a descriptor that holds them there (BPF_PROG_ATTACH, BPF_PROG_DETACH): they stay until they are detached, or the
/// cgroup, device, map or namespace goes. And what is attached, links included (BPF_PROG_QUERY).
/// </summary>
public static unsafe class ProgramAttachments
{
    private const uint Effective = 1;
    private const int MostPrograms = 64;

    /// <summary>Cgroup hooks, in the order in which they are shown.</summary>
    public static IReadOnlyList<AttachType> CgroupHooks { get; } =
    [
        AttachType.CgroupInetIngress, AttachType.CgroupInetEgress, AttachType.CgroupInetSockCreate, AttachType.CgroupSockOps, AttachType.CgroupDevice,
        AttachType.CgroupInet4Bind, AttachType.CgroupInet6Bind, AttachType.CgroupInet4Connect, AttachType.CgroupInet6Connect, AttachType.CgroupUnixConnect,
        AttachType.CgroupInet4PostBind, AttachType.CgroupInet6PostBind, AttachType.CgroupInet4Getpeername, AttachType.CgroupInet6Getpeername,
        AttachType.CgroupUnixGetpeername, AttachType.CgroupInet4Getsockname, AttachType.CgroupInet6Getsockname, AttachType.CgroupUnixGetsockname,
        AttachType.CgroupUdp4Sendmsg, AttachType.CgroupUdp6Sendmsg, AttachType.CgroupUnixSendmsg, AttachType.CgroupUdp4Recvmsg, AttachType.CgroupUdp6Recvmsg,
        AttachType.CgroupUnixRecvmsg, AttachType.CgroupSysctl, AttachType.CgroupGetsockopt, AttachType.CgroupSetsockopt, AttachType.CgroupInetSockRelease,
        AttachType.LsmCgroup,
    ];

    /// <summary>The programs at a hook of a cgroup, in the order in which they run.</summary>
    /// <param name="effective">Also those of the cgroups above; flags are not known then.</param>
    /// <returns>Null when the kernel does not know the hook.</returns>
    /// <exception cref="KernelException">OSM5074: the directory is no cgroup, or the kernel does not say.</exception>
    public static IReadOnlyList<HookedProgram>? OfCgroup(string directory, AttachType hook, bool effective = false)
    {
        using BpfHandle cgroup = OpenDirectory(directory);
        IReadOnlyList<HookedProgram>? found = Query(cgroup.Descriptor, hook, effective ? Effective : 0, withEach: !effective, out int result);
        return found ?? (-result == Errno.EINVAL ? null
            : throw Refusal.Of("OSM5074", $"the programs of cgroup '{directory}' cannot be listed", "bpf(BPF_PROG_QUERY)", result,
                why: -result == Errno.EBADF ? "the directory is not a cgroup of the version 2 hierarchy" : null, needed: [Capability.NetAdmin]));
    }

    /// <summary>The programs at a hook of a device (TCX, netkit); empty when the kernel or the device has no such hook.</summary>
    public static IReadOnlyList<HookedProgram> OfDevice(int index, AttachType hook) => Query(index, hook, 0, withEach: true, out _) ?? [];

    /// <summary>The program that takes packets apart in the network namespace of this thread; null when there is none.</summary>
    public static uint? FlowDissector()
    {
        int fd = Libc.Open("/proc/self/ns/net", Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        if (fd < 0)
        {
            return null;
        }

        using var space = new BpfHandle(fd);
        return Query(space.Descriptor, AttachType.FlowDissector, 0, withEach: false, out _) is [var program, ..] ? program.ProgramId : null;
    }

    public static void AttachToCgroup(KernelProgram program, string directory, AttachType hook, CgroupAttachFlags flags)
    {
        ArgumentNullException.ThrowIfNull(program);
        using BpfHandle cgroup = OpenDirectory(directory);
        Change(BpfCommand.ProgramAttach, program, cgroup.Descriptor, hook, (uint)flags, $"cgroup '{directory}'", Capability.NetAdmin);
    }

    public static void DetachFromCgroup(KernelProgram program, string directory, AttachType hook)
    {
        ArgumentNullException.ThrowIfNull(program);
        using BpfHandle cgroup = OpenDirectory(directory);
        Change(BpfCommand.ProgramDetach, program, cgroup.Descriptor, hook, 0, $"cgroup '{directory}'", Capability.NetAdmin);
    }

    /// <summary>Attaches to the sockets of a map, or with no map to the packets of this network namespace (a flow dissector).</summary>
    public static void Attach(KernelProgram program, AttachType hook, Maps.KernelMap? map) => ChangeMap(BpfCommand.ProgramAttach, program, hook, map);

    /// <inheritdoc cref="Attach"/>
    public static void Detach(KernelProgram program, AttachType hook, Maps.KernelMap? map) => ChangeMap(BpfCommand.ProgramDetach, program, hook, map);

    /// <summary>Attaches to a TCX or netkit hook of a device; without <paramref name="isFirst"/> behind those that are there.</summary>
    public static void AttachToDevice(KernelProgram program, int device, AttachType hook, bool isFirst)
    {
        const uint Before = 1 << 3;
        ArgumentNullException.ThrowIfNull(program);
        Change(BpfCommand.ProgramAttach, program, device, hook, isFirst ? Before : 0, $"device {device}", Capability.NetAdmin);
    }

    /// <summary>Detaches a program from a TCX or netkit hook; null: the only one that is there.</summary>
    public static void DetachFromDevice(KernelProgram? program, int device, AttachType hook) =>
        Change(BpfCommand.ProgramDetach, program, device, hook, 0, $"device {device}", Capability.NetAdmin);

    private static void ChangeMap(BpfCommand command, KernelProgram program, AttachType hook, Maps.KernelMap? map)
    {
        ArgumentNullException.ThrowIfNull(program);
        Change(command, program, map?.Handle.Descriptor ?? 0, hook, 0, map is null ? "this network namespace" : $"map '{map.Name}'", Capability.NetAdmin);
        GC.KeepAlive(map);
    }

    private static void Change(BpfCommand command, KernelProgram? program, int target, AttachType hook, uint flags, string where, params ReadOnlySpan<Capability> needed)
    {
        bool isAttach = command == BpfCommand.ProgramAttach;
        var attributes = new ProgramAttachAttributes { Target = target, ProgramFd = program?.Handle.Descriptor ?? 0, AttachType = (uint)hook, Flags = flags };
        int result = BpfSyscall.Call(command, ref attributes);
        GC.KeepAlive(program);
        if (result >= 0)
        {
            return;
        }

        string? why = -result switch
        {
            Errno.ENOENT => isAttach ? null : "no such program is attached there",
            Errno.EINVAL when isAttach && program is not null && ProgramTypeTable.All.Where(row => row.AttachTypes.Contains(hook)).Select(row => row.Type).ToArray() is { Length: > 0 } takes && !takes.Contains(program.Type) =>
                $"hook {hook.ToKernelName()} takes programs of type {string.Join(" or ", takes.Select(type => type.ToKernelName()))}, and '{program.Name}' is of type {program.Type.ToKernelName()}",
            Errno.EINVAL => isAttach ? $"the kernel does not know hook {hook.ToKernelName()}, or the program is of another type or was loaded for another hook" : $"the kernel does not know hook {hook.ToKernelName()}",
            Errno.EEXIST or Errno.EBUSY => "another program is attached there already",
            Errno.EPERM when !Privileges.IsMissing(Capability.NetAdmin) => "a cgroup above, or this one, has a program at this hook that lets no other run: it was attached without 'multi'",
            _ => null,
        };
        throw Refusal.Of("OSM5075", $"program{(program is null ? "" : $" '{program.Name}'")} cannot be {(isAttach ? "attached to" : "detached from")} {where} at hook {hook.ToKernelName()}",
            isAttach ? "bpf(BPF_PROG_ATTACH)" : "bpf(BPF_PROG_DETACH)", result, why: why, needed: needed);
    }

    private static List<HookedProgram>? Query(int target, AttachType hook, uint flags, bool withEach, out int result)
    {
        uint* ids = stackalloc uint[MostPrograms];
        uint* each = stackalloc uint[MostPrograms];
        uint* links = stackalloc uint[MostPrograms];
        uint* linkFlags = stackalloc uint[MostPrograms];
        bool isDevice = hook is AttachType.TcxIngress or AttachType.TcxEgress or AttachType.NetkitPrimary or AttachType.NetkitPeer;
        var attributes = new ProgramQueryAttributes
        {
            Target = target,
            AttachType = (uint)hook,
            QueryFlags = flags,
            ProgramIds = (ulong)ids,
            Count = MostPrograms,
            ProgramAttachFlags = withEach ? (ulong)each : 0,
            LinkIds = isDevice ? (ulong)links : 0,
            LinkAttachFlags = isDevice ? (ulong)linkFlags : 0,
        };
        result = BpfSyscall.Call(BpfCommand.ProgramQuery, ref attributes);
        if (result < 0)
        {
            return null;
        }

        var found = new List<HookedProgram>();
        for (int i = 0; i < attributes.Count; i++)
        {
            // Only lsm_cgroup and devices keep flags of each program.
            found.Add(new HookedProgram(ids[i], each[i] != 0 ? each[i] : attributes.AttachFlags, links[i], linkFlags[i]));
        }

        return found;
    }

    private static BpfHandle OpenDirectory(string path)
    {
        int fd = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0);
        return fd >= 0 ? new BpfHandle(fd) : throw Refusal.Of("OSM5074", $"cgroup '{path}' cannot be opened", "open", -Marshal.GetLastPInvokeError(),
            why: "it must be an existing directory of the cgroup v2 hierarchy");
    }
}
