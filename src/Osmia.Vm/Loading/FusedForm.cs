namespace Osmia.Vm.Loading;

/// <summary>One of the <see cref="Fusion"/>s.</summary>
/// <param name="op">What stands for all.</param>
/// <param name="chain">
/// How many of the first work on one register, each on what the one before left there, and on it alone: what is between is never stored. 1 where
/// each is done as if it stood alone.
/// </param>
internal sealed unsafe class FusedForm(Op op, int chain, params Op[] parts)
{
    public Op Op { get; } = op;

    public int Chain { get; } = chain;

    /// <summary>The instructions, in their order.</summary>
    public Op[] Parts { get; } = parts;

    /// <param name="length">Slots from the first one to the program's end.</param>
    public bool Matches(DecodedInstruction* first, int length)
    {
        DecodedInstruction* at = first;
        DecodedInstruction* end = first + length;
        for (int i = 0; i < Parts.Length; i++)
        {
            if (at >= end || at->Form != Parts[i])
            {
                return false;
            }

            if (i > 0 && i < Chain && (at->Destination != first->Destination || (UsesSource(Parts[i]) && at->Source == first->Destination)))
            {
                return false;
            }

            at += Parts[i] == Op.LoadImmediate ? 2 : 1;
        }

        return true;
    }

    // Arithmetic is laid out with immediate and register forms in turn.
    private static bool UsesSource(Op op) => ((op - Op.Add32K) & 1) != 0;
}
