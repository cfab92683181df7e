using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

/// <summary>What a <see cref="WordLoop"/> does with its words.</summary>
internal enum WordWork
{
    /// <summary><see cref="WordLoop.Sum"/> += *<see cref="WordLoop.From"/></summary>
    Sum,

    /// <summary>*<see cref="WordLoop.To"/> = *<see cref="WordLoop.From"/></summary>
    Copy,

    /// <summary>*<see cref="WordLoop.To"/> = <see cref="WordLoop.Filler"/></summary>
    Fill,

    /// <summary>Goes on as long as *<see cref="WordLoop.To"/> is *<see cref="WordLoop.From"/></summary>
    Compare,
}

/// <summary>
/// A loop over words that stand one behind another: it adds them up, copies, fills or compares them, and a variable grows by their size. Vectors do many
/// turns at once, before the loop begins: those before the one in which it ends. That one, and whatever the shortcut does not take, the loop does itself, so that all it
/// leaves in variables is right, and what is wrong with a word is found where it would be.
/// </summary>
internal sealed class WordLoop(Block[] blocks, Web index, int size, int length)
{
    /// <summary>Fewer bytes than so many words are not worth it.</summary>
    public const ulong MinWords = 64;

    /// <summary>So many that no lane of a sum overflows.</summary>
    public const ulong MaxBytes = 1 << 18;

    /// <summary>What the first bound is away from its limit, at least, when so many words come before it.</summary>
    public ulong LeastDistance => (MinWords - 1) * (ulong)Size;

    /// <summary>In the order they run; the first is where the loop is entered.</summary>
    public Block[] Blocks { get; } = blocks;

    public Web Index { get; } = index;

    /// <summary>Bytes of a word, by which the index grows.</summary>
    public int Size { get; } = size;

    /// <summary>Slots a turn counts for.</summary>
    public int Length { get; } = length;

    public required WordWork Work { get; init; }

    public required IReadOnlyList<LoopBound> Bounds { get; init; }

    /// <summary>Address of the next word as the loop begins.</summary>
    public Node? From { get; init; }

    /// <inheritdoc cref="From"/>
    public Node? To { get; init; }

    /// <summary>The words must be compared with the program's memory: nothing proved that they belong to it.</summary>
    public required bool ChecksFrom { get; init; }

    /// <inheritdoc cref="ChecksFrom"/>
    public required bool ChecksTo { get; init; }

    public Web? Sum { get; init; }

    /// <summary>What the turn before the last one leaves in a variable is read behind the loop: that turn, too, the loop does itself.</summary>
    public bool LeavesWholeTurn { get; init; }

    public Node? Filler { get; init; }

    /// <summary>By the index of the block where each is entered; null where none is.</summary>
    public static WordLoop?[] FindAll(FunctionBody body)
    {
        var loops = new WordLoop?[body.Blocks.Length];
        if (body.Graph.HasLoop)
        {
            foreach (Block[] ring in LoopRing.Find(body.Graph))
            {
                loops[ring[0].Index] ??= WordLoopFinder.Find(body, ring);
            }
        }

        return loops;
    }

    public bool Has(Block block) => Array.IndexOf(Blocks, block) >= 0;

    /// <summary>What <see cref="ExecutionSlot.RunWords"/> finds in the state's registers.</summary>
    public IEnumerable<(int Register, Node Value)> Inputs()
    {
        yield return (WordPlan.From, From ?? Filler!);
        if (To is not null)
        {
            yield return (WordPlan.To, To);
        }

        for (int i = 0; i < Bounds.Count; i++)
        {
            yield return (WordPlan.Value(i), Bounds[i].Value);
            yield return (WordPlan.Limit(i), Bounds[i].Limit);
        }
    }
}

internal enum LoopBoundKind
{
    /// <summary>The loop ends when the value is the limit.</summary>
    UntilEqual,

    /// <summary>It goes on while the value is below the limit.</summary>
    WhileBelow,
    WhileNotAbove,
}

/// <summary>Where a <see cref="WordLoop"/> ends.</summary>
/// <param name="Value">What is compared in the first turn; it grows as the index does.</param>
/// <param name="Limit">Stays as it is.</param>
/// <param name="OfIndex">Of the index alone with a constant: it says how many turns there are at most.</param>
internal sealed record LoopBound(LoopBoundKind Kind, Node Value, Node Limit, bool IsSigned, bool OfIndex);
