using System.Runtime.InteropServices;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Verification.Generator;

/// <summary>What a generated program is mostly made of.</summary>
internal enum Profile
{
    Scalar,
    Pointers,
    Packet,
    Stack,
    Diamonds,
    Loops,
    Subprograms,
    Callbacks,
}

/// <summary>What the generator knows of a register or a stack slot.</summary>
internal enum Held
{
    Nothing,
    Number,
    Context,
    Stack,

    /// <summary>A pointer into a caller's stack.</summary>
    OuterStack,
    Packet,
    PacketEnd,
    PacketMeta,
    Value,
    ValueOrNull,
    Map,
    Record,
    RecordOrNull,
    Key,
    Socket,
    SocketOrNull,
}

/// <summary>A program out of a seed.</summary>
/// <param name="IsRepeatable">It depends on nothing but its input, so that two engines must agree on what it does.</param>
internal sealed record GeneratedProgram(ulong Seed, Profile Profile, LinkedProgram Program, bool IsRepeatable, IReadOnlySet<Held> Kinds, int WrongChoices)
{
    /// <summary>The program as text with its slots, and as bytes.</summary>
    public static string Listing(LinkedProgram program)
    {
        var text = new StringBuilder();
        ReadOnlySpan<Instruction> code = program.Instructions.AsSpan();
        for (int slot = 0; slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            text.Append(slot).Append(": ").AppendLine(Disassembler.Format(code, slot));
        }

        return text.Append("functions at ").AppendJoin(' ', program.Functions.Select(function => $"{function.Slot}:{function.Name}")).AppendLine()
            .Append(program.Section.Name).Append(' ').AppendLine(Convert.ToHexStringLower(MemoryMarshal.AsBytes(code))).ToString();
    }
}
