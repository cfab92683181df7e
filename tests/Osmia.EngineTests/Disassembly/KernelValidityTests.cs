using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Bytecode;
using Osmia.Tests.Tables;

namespace Osmia.Tests.Disassembly;

/// <summary>
/// Our judgement of encodings against the verifier's, by loading each one in a program around it. It goes one way for what is refused: of what we
/// call invalid the kernel accepts nothing. The other way its reason must be about what the program does, not how it is encoded.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public sealed partial class KernelValidityTests
{
    private const int Padding = 40;

    private static readonly byte[] s_registers = [0x00, 0x21, 0x01, 0x10, 0x1a, 0xa1, 0x1b];
    private static readonly short[] s_offsets = [0, 1, -1, 8, 32];
    private static readonly int[] s_immediates = [0, 1, 2, 16, 64, 0xe1, 0xf1, 0x100, 0x10000];

    // Reasons that speak of the encoding.
    [GeneratedRegex("reserved field|unknown opcode|unrecognized|invalid BPF_LD|invalid atomic op|[Ii]nvalid insn|is invalid$|R[0-9]+ is invalid|uses reserved|opcode [0-9a-f]+ invalid|frame pointer is read only|unknown insn|invalid atomic operand", RegexOptions.Multiline)]
    private static partial Regex EncodingReason();

    [Fact]
    public void The_verifier_refuses_the_encodings_we_refuse()
    {
        KernelTrial trial = KernelTrial.OpenOrSkip();
        var differences = new SortedDictionary<string, string>();
        int valid = 0;
        int invalid = 0;
        int accepted = 0;
        foreach (Instruction[] tested in Encodings())
        {
            bool isValid = InstructionValidity.Check(tested, 0) is null;
            TrialVerdict verdict = trial.Load(ProgramType.SchedCls, 0, default, false, Around(tested));
            _ = isValid ? valid++ : invalid++;
            accepted += verdict.IsAccepted ? 1 : 0;
            string reason = verdict.IsAccepted ? "" : verdict.Log.Split('\n').LastOrDefault(line => EncodingReason().IsMatch(line)) ?? "";
            if ((!isValid && verdict.IsAccepted) || (isValid && reason.Length > 0 && !IsNewer(tested[0])))
            {
                differences.TryAdd(
                    $"{tested[0].Opcode} {(isValid ? "valid" : InstructionValidity.Check(tested, 0))} / kernel: {(verdict.IsAccepted ? "accepted" : reason)}",
                    Convert.ToHexStringLower(Encode(tested)));
            }
        }

        Assert.Equal("", string.Join('\n', differences.Select(pair => $"{pair.Key} e.g. {pair.Value}")));
        Assert.True(valid > 2000 && invalid > 50_000 && accepted > 1000, $"{valid} valid, {invalid} invalid encodings, {accepted} programs accepted");
    }

    /// <summary>gotox is of Linux 6.19; the trials run on 6.18.</summary>
    private static bool IsNewer(Instruction instruction) => instruction.Opcode.Value == Opcodes.JumpIndirect;

    private static IEnumerable<Instruction[]> Encodings()
    {
        for (int opcode = 0; opcode < 256; opcode++)
        {
            foreach (byte registers in s_registers)
            {
                foreach (short offset in s_offsets)
                {
                    foreach (int immediate in s_immediates)
                    {
                        var first = new Instruction(new Opcode((byte)opcode), registers, offset, immediate);
                        yield return first.IsWide ? [first, default] : [first];
                    }
                }
            }
        }
    }

    /// <summary>Registers with numbers before, an exit behind, and room for jumps in both directions.</summary>
    private static Instruction[] Around(Instruction[] tested)
    {
        var code = new List<Instruction>();
        for (int i = 0; i < Padding; i++)
        {
            // r6 and r1 keep the context, which packet loads want.
            int register = i % 10;
            code.Add(register switch
            {
                1 => new Instruction(new Opcode(Opcodes.Mov64Register), Register.R7, Register.R1, 0, 0),
                6 => new Instruction(new Opcode(Opcodes.Mov64Register), Register.R6, Register.R1, 0, 0),
                7 => new Instruction(new Opcode(Opcodes.Mov64Register), Register.R8, Register.R1, 0, 0),
                _ => new Instruction(new Opcode(Opcodes.Mov64Immediate), (Register)register, 0, 0, 1),
            });
        }

        code.AddRange(tested);
        for (int i = 0; i < Padding; i++)
        {
            code.Add(new Instruction(new Opcode(Opcodes.Mov64Immediate), Register.R0, 0, 0, 0));
        }

        code.Add(new Instruction(new Opcode(Opcodes.Exit), 0, 0, 0));
        return [.. code];
    }

    private static byte[] Encode(Instruction[] stream)
    {
        var bytes = new byte[stream.Length * Instruction.SizeInBytes];
        for (int i = 0; i < stream.Length; i++)
        {
            stream[i].Encode(bytes.AsSpan(i * Instruction.SizeInBytes));
        }

        return bytes;
    }
}
