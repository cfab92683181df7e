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
            Try = remedy ?? usualRemedy,
        };
        return new KernelException(diagnostic, call, errno);
    }

    public static UnsupportedFeatureException Unsupported(string id, string what, string feature, string why, string? remedy = null, string? where = null) =>
        new(new Diagnostic(id, what) { Where = where, Why = why, Try = remedy }, feature, "kernel");

    private static (string? Why, string? Remedy) Usual(int errno) => errno switch
    {
        Errno.EPERM => ("a capability or a security policy of the kernel", Privileges.Remedy(Capability.Bpf)),
        Errno.ENOMEM => ("the memory of the machine, or of this process's memory cgroup, does not suffice", "make the map smaller or raise the cgroup's memory.max"),
        24 => ("this process has too many open files", "raise its limit of open files (ulimit -n)"),
        Errno.ENOSYS => ("this kernel was built without eBPF", "use a kernel with CONFIG_BPF_SYSCALL, or the VM engine"),
        Errno.ENOTSUPP or Errno.EOPNOTSUPP => ("this kernel does not offer the operation for that object", null),
        _ => (null, null),
    };
}
