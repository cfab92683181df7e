namespace Osmia.Bytecode.Disassembly;

/// <summary>
/// Names what a slot refers to: the map or variable of a wide load, the function of a call, the label of a jump; null when nothing is known.
/// </summary>
/// <param name="slot">Slot in the stream that is printed.</param>
/// <param name="instruction">The instruction at that slot.</param>
/// <param name="next">The second slot of a wide instruction, else the default.</param>
public delegate string? SymbolNames(int slot, Instruction instruction, Instruction next);

public enum DisassemblyStyle
{
    /// <summary>As the kernel's verifier log and <c>bpftool prog dump xlated</c> print an instruction.</summary>
    Kernel,

    /// <summary>As <c>llvm-objdump -d</c> prints it, which clang's assembler reads back.</summary>
    Llvm,
}
