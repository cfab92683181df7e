using Osmia.Bytecode;
using Osmia.Verification.Domains;

namespace Osmia.Verification.Facts;

/// <summary>Which ways of a conditional jump executions take.</summary>
[Flags]
public enum BranchFact : byte
{
    /// <summary>No conditional jump, or no execution comes by.</summary>
    None = 0,
    NeverTaken = 1,
    AlwaysTaken = 2,
    Both = NeverTaken | AlwaysTaken,
}

/// <summary>What holds of a load, a store or an atomic instruction on every execution.</summary>
/// <param name="Region">What the pointer points into; <see cref="ValueKind.Unknown"/> when executions differ.</param>
/// <param name="Map">Index of the map in the linked object, else -1.</param>
/// <param name="Offset">Bytes from the object's beginning (from r10 for the stack) to the first byte touched.</param>
/// <param name="Size">Bytes touched.</param>
/// <param name="NeedsCheck">The verifier did not prove the memory to be there: it lets such a load run because a fault yields 0.</param>
public readonly record struct AccessFact(ValueKind Region, int Map, Scalar Offset, int Size, bool IsWrite, bool NeedsCheck);

/// <summary>
/// What holds at each instruction on every execution of an accepted program, also on those whose paths were not walked to their end
/// because another path covered them (docs/internals/verification.md says why that is so).
/// </summary>
public sealed class VerificationFacts
{
    private const int Registers = 11;

    private readonly RegisterFact[]?[] _registers;
    private readonly RegisterFact[]?[] _stack;
    private readonly BranchFact[] _branches;
    private readonly AccessFact?[] _accesses;

    internal VerificationFacts(RegisterFact[]?[] registers, RegisterFact[]?[] stack, BranchFact[] branches, AccessFact?[] accesses) =>
        (_registers, _stack, _branches, _accesses) = (registers, stack, branches, accesses);

    public int SlotCount => _registers.Length;

    /// <summary>Whether any execution comes by an instruction; the second slot of a wide one counts as none.</summary>
    public bool IsReached(int slot) => _registers[slot] is not null;

    /// <summary>What a register holds before an instruction.</summary>
    public RegisterFact RegisterAt(int slot, Register register) => _registers[slot] is { } known && (int)register < Registers ? known[(int)register] : RegisterFact.Unknown;

    /// <summary>What eight bytes of the function's own stack hold before an instruction.</summary>
    /// <param name="offset">From r10: -8, -16, ... -512.</param>
    public RegisterFact StackAt(int slot, int offset)
    {
        int index = (-offset / 8) - 1;
        return offset % 8 == 0 && index >= 0 && _stack[slot] is { } known && index < known.Length ? known[index] : RegisterFact.Unknown;
    }

    public BranchFact BranchAt(int slot) => _branches[slot];

    /// <summary>Null where an instruction touches no memory, or no execution comes by.</summary>
    public AccessFact? AccessAt(int slot) => _accesses[slot];
}
