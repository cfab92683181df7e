namespace Osmia.Vm.Compilation;

/// <summary>
/// Which variables hold the address of a map value, perhaps moved, and certainly not what a null became: the branches on the only way to a block
/// said so. Blocks are built in the order of their slots; where one is reached from behind, nothing is known.
/// </summary>
internal sealed unsafe partial class StatementBuilder
{
    private readonly List<Web> _notNull = [];
    private readonly List<Web>?[] _notNullBehind;

    private void EnterNotNull(Block block)
    {
        _notNull.Clear();
        List<Block> from = _graph.WaysTo(block);
        if (block == _graph.Entry || from.Count == 0 || from.Exists(before => before.Index >= block.Index))
        {
            return;
        }

        _notNull.AddRange(NotNullOnTheWay(from[0], block));
        for (int i = 1; i < from.Count && _notNull.Count != 0; i++)
        {
            List<Web> other = NotNullOnTheWay(from[i], block);
            _notNull.RemoveAll(web => !other.Contains(web));
        }
    }

    private List<Web> NotNullOnTheWay(Block from, Block to)
    {
        List<Web> known = _notNullBehind[from.Index]!;
        if (from.Taken != from.Next && _branches[from.Index] is { Comparison: Comparison.Equal or Comparison.NotEqual, A: { Kind: NodeKind.Local, Web: { } web }, B: { IsConstant: true, Value: 0 } } test
            && web.Fact is { Kind: FactKind.MapValue, Value: 0 } && (test.Comparison == Comparison.NotEqual ? from.Taken : from.Next) == to)
        {
            return [.. known, web];
        }

        return known;
    }

    /// <summary>The pointer of an access, or of a test.</summary>
    private bool IsNotNull(Node pointer) =>
        _elements.Exists(element => element.Address == pointer) || (Moved(pointer) is { Kind: NodeKind.Local, Web: { } web } && _notNull.Contains(web));

    private static Node Moved(Node pointer) => pointer is { Kind: NodeKind.Add, Right.IsConstant: true } ? pointer.Left! : pointer;
}
