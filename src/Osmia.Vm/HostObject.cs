namespace Osmia.Vm;

/// <summary>Kinds of objects outside of the program that storage maps keep values for.</summary>
public enum HostObjectKind
{
    Task = 1,
    Inode = 2,
    Cgroup = 3,
}

/// <summary>
/// The register value that stands for a task, inode or cgroup: where the kernel has a pointer, the VM has a number under a tag that is no
/// address. Programs get one from a helper (<c>bpf_get_current_task_btf</c>), or the host puts it into their memory or context.
/// </summary>
public static class HostObject
{
    private const ulong Tag = 0xfffe_c000_0000_0000;
    private const ulong TagMask = 0xffff_f000_0000_0000;
    private const int KindShift = 32;

    /// <param name="id">The host's number of the object, which is also its key in a storage map: of a task, what <c>bpf_get_current_pid_tgid</c> has below.</param>
    public static ulong Handle(HostObjectKind kind, uint id) => Tag | ((ulong)kind << KindShift) | id;

    internal static bool TryRead(ulong value, out HostObjectKind kind, out uint id)
    {
        id = (uint)value;
        kind = (HostObjectKind)((value >> KindShift) & 0xfff);
        return (value & TagMask) == Tag && kind is (HostObjectKind.Task or HostObjectKind.Inode or HostObjectKind.Cgroup);
    }
}
