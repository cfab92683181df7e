using System.Text;

namespace Osmia.Bytecode.Disassembly;

/// <summary>
/// Instructions as text. Any bytes can be printed: what is no instruction in the chosen style comes out as the
/// assembler's <c>.byte</c> directive. What is printed of a valid instruction, <see cref="Assembly.Assembler"/> reads back as the same bytes.
/// </summary>
public static class Disassembler
{
    /// <summary>What compilers leave in a call that a relocation fills in; as a distance it would lead to the call itself.</summary>
    internal const int NotLinked = -1;

    /// <summary>Appends the instruction at a slot, without its slot number and without a line end.</summary>
    /// <returns>Slots printed: 2 for a wide instruction, else 1.</returns>
    public static int Append(
        StringBuilder text, ReadOnlySpan<Instruction> stream, int slot, SymbolNames? names = null, DisassemblyStyle style = DisassemblyStyle.Kernel)
    {
        Instruction instruction = stream[slot];
        bool isWide = instruction.IsWide && slot + 1 < stream.Length && stream[slot + 1].Opcode.Value == 0;
        Instruction next = isWide ? stream[slot + 1] : default;
        string? name = names?.Invoke(slot, instruction, next);
        int start = text.Length;
        bool isKnown = (!instruction.IsWide || isWide) && (style == DisassemblyStyle.Kernel
            ? KernelFormatter.TryAppend(text, instruction, next, name)
            : LlvmFormatter.TryAppend(text, stream, slot, next, name));
        if (!isKnown)
        {
            text.Length = start;
            AppendBytes(text, instruction);
            if (style == DisassemblyStyle.Llvm && (!instruction.IsWide || isWide) && InstructionValidity.CheckEncoding(stream, slot) is null)
            {
                // It is an instruction, only llvm has no text for it.
                text.Append(" # ");
                int meaning = text.Length;
                KernelFormatter.TryAppend(text, instruction, next, name);
                text.Remove(meaning, "(00) ".Length);
            }
        }

        return isKnown && isWide ? 2 : 1;
    }

    /// <summary>One instruction as text; for messages.</summary>
    public static string Format(
        ReadOnlySpan<Instruction> stream, int slot, SymbolNames? names = null, DisassemblyStyle style = DisassemblyStyle.Kernel)
    {
        var text = new StringBuilder();
        Append(text, stream, slot, names, style);
        return text.ToString();
    }

    private static void AppendBytes(StringBuilder text, Instruction instruction)
    {
        Span<byte> bytes = stackalloc byte[Instruction.SizeInBytes];
        instruction.Encode(bytes);
        text.Append(".byte ");
        for (int i = 0; i < bytes.Length; i++)
        {
            text.Append(i == 0 ? "0x" : ", 0x").Append($"{bytes[i]:x2}");
        }
    }
}
