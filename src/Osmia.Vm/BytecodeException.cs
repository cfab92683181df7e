using Osmia.Objects.Diagnostics;

namespace Osmia.Vm;

/// <summary>A program whose bytecode no engine could run: an unknown instruction, a jump to nowhere. Found before anything runs.</summary>
public sealed class BytecodeException(Diagnostic diagnostic, string program, int slot) : BpfException(diagnostic)
{
    public string Program { get; } = program;

    public int Slot { get; } = slot;
}
