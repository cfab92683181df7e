using System.Collections.Concurrent;
using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;

namespace Osmia.Kernel;

/// <summary>Whether the running kernel has helpers that depend on how it was built or locked down: a program that does nothing but call one is tried.</summary>
internal static class HelperTrial
{
    private static readonly HelperId[] s_doubtful = [HelperId.ProbeWriteUser, HelperId.OverrideReturn, HelperId.ProbeRead, HelperId.ProbeReadStr];

    private static readonly ConcurrentDictionary<HelperId, string?> s_answers = [];

    /// <summary>Null when programs of the type have the helper, or nothing speaks against it.</summary>
    public static string? Missing(Helper helper, ProgramType type) => Array.IndexOf(s_doubtful, helper.Id) < 0 ? null : s_answers.GetOrAdd(helper.Id, Try);

    private static string? Try(HelperId id)
    {
        ImmutableArray<Instruction> code = [new(new Opcode(Opcodes.Call), 0, 0, 0, (int)id), new(new Opcode(Opcodes.Exit), 0, 0, 0, 0)];
        var program = new LinkedProgram("trial", SectionTable.Match("kprobe"), code) { Functions = [new LinkedFunction(0, "trial", default, true)] };
        var linked = new LinkedObject("trial", [program], [], []) { License = "GPL" };
        try
        {
            new ProgramLoader(linked, [], null, [], 0, LoadOptions.Default).Load(program).Dispose();
            return null;
        }
        catch (KernelException refusal)
        {
            // Its arguments are missing, which is said when the helper itself is there.
            string log = refusal.VerifierLog ?? "";
            return log.Contains("cannot use helper", StringComparison.Ordinal) || log.Contains("unknown func", StringComparison.Ordinal)
                ? "the kernel was built without it or is locked down"
                : null;
        }
    }
}
