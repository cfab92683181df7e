using System.Diagnostics;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Verification.Generator;

/// <summary>Makes a program that shows something smaller, as long as it still shows it.</summary>
internal static class ProgramShrinker
{
    private const int MaximumTrials = 4000;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    public static LinkedProgram Shrink(LinkedProgram program, Func<LinkedProgram, bool> stillShows)
    {
        int trials = 0;
        var clock = Stopwatch.StartNew();
        bool changed = true;
        while (changed && trials < MaximumTrials)
        {
            changed = false;
            for (int size = Math.Max(1, program.Instructions.Length / 2); size >= 1; size /= 2)
            {
                for (int start = program.Instructions.Length - size; start >= 0 && trials < MaximumTrials; start -= size)
                {
                    start = Math.Min(start, program.Instructions.Length - 1);
                    if (CodeEdit.Without(program.Instructions.AsSpan(), Slots(program), start, size) is { } edited && Try(edited.Code, edited.Functions))
                    {
                        changed = true;
                    }
                }
            }

            for (int slot = 0; slot < program.Instructions.Length && trials < MaximumTrials; slot++)
            {
                foreach (Instruction simpler in Simpler(program.Instructions[slot]))
                {
                    Instruction[] code = [.. program.Instructions];
                    code[slot] = simpler;
                    if (Try(code, Slots(program)))
                    {
                        changed = true;
                        break;
                    }
                }

                slot += program.Instructions[slot].IsWide ? 1 : 0;
            }
        }

        return program;

        bool Try(Instruction[] code, IReadOnlyList<int> functions)
        {
            trials = clock.Elapsed > s_patience ? MaximumTrials : trials + 1;
            LinkedProgram smaller = GeneratorScaffold.Program(program.Section.Name, code, functions) with { Section = program.Section };
            if (!stillShows(smaller))
            {
                return false;
            }

            program = smaller;
            return true;
        }
    }

    private static int[] Slots(LinkedProgram program) => [.. program.Functions.Select(function => function.Slot)];

    private static IEnumerable<Instruction> Simpler(Instruction instruction)
    {
        if (instruction.IsWide || instruction.IsCall || instruction.Opcode.Value is Opcodes.Jump or Opcodes.Exit)
        {
            yield break;
        }

        if (!instruction.IsJump && instruction is not { Opcode.Value: Opcodes.Mov64Immediate, Immediate: 0 })
        {
            yield return new Instruction(new Opcode(Opcodes.Mov64Immediate), instruction.Destination, 0, 0, 0);
        }

        if (instruction.Immediate is < 0 or > 1)
        {
            yield return instruction.WithImmediate(0);
            yield return instruction.WithImmediate(1);
            yield return instruction.WithImmediate(instruction.Immediate / 2);
        }
    }
}
