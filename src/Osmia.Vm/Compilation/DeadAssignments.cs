namespace Osmia.Vm.Compilation;

/// <summary>Leaves out assignments to variables that nothing reads, because what they held was written down anew where it was read.</summary>
internal static class DeadAssignments
{
    /// <param name="mayLeave">At the beginning of a block the interpreter may be handed what lives there.</param>
    public static void Remove(List<Statement>[] blocks, bool mayLeave)
    {
        while (true)
        {
            var read = new HashSet<Web>();
            foreach (List<Statement> block in blocks)
            {
                foreach (Statement statement in block)
                {
                    Read(statement.A);
                    Read(statement.B);
                    Read(statement.C);
                    Read(statement.Access?.Pointer);
                    Array.ForEach(statement.Arguments, Read);
                    statement.Known.ForEach(known => Read(known.Value));
                }
            }

            int removed = blocks.Sum(block => block.RemoveAll(statement => statement is { Kind: StatementKind.Assign, Result: { } web } && !read.Contains(web) && !(mayLeave && web.CrossesBlocks)));
            if (removed == 0)
            {
                return;
            }

            void Read(Node? node)
            {
                for (; node is not null; node = node.Left)
                {
                    if (node.Web is { } web)
                    {
                        read.Add(web);
                    }

                    Read(node.Right);
                }
            }
        }
    }
}
