using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Diagnostics;

/// <summary>Turns a negated errno into an error of four parts. The caller knows what and where; the errno's usual reasons stand here.</summary>
internal static class Refusal
{
    public static KernelException Of(string id, string what, string call, int result, string? where = null, string? why = null, string? remedy = null,
        params ReadOnlySpan<Capability> needed)
    {
        int errno = Math.Abs(result);
        if (why is null && errno is Errno.EPERM or Errno.EACCES && needed.Length > 0)
        {
            why = Privileges.Explain(needed);
            remedy ??= Privileges.Remedy(needed);
        }

        (string? usualWhy, string? usualRemedy) = Usual(errno);
        var diagnostic = new Diagnostic(id, what)
        {
            Where = where,
            Why = (why ?? usualWhy) is { } reason ? $"{call}: {Errno.Describe(errno)}; {reason}" : $"{call}: {Errno.Describe(errno)}",
            Try = remedy ?? usualRemedy ?? LastResort,
        };
        return new KernelException(diagnostic, call, errno);
    }

    public static UnsupportedFeatureException Unsupported(string id, string what, string feature, string why, string? remedy = null, string? where = null) =>
        new(new Diagnostic(id, what) { Where = where, Why = why, Try = remedy }, feature, "kernel");

    private const string LastResort = "run `osmia doctor` for what this machine allows, or again with --trace-syscalls for the call and what it was given";

    private static (string? Why, string? Remedy) Usual(int errno) => errno switch
    {
        Errno.EPERM => ("a capability or a security policy of the kernel", Privileges.Remedy(Capability.Bpf)),
        Errno.EACCES => ("the permissions of a file or object, or a security policy of the kernel", Privileges.Remedy(Capability.Bpf)),
        Errno.EBADF => ("a descriptor is closed, or of another kind than the call takes", null),
        Errno.EFAULT => ("the kernel could not read or write the memory it was given", null),
        Errno.EBUSY => ("something else holds it at the moment", "look for the holder: osmia link list, osmia prog list"),
        Errno.EEXIST => ("there is one already, and only one may be", null),
        Errno.ENOENT => ("what the call names is not there, or is gone", null),
        Errno.ENODEV => ("there is no such device in this network namespace", "ip link shows those that are there"),
        Errno.ESRCH => ("there is no such process, or no such function", null),
        Errno.EINVAL => ("this kernel does not know the request, one of its flags, or that combination", null),
        Errno.E2BIG => ("it is larger than the kernel takes, or than there is room for", null),
        Errno.ENOSPC => ("no room is left where it was to be put", null),
        Errno.EAGAIN => ("the kernel was busy or interrupted", "try again"),
        Errno.EINTR => ("a signal came in between", "try again"),
        23 => ("the machine has too many open files", "raise fs.file-max, or close some"),
        30 => ("the file system is mounted read-only", "remount it: mount -o remount,rw"),
        36 => ("a name or path is longer than the kernel takes", "use a shorter one"),
        Errno.ERANGE => ("a number is outside of what the kernel takes", null),
        Errno.ENOMEM => ("the memory of the machine, or of this process's memory cgroup, does not suffice", "make the map smaller or raise the cgroup's memory.max"),
        24 => ("this process has too many open files", "raise its limit of open files (ulimit -n)"),
        Errno.ENOSYS => ("this kernel was built without eBPF", "use a kernel with CONFIG_BPF_SYSCALL, or the VM engine"),
        Errno.ENOTSUPP or Errno.EOPNOTSUPP => ("this kernel does not offer the operation for that object", null),
        _ => (null, null),
    };
}
