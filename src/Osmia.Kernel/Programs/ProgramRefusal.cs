using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Programs;

/// <summary>Words the error of a refused program from the errno, the verifier's log and what the linker knew.</summary>
internal static class ProgramRefusal
{
    private const string Call = "bpf(BPF_PROG_LOAD)";

    public static KernelException Explain(LinkedProgram program, int result, VerifierLog log)
    {
        int errno = -result;
        Diagnostic diagnostic = log.IsEmpty ? BeforeVerifier(program, errno) : ByVerifier(program, errno, log);
        return new KernelException(diagnostic, Call, errno, log.Text) { Program = program.Name };
    }

    private static Diagnostic ByVerifier(LinkedProgram program, int errno, VerifierLog log)
    {
        string? message = log.Message;
        int? slot = log.LastSlot is { } last && last < program.Instructions.Length ? last : null;
        UnresolvedRelocation? unresolved = slot is null ? null : program.Unresolved.FirstOrDefault(u => u.Slot == slot || u.Slot + 1 == slot);
        if (unresolved is not null)
        {
            return unresolved.Diagnostic with { Where = Where(program, slot, log) };
        }

        (string? why, string? remedy) = HelperAdvice.For(program, slot, message);
        if (why is null)
        {
            (why, remedy) = VerifierAdvice.For(message);
        }

        return new Diagnostic("OSM5020", $"the kernel refused program '{program.Name}': {message ?? Errno.Describe(errno)}")
        {
            Where = Where(program, slot, log),
            Why = why ?? $"{Call}: {Errno.Describe(errno)}",
            Try = remedy ?? "read the verifier's log, which ends where it gave up",
        };
    }

    private static Diagnostic BeforeVerifier(LinkedProgram program, int errno)
    {
        string type = program.Type.ToKernelName();
        string kind = program.AttachType is { } attach ? $"{type} for {attach.ToKernelName()}" : type;
        (string why, string remedy) = errno switch
        {
            Errno.EPERM or Errno.EACCES when Privileges.NeededBy(program.Type) is var needed && Array.Exists(needed, Privileges.IsMissing) =>
                (Privileges.Explain(needed), Privileges.Remedy(needed)),
            Errno.EPERM when program.Type is ProgramType.Tracing or ProgramType.Lsm or ProgramType.Ext =>
                ($"{Privileges.Explain(Privileges.NeededBy(program.Type))}; some kernels refuse {kind} as a whole although other tracing works",
                    "use a tracepoint, raw tracepoint or tp_btf program instead"),
            Errno.EPERM => (Privileges.Explain(Privileges.NeededBy(program.Type)), "ask who runs the machine which policy applies; kernel.unprivileged_bpf_disabled, lockdown and LSM profiles are the usual ones"),
            Errno.E2BIG => ($"the program has {program.Instructions.Length} slots; the kernel takes 1 to 1,000,000", "check that the section holds code, or split the program"),
            Errno.ENOTSUPP => ($"this kernel or its JIT cannot do {kind}", "use another program type, or a kernel whose architecture supports it"),
            Errno.EINVAL => ($"the kernel does not know {kind}, a program flag, or a license and name of that form", "use a newer kernel, or another attach type"),
            Errno.ESRCH or Errno.ENOENT => ($"what {kind} attaches to does not exist in this kernel", "check the name after the slash in SEC(\"...\")"),
            _ => ("the kernel gave no text", "look at the kernel's own messages (dmesg)"),
        };
        return new Diagnostic("OSM5021", $"the kernel refused program '{program.Name}' ({type}) before verifying it")
        {
            Where = Where(program, null, new VerifierLog("")),
            Why = $"{Call}: {Errno.Describe(errno)}; {why}",
            Try = remedy,
        };
    }

    private static string Where(LinkedProgram program, int? slot, VerifierLog log)
    {
        string place = $"program '{program.Name}' (SEC(\"{program.Section.Name}\"))";
        if (slot is { } known)
        {
            SourceLine? source = program.LineAt(known);
            string function = program.Functions.IsDefaultOrEmpty ? program.Name : program.FunctionAt(known).Name;
            string inside = function == program.Name ? "" : $", function '{function}'";
            place = $"{(source is null ? log.LastPlace is { } printed ? $"{printed}, " : "" : $"{source}, ")}{place}{inside}, instruction {known}";
            if (source is { Text.Length: > 0 })
            {
                place += $"\n{source.Text}";
            }
        }

        return place;
    }
}
