namespace Osmia.Vm.Kfuncs;

/// <summary>
/// A bpf_list_head or bpf_rb_root: the nodes it holds, in their order. The program's 16 bytes of it and of the nodes are not used to follow links, so that a
/// program that writes over them breaks nothing. A list grows at either end; a tree is kept sorted, and shows itself as the balanced tree over its order.
/// </summary>
internal sealed class NodeSequence(bool isTree)
{
    private ulong[] _nodes = new ulong[8];
    private int _first;

    public bool IsTree { get; } = isTree;

    public int Count { get; private set; }

    public ulong At(int index) => _nodes[(_first + index) & (_nodes.Length - 1)];

    public int IndexOf(ulong node)
    {
        for (int i = 0; i < Count; i++)
        {
            if (At(i) == node)
            {
                return i;
            }
        }

        return -1;
    }

    public void Insert(int index, ulong node)
    {
        if (Count == _nodes.Length)
        {
            var larger = new ulong[_nodes.Length * 2];
            for (int i = 0; i < Count; i++)
            {
                larger[i] = At(i);
            }

            _nodes = larger;
            _first = 0;
        }

        if (index == 0)
        {
            _first = (_first - 1) & (_nodes.Length - 1);
        }
        else
        {
            for (int i = Count; i > index; i--)
            {
                Set(i, At(i - 1));
            }
        }

        Count++;
        Set(index, node);
    }

    public ulong RemoveAt(int index)
    {
        ulong node = At(index);
        if (index == 0)
        {
            _first = (_first + 1) & (_nodes.Length - 1);
        }
        else
        {
            for (int i = index; i < Count - 1; i++)
            {
                Set(i, At(i + 1));
            }
        }

        Count--;
        return node;
    }

    /// <summary>Takes the last node out; the caller holds no lock.</summary>
    public bool TryRemoveLast(out ulong node)
    {
        lock (this)
        {
            node = Count == 0 ? 0 : RemoveAt(Count - 1);
            return node != 0;
        }
    }

    /// <summary>The node above all others, or below a node on one side; 0 when there is none.</summary>
    /// <param name="node">0 for the top.</param>
    public ulong Child(ulong node, bool isLeft)
    {
        int low = 0;
        int high = Count;
        if (node != 0)
        {
            int wanted = IndexOf(node);
            if (wanted < 0)
            {
                return 0;
            }

            int middle;
            while ((middle = (low + high) >>> 1) != wanted)
            {
                (low, high) = wanted < middle ? (low, middle) : (middle + 1, high);
            }

            (low, high) = isLeft ? (low, middle) : (middle + 1, high);
        }

        return low < high ? At((low + high) >>> 1) : 0;
    }

    private void Set(int index, ulong node) => _nodes[(_first + index) & (_nodes.Length - 1)] = node;
}
