using System.Numerics;

namespace Osmia.Vm.Compilation;

/// <summary>
/// A loop that adds up words one behind another: <c>sum += *(at + index); index += size</c> until the index is <see cref="End"/>. Vectors add them
/// many times faster; the loop itself does the last word, and whatever the shortcut did not take.
/// </summary>
/// <param name="Address">Of the word that comes next.</param>
/// <param name="Size">Bytes of a word.</param>
/// <param name="Length">Slots a turn counts for.</param>
/// <param name="IsChecked">The words must be compared with the packet.</param>
internal sealed record SumLoop(Node Address, Web Index, ulong End, Web Sum, int Size, int Length, bool IsChecked)
{
    /// <summary>Fewer bytes than so many words are not worth it.</summary>
    public const ulong MinWords = 16;

    /// <summary>So many that no lane of a sum overflows.</summary>
    public const ulong MaxBytes = 1 << 18;

    /// <summary>The loop that a block is; null when it is none, or another.</summary>
    public static SumLoop? Find(FunctionBody body, Block block)
    {
        List<Statement> statements = body.Blocks[block.Index];
        if (statements is not [.., { Kind: StatementKind.Branch, A.Kind: NodeKind.Local, B.IsConstant: true } branch] || TurnsAt(body, block, branch) is not { } lastSlot)
        {
            return null;
        }

        Web index = branch.A.Web!;
        Web? sum = null;
        Node? address = null;
        Node? added = null;
        Web? word = null;
        int size = 0;
        bool isChecked = false;
        bool isCounted = false;
        foreach (Statement statement in statements.SkipLast(1))
        {
            switch (statement)
            {
                case { Kind: StatementKind.Load, Access: { Check: AccessCheck.Packet, IsFirm: true }, Result: { } result, Op: < Loading.Op.LoadSxB } when address is null && !isCounted:
                    (address, word, size, isChecked) = (statement.A, result, statement.Access!.Size, true);
                    break;
                case { Kind: StatementKind.Assign, Result: { } result, A: { Kind: NodeKind.Add } value } when result == index && !isCounted && (address is not null || sum is not null)
                    && value.Left is { Kind: NodeKind.Local } old && old.Web == index && value.Right is { IsConstant: true } step:
                    isCounted = true;
                    size = size == 0 ? (int)step.Value : size;
                    if (step.Value != (ulong)size)
                    {
                        return null;
                    }

                    break;
                case { Kind: StatementKind.Assign, Result: { } result, A: { Kind: NodeKind.Add } value } when result != index && sum is null && !(isCounted && address is null):
                    sum = result;
                    added = Other(value, result);
                    if (added is { Kind: NodeKind.Load, IsSigned: false } load && address is null)
                    {
                        (address, size) = (load.Left, load.Size);
                    }
                    else if (word is null || added is not { Kind: NodeKind.Local } || added.Web != word)
                    {
                        return null;
                    }

                    break;
                default:
                    return null;
            }
        }

        bool isWhole = sum is not null && address is not null && isCounted && sum != index && (word is null || (word.Definitions == 1 && word.Uses == 1));
        return isWhole && IsIndexed(address!, index, sum!, word) && BitOperations.IsPow2((uint)size) && size <= 8
            ? new(address!, index, branch.B.Value, sum!, size, lastSlot - block.Start + 1, isChecked)
            : null;
    }

    /// <summary>The slot of the jump back, when the branch goes on until its sides are equal.</summary>
    private static int? TurnsAt(FunctionBody body, Block block, Statement branch)
    {
        if (branch.Comparison == Comparison.NotEqual && block.Taken == block)
        {
            return branch.Slot;
        }

        return branch.Comparison == Comparison.Equal && block.Next is { Taken: { } target } back && target == block && body.Blocks[back.Index] is [{ Kind: StatementKind.Jump } jump] ? jump.Slot : null;
    }

    /// <summary>What is added to a variable, without the extension that costs nothing.</summary>
    private static Node? Other(Node sum, Web variable)
    {
        Node? other = sum.Left is { Kind: NodeKind.Local } left && left.Web == variable ? sum.Right
            : sum.Right is { Kind: NodeKind.Local } right && right.Web == variable ? sum.Left
            : null;
        return other is { Kind: NodeKind.ZeroExtend or NodeKind.Truncate } ? other.Left : other;
    }

    // A pointer that stays as it is plus the index, plus a number perhaps.
    private static bool IsIndexed(Node address, Web index, Web sum, Web? word)
    {
        Node node = address is { Kind: NodeKind.Add, Right.IsConstant: true } ? address.Left! : address;
        if (node.Kind != NodeKind.Add)
        {
            return false;
        }

        Node left = Bare(node.Left!);
        Node right = Bare(node.Right!);
        if (left.Web == index)
        {
            (left, right) = (right, left);
        }

        return right is { Kind: NodeKind.Local } && right.Web == index && left.Kind is NodeKind.Local or NodeKind.FramePointer && left.Web != index && left.Web != sum && (word is null || left.Web != word);
    }

    private static Node Bare(Node node) => node.Kind == NodeKind.ZeroExtend ? node.Left! : node;
}
