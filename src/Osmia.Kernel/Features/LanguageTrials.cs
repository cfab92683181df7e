using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Features;

/// <summary>What the verifier takes of the instruction set and of program forms, each by one program.</summary>
public static class LanguageTrials
{
    private const int ManyInstructions = 4100;

    // Bpftool's names, then two it does not ask for.
    private static readonly (string Name, string Meaning, Instruction[] Code)[] s_rows =
    [
        ("large_insn_limit", "programs of more than 4096 instructions", [.. Enumerable.Repeat(ProgramTrial.Move(Register.R0, 1), ManyInstructions), ProgramTrial.Exit]),
        ("bounded_loops", "loops whose end is known", [ProgramTrial.Move(Register.R0, 10), Plain(0x17, Register.R0, 0, 1), Plain(0x55, Register.R0, -2, 0), .. ProgramTrial.Empty]),
        ("v2_isa_extension", "comparisons by less (-mcpu=v2)", [ProgramTrial.Move(Register.R0, 0), Plain(0xa5, Register.R0, 1, 1), ProgramTrial.Move(Register.R0, 1), ProgramTrial.Exit]),
        ("v3_isa_extension", "32-bit comparisons (-mcpu=v3)", [ProgramTrial.Move(Register.R0, 0), Plain(0xa6, Register.R0, 1, 1), ProgramTrial.Move(Register.R0, 1), ProgramTrial.Exit]),
        ("v4_isa_extension", "jumps of 32 bits (-mcpu=v4)", [ProgramTrial.Move(Register.R0, 0), Plain(0x06, Register.R0, 0, 0), ProgramTrial.Move(Register.R0, 1), ProgramTrial.Exit]),
        ("may_goto", "loops bounded by a count of the kernel's own (may_goto)", [ProgramTrial.Move(Register.R0, 1), Plain(0xe5, Register.R0, 0, 0), ProgramTrial.Exit]),
    ];

    public static IEnumerable<(string Name, string Meaning, FeatureAnswer Answer)> Run()
    {
        var trial = new ProgramTrial(KernelEngine.RunningTarget().KernelVersion);
        foreach ((string name, string meaning, Instruction[] code) in s_rows)
        {
            int result = trial.Load(new TrialPlace(ProgramType.SocketFilter, null, default), code, out string log);
            if (result >= 0)
            {
                new BpfHandle(result).Dispose();
            }

            // ENOSPC: the program was walked, only its log did not fit.
            yield return (name, meaning, result >= 0 || result == -Errno.ENOSPC ? FeatureAnswer.Yes
                : FeatureAnswer.No(-result is Errno.EPERM ? $"BPF_PROG_LOAD: {Errno.Describe(-result)}; {Privileges.Explain(Capability.Bpf)}" : $"BPF_PROG_LOAD: {Errno.Describe(-result)} {log.Split('\n')[0]}".TrimEnd()));
        }
    }

    private static Instruction Plain(byte opcode, Register register, short offset, int immediate) => new(new Opcode(opcode), register, Register.R0, offset, immediate);
}
