namespace Osmia.Vm.Compilation;

/// <summary>Finds the blocks that run in a ring with one place to enter it.</summary>
internal static class LoopRing
{
    private const int MaxBlocks = 4;

    /// <returns>The blocks in the order they run, beginning with the one that is entered from outside.</returns>
    public static IEnumerable<Block[]> Find(FlowGraph graph)
    {
        foreach (Block block in graph.Blocks)
        {
            if (block.Taken is { } head && head.Index <= block.Index)
            {
                var ring = new List<Block> { head };
                if (Closes(ring, block) && Rotated(graph, ring) is { } rotated)
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

    private static Block[]? Rotated(FlowGraph graph, List<Block> ring)
    {
        Block? entered = null;
        foreach (Block block in ring)
        {
            // Few come from the ring itself, so one from outside is found soon.
            if (!graph.WaysTo(block).Exists(before => !ring.Contains(before)))
            {
                continue;
            }

            if (entered is not null)
            {
                return null;
            }

            entered = block;
        }

        if (entered is null || ring.Contains(graph.Entry))
        {
            return null;
        }

        int first = ring.IndexOf(entered);
        return [.. ring.Skip(first), .. ring.Take(first)];
    }
}
