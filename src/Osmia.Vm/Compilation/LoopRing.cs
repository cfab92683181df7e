namespace Osmia.Vm.Compilation;

/// <summary>Finds the blocks that run in a ring with one place to enter it.</summary>
internal static class LoopRing
{
    private const int MaxBlocks = 4;

    /// <returns>The blocks in the order they run, beginning with the one that is entered from outside.</returns>
    public static IEnumerable<Block[]> Find(FlowGraph graph)
    {
        List<Block>?[]? comeFrom = null;
        foreach (Block block in graph.Blocks)
        {
            if (block.Taken is { } head && head.Index <= block.Index)
            {
                var ring = new List<Block> { head };
                if (Closes(ring, block) && Rotated(comeFrom ??= FindWaysTo(graph), graph.Entry, ring) is { } rotated)
                {
                    yield return rotated;
                }
            }
        }
    }

    /// <summary>Goes on until the block that jumps back is met.</summary>
    private static bool Closes(List<Block> ring, Block last)
    {
        Block at = ring[^1];
        if (at == last)
        {
            return true;
        }

        if (ring.Count == MaxBlocks)
        {
            return false;
        }

        foreach (Block? next in (ReadOnlySpan<Block?>)[at.Next, at.Taken])
        {
            if (next is not null && !ring.Contains(next))
            {
                ring.Add(next);
                if (Closes(ring, last))
                {
                    return true;
                }

                ring.RemoveAt(ring.Count - 1);
            }
        }

        return false;
    }

    private static Block[]? Rotated(List<Block>?[] comeFrom, Block entry, List<Block> ring)
    {
        Block? entered = null;
        foreach (Block block in ring)
        {
            // At most as many come from the ring as it has blocks: one more is from outside.
            if (comeFrom[block.Index]?.Exists(before => !ring.Contains(before)) != true)
            {
                continue;
            }

            if (entered is not null)
            {
                return null;
            }

            entered = block;
        }

        if (entered is null || ring.Contains(entry))
        {
            return null;
        }

        int first = ring.IndexOf(entered);
        return [.. ring.Skip(first), .. ring.Take(first)];
    }

    private static List<Block>?[] FindWaysTo(FlowGraph graph)
    {
        var comeFrom = new List<Block>?[graph.Blocks.Length];
        foreach (Block block in graph.Blocks)
        {
            foreach (Block? next in (ReadOnlySpan<Block?>)[block.Next, block.Taken == block.Next ? null : block.Taken])
            {
                if (next is not null)
                {
                    (comeFrom[next.Index] ??= []).Add(block);
                }
            }
        }

        return comeFrom;
    }
}
