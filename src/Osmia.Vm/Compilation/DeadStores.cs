namespace Osmia.Vm.Compilation;

/// <summary>
/// Leaves out stores to places of the frame that nothing reads any more, because their value was passed on: the key of an array lookup, most
/// often.
/// </summary>
/// <remarks>
/// For the function where a program begins. Nobody else can read them: the frame's address goes to no helper, function or memory, and nothing unverified may have it from elsewhere
/// (<see cref="FrameUse.IsReadUnnamed"/>). The interpreter could, when the function leaves for it
/// between the store and the read it was passed on to, which stands in the same block: such stores stay.
/// </remarks>
internal static class DeadStores
{
    public static void Remove(List<Statement>[] blocks)
    {
        var reads = new List<(long From, long To)>();
        foreach (List<Statement> block in blocks)
        {
            foreach (Statement statement in block)
            {
                // What is called in its place begins with the same frame.
                if (statement.Kind == StatementKind.TailCall || !FindReads(statement, reads))
                {
                    return;
                }
            }
        }

        foreach (List<Statement> block in blocks)
        {
            bool mayLeave = false;
            for (int i = block.Count - 1; i >= 0; i--)
            {
                Statement statement = block[i];
                if (!mayLeave && IsOwnStore(statement) && !reads.Exists(read => read.From < (long)statement.A!.Value + statement.Access!.Size && read.To > (long)statement.A.Value))
                {
                    block.RemoveAt(i);
                    continue;
                }

                mayLeave |= statement.Kind == StatementKind.CallLocal || statement.Access is { Check: not AccessCheck.None };
            }
        }
    }

    private static bool IsOwnStore(Statement statement) => statement is { Kind: StatementKind.Store, A.Kind: NodeKind.FramePointer, Access.Check: AccessCheck.None, B: { ReadsMemory: false } };

    /// <returns>False when the frame's address goes where its reads are not known.</returns>
    private static bool FindReads(Statement statement, List<(long From, long To)> reads)
    {
        bool isAddress = statement.Kind is StatementKind.Store && statement.A!.Kind == NodeKind.FramePointer && statement.Access!.Check == AccessCheck.None;
        return (isAddress || FindReads(statement.A, reads)) && FindReads(statement.B, reads) && FindReads(statement.C, reads) && FindReads(statement.Access?.Pointer, reads)
            && statement.Access is not { Check: AccessCheck.Frame }
            && Array.TrueForAll(statement.Arguments, argument => FindReads(argument, reads)) && statement.Known.TrueForAll(known => FindReads(known.Value, reads));
    }

    private static bool FindReads(Node? node, List<(long From, long To)> reads)
    {
        switch (node)
        {
            case null:
                return true;
            case { Kind: NodeKind.FramePointer }:
                return false;
            case { Kind: NodeKind.Load, Left.Kind: NodeKind.FramePointer }:
                reads.Add(((long)node.Left.Value, (long)node.Left.Value + node.Size));
                return true;
            default:
                return FindReads(node.Left, reads) && FindReads(node.Right, reads);
        }
    }
}
