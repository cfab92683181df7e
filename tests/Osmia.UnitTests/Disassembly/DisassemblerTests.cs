using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;

namespace Osmia.Tests.Disassembly;

public class DisassemblerTests
{
    [Fact]
    public void Every_opcode_prints_in_both_styles()
    {
        var text = new StringBuilder();
        foreach (Instruction[] stream in InstructionSamples.All())
        {
            text.Append(Convert.ToHexStringLower(Encode(stream))).Append('\t')
                .Append(Disassembler.Format(stream, 0)).Append('\t')
                .Append(Disassembler.Format(stream, 0, style: DisassemblyStyle.Llvm)).Append('\t')
                .Append(InstructionValidity.Check(stream, 0) ?? $"{InstructionSet.LevelOf(stream[0])} {InstructionSet.GroupOf(stream[0])}").Append('\n');
        }

        GoldenFile.Check(text.ToString(), "Disassembly", "opcodes.txt");
    }

    [Theory]
    [InlineData("v1", InstructionSetLevel.V1)]
    [InlineData("v2", InstructionSetLevel.V2)]
    [InlineData("v3", InstructionSetLevel.V3)]
    [InlineData("v4", InstructionSetLevel.V4)]
    public void Code_needs_the_instruction_set_it_was_compiled_for(string cpu, InstructionSetLevel expected)
    {
        BpfObject compiled = Toolchain.Read("clang-19", Path.Combine("Disassembly", "shapes.c"), $"-mcpu={cpu}");
        Assert.Equal(expected, compiled.Functions.Max(function => InstructionSet.LevelOf(function.Instructions)));
    }

    [Fact]
    public void Any_bytes_print_and_survive_a_round_trip()
    {
        var random = new Random(20240611);
        Span<byte> bytes = stackalloc byte[Instruction.SizeInBytes];
        Span<byte> again = stackalloc byte[Instruction.SizeInBytes];
        var stream = new Instruction[2];
        for (int opcode = 0; opcode < 256; opcode++)
        {
            for (int i = 0; i < 200; i++)
            {
                random.NextBytes(bytes);
                bytes[0] = (byte)opcode;
                stream[0] = Instruction.Decode(bytes);
                stream[0].Encode(again);
                Assert.True(bytes.SequenceEqual(again), Convert.ToHexString(bytes));

                // Read and written big-endian, the same fields stand in other places.
                bytes[1..].CopyTo(again[1..]);
                again[1] = (byte)((bytes[1] << 4) | (bytes[1] >> 4));
                again[2..4].Reverse();
                again[4..].Reverse();
                Assert.Equal(stream[0], Instruction.Decode(again, bigEndian: true));

                foreach (DisassemblyStyle style in Enum.GetValues<DisassemblyStyle>())
                {
                    Assert.NotEmpty(Disassembler.Format(stream, 0, style: style));
                    Assert.NotEmpty(Disassembler.Format(stream.AsSpan(0, 1), 0, style: style));
                }

                _ = InstructionValidity.Check(stream, 0);
                _ = InstructionValidity.FirstProblem(stream);
            }
        }
    }

    [Theory]
    [InlineData("1811000000000000 0000000000000000", DisassemblyStyle.Kernel, "(18) r1 = map[counts]")]
    [InlineData("1861000001000000 0000000004000000", DisassemblyStyle.Kernel, "(18) r1 = counts")]
    [InlineData("1841000003000000 0000000000000000", DisassemblyStyle.Kernel, "(18) r1 = subprog[counts]")]
    [InlineData("8510000003000000", DisassemblyStyle.Kernel, "(85) call pc+3#counts")]
    [InlineData("8520000003000000", DisassemblyStyle.Kernel, "(85) call counts#3")]
    [InlineData("1851000000000000 0000000000000000", DisassemblyStyle.Llvm, "r1 = counts ll")]
    [InlineData("8510000003000000", DisassemblyStyle.Llvm, "call counts")]
    public void Names_stand_where_the_numbers_were(string hex, DisassemblyStyle style, string expected) =>
        Assert.Equal(expected, Disassembler.Format(Decode(hex), 0, (_, _, _) => "counts", style));

    [Fact]
    public void Wide_instruction_without_its_second_slot_is_bytes()
    {
        Instruction[] stream = Decode("1801000005000000");
        Assert.Equal(".byte 0x18, 0x01, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00", Disassembler.Format(stream, 0));
        Assert.Equal((0, "the second slot of this wide instruction is missing"), InstructionValidity.FirstProblem(stream));
    }

    [Theory]
    [InlineData("b700000000000000 9500000000000000", null)]
    [InlineData("0500010000000000 9500000000000000", "0: the target, slot 2, is outside the program of 2 slots")]
    [InlineData("0500010000000000 1800000000000000 0000000000000000 9500000000000000", "0: the target, slot 2, is the second half of a wide instruction")]
    [InlineData("bf1a000000000000 9500000000000000", "0: r10 is read-only")]
    [InlineData("db1a000001000000 9500000000000000", null)]
    [InlineData("dba1000001000000 9500000000000000", "0: r10 is read-only")]
    [InlineData("8510000005000000 9500000000000000", "0: the target, slot 6, is outside the program of 2 slots")]
    public void First_problem_names_the_slot(string hex, string? expected)
    {
        (int Slot, string Reason)? problem = InstructionValidity.FirstProblem(Decode(hex));
        Assert.Equal(expected, problem is { } found ? $"{found.Slot}: {found.Reason}" : null);
    }

    internal static byte[] Encode(ReadOnlySpan<Instruction> stream)
    {
        byte[] bytes = new byte[stream.Length * Instruction.SizeInBytes];
        for (int i = 0; i < stream.Length; i++)
        {
            stream[i].Encode(bytes.AsSpan(i * Instruction.SizeInBytes));
        }

        return bytes;
    }

    internal static Instruction[] Decode(string hex) => Instruction.DecodeAll(Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
}
