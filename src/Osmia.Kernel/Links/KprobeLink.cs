using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Kernel functions through the event source <c>kprobe</c>.</summary>
internal static unsafe class KprobeLink
{
    // What the kernel calls the function behind a system call, by architecture; older kernels have the last.
    private static readonly string[] s_callPrefixes = ["__x64_sys_", "__arm64_sys_", "__riscv_sys_", "__se_sys_", "sys_"];

    public static KernelLink Attach(KernelProgram program, KprobeTarget target)
    {
        string function = target.IsSyscall ? Behind(program, target) : target.Function;
        fixed (byte* name = BpfSyscall.Terminated(function))
        {
            PerfEventAttributes attributes = ProbeSource.Describe(program, target, "kprobe", target.IsReturn, (ulong)name, target.Offset);
            (string why, string? remedy)? missing = SymbolAddresses.Of(function).Count > 0 ? null
                : ($"the kernel has no function '{function}', or it was compiled into its callers", NearestNames.Suggest(function, SymbolAddresses.Names()));
            if (missing is { } absent)
            {
                throw KernelLink.Refused(program, target, "perf_event_open", -Errno.ENOENT, absent.why, absent.remedy, "OSM5035");
            }

            return new KernelLink(program, target, PerfLinks.Open(program, target, ref attributes, pid: -1, cpu: 0,
                $"{function} must not be probed (it stands in the kernel's kprobes/blacklist), or no instruction starts at offset 0x{target.Offset:x}"));
        }
    }

    private static string Behind(KernelProgram program, KprobeTarget target) =>
        s_callPrefixes.Select(prefix => prefix + target.Function).FirstOrDefault(name => SymbolAddresses.Of(name).Count > 0)
        ?? throw KernelLink.Refused(program, target, "perf_event_open", -Errno.ENOENT, $"the kernel has no system call '{target.Function}'", "name it as in its manual page, as SEC(\"ksyscall/openat\")", "OSM5035");
}
