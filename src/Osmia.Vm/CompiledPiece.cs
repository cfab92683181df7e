namespace Osmia.Vm;

/// <summary>What became of one instruction of a compiled program, for people to read.</summary>
/// <param name="Slot">The instruction; what instructions before it worked out may stand at its use here. <see cref="Frame"/> for a function's beginning and end.</param>
/// <param name="IsAside">Out of the way, because it rarely runs.</param>
public sealed record CompiledPiece(int Slot, bool IsAside)
{
    public const int Frame = -1;

    /// <summary>.NET instructions, one a line, of <see cref="VmTier.Il"/>.</summary>
    public IReadOnlyList<string> Il { get; init; } = [];

    /// <summary>Machine code. Of <see cref="VmTier.Il"/> there is one piece for each function: the runtime's compiler does not say what became of what.</summary>
    public ReadOnlyMemory<byte> Machine { get; init; }

    /// <summary>Where the machine code runs.</summary>
    public ulong Address { get; init; }

    /// <summary>The slot at which the function begins that the piece belongs to.</summary>
    public int Function { get; init; }
}
