using System.Numerics;
using Osmia.Vm.Compilation;

namespace Osmia.Vm.Execution;

/// <summary>What <see cref="ExecutionSlot.RunWords"/> must know of a <see cref="WordLoop"/>, as one number in compiled code. What changes from run to run stands in the state's registers.</summary>
internal readonly struct WordPlan
{
    /// <summary>Register with the address of the next word to read, or with the word to fill with; afterwards the sum.</summary>
    public const int From = 0;

    /// <summary>Register with the address of the next word to write, or of the other to compare.</summary>
    public const int To = 1;

    private const int WorkBits = 2;
    private const int SizeAt = WorkBits;
    private const int ChecksFromAt = SizeAt + 2;
    private const int ChecksToAt = ChecksFromAt + 1;
    private const int LeavesWholeTurnAt = ChecksToAt + 1;
    private const int BoundsAt = LeavesWholeTurnAt + 1;
    private const int BoundAt = BoundsAt + 3;
    private const int BoundBits = 3;
    private const int LengthAt = 32;

    public WordPlan(ulong bits) => Bits = bits;

    /// <param name="counts">The run has a budget.</param>
    public WordPlan(WordLoop loop, bool counts)
    {
        Bits = (ulong)loop.Work | ((ulong)BitOperations.Log2((uint)loop.Size) << SizeAt) | (Bit(loop.ChecksFrom) << ChecksFromAt) | (Bit(loop.ChecksTo) << ChecksToAt)
            | (Bit(loop.LeavesWholeTurn) << LeavesWholeTurnAt) | ((ulong)loop.Bounds.Count << BoundsAt) | ((counts ? (ulong)loop.Length : 0) << LengthAt);
        for (int i = 0; i < loop.Bounds.Count; i++)
        {
            Bits |= ((ulong)loop.Bounds[i].Kind | (Bit(loop.Bounds[i].IsSigned) << (BoundBits - 1))) << (BoundAt + (i * BoundBits));
        }

        static ulong Bit(bool value) => value ? 1u : 0u;
    }

    public ulong Bits { get; }

    public WordWork Work => (WordWork)(Bits & ((1 << WorkBits) - 1));

    public int SizeLog => (int)(Bits >> SizeAt) & 3;

    /// <summary>Nobody proved that the program may read there.</summary>
    public bool ChecksFrom => (Bits >> ChecksFromAt & 1) != 0;

    /// <inheritdoc cref="ChecksFrom"/>
    public bool ChecksTo => (Bits >> ChecksToAt & 1) != 0;

    /// <inheritdoc cref="WordLoop.LeavesWholeTurn"/>
    public bool LeavesWholeTurn => (Bits >> LeavesWholeTurnAt & 1) != 0;

    public int Bounds => (int)(Bits >> BoundsAt) & 7;

    /// <summary>Slots a turn takes of the budget.</summary>
    public ulong Length => Bits >> LengthAt;

    public LoopBoundKind Kind(int bound) => (LoopBoundKind)(Bits >> (BoundAt + (bound * BoundBits)) & 3);

    public bool IsSigned(int bound) => (Bits >> (BoundAt + (bound * BoundBits) + BoundBits - 1) & 1) != 0;

    /// <summary>Register with what is compared in the first turn.</summary>
    public static int Value(int bound) => To + 1 + (2 * bound);

    /// <summary>Register with what it is compared with.</summary>
    public static int Limit(int bound) => Value(bound) + 1;
}
