using Osmia.Bytecode;

namespace Osmia.Objects.Diagnostics;

/// <summary>Base of everything Osmia refuses. The message is the diagnostic's four parts.</summary>
public abstract class BpfException(Diagnostic diagnostic, Exception? inner = null) : Exception(diagnostic.ToString(), inner)
{
    public Diagnostic Diagnostic { get; } = diagnostic;

    public string Id => Diagnostic.Id;
}

/// <summary>Bytes that are not a readable BPF object. <see cref="Offset"/> is the byte in the file where reading stopped, -1 when no one byte is to blame.</summary>
public sealed class ObjectFormatException(Diagnostic diagnostic, string? section = null, long offset = -1, Exception? inner = null)
    : BpfException(diagnostic, inner)
{
    public string? Section { get; } = section;

    public long Offset { get; } = offset;
}

/// <summary>A symbol, map, variable or CO-RE reference that the target cannot satisfy.</summary>
public sealed class RelocationException(Diagnostic diagnostic, IReadOnlyList<string>? candidates = null) : BpfException(diagnostic)
{
    public IReadOnlyList<string> Candidates { get; } = candidates ?? [];
}

/// <summary>A feature that an engine, a kernel or a machine does not have.</summary>
public sealed class UnsupportedFeatureException(Diagnostic diagnostic, string feature, string engine, Exception? inner = null) : BpfException(diagnostic, inner)
{
    public string Feature { get; } = feature;

    public string Engine { get; } = engine;
}

/// <summary>A system call that Linux refused. <see cref="VerifierLog"/> is the kernel's own text when a program was refused.</summary>
public sealed class KernelException(Diagnostic diagnostic, string call, int errno, string? verifierLog = null) : BpfException(diagnostic)
{
    public string Call { get; } = call;

    public int Errno { get; } = errno;

    public string? VerifierLog { get; } = verifierLog;

    /// <summary>The program that was refused; empty when it is not about a program.</summary>
    public string Program { get; init; } = "";
}

/// <summary>A program that did at run time what it may not do. <see cref="Slot"/> is in the kernel's numbering.</summary>
/// <param name="known">Which of the registers are told, as bits.</param>
public sealed class TrapException(Diagnostic diagnostic, string program, int slot, ulong[] registers, Instruction instruction, Exception? inner = null, int known = TrapException.AllRegisters)
    : BpfException(diagnostic, inner)
{
    private const int AllRegisters = 0x7ff;

    public string Program { get; } = program;

    public int Slot { get; } = slot;

    /// <summary>r0 to r10; of those that <see cref="IsKnown"/> does not tell, an old value or 0.</summary>
    public IReadOnlyList<ulong> Registers { get; } = registers;

    public Instruction Instruction { get; } = instruction;

    /// <summary>Whether <see cref="Registers"/> has a register's value at the trap: in an interpreted program always, in compiled code of those that the instruction reads (of a packet load, r6).</summary>
    public bool IsKnown(int register) => (uint)register < (uint)Registers.Count && (known & (1 << register)) != 0;
}
