namespace Osmia.Btf.Printing;

/// <summary>
/// How often each name was given out. C has one name space for tags and one for typedefs and enumerators; the second <c>foo</c> of a
/// space is written <c>foo___2</c>, as bpftool does, which CO-RE takes for a variant of <c>foo</c>.
/// </summary>
internal sealed class CNames(TypeGraph graph)
{
    // Another one in each process, so that no file can be made whose names all fall into one place.
    private static readonly uint s_seed = (uint)string.GetHashCode("names");

    // Open addressing: offset of the name + 1, and how often it was given.
    private uint[] _names = new uint[1024];
    private int[] _counts = new int[1024];
    private int _used;

    /// <summary>Takes a name: 1 for the first time, 2 for the second...</summary>
    public int Take(uint name)
    {
        int slot = SlotOf(name);
        if (_names[slot] == 0)
        {
            _names[slot] = name + 1;
            if (++_used * 2 > _names.Length)
            {
                Grow();
                slot = SlotOf(name);
            }
        }

        return ++_counts[slot];
    }

    private int SlotOf(uint name)
    {
        ReadOnlySpan<byte> text = graph.Text(name);
        uint hash = s_seed;
        foreach (byte value in text)
        {
            hash = (hash ^ value) * 16777619;
        }

        int mask = _names.Length - 1;
        for (int slot = (int)(hash ^ (hash >> 15)) & mask; ; slot = (slot + 1) & mask)
        {
            if (_names[slot] == 0 || _names[slot] == name + 1 || graph.Text(_names[slot] - 1).SequenceEqual(text))
            {
                return slot;
            }
        }
    }

    private void Grow()
    {
        (uint[] names, int[] counts) = (_names, _counts);
        (_names, _counts) = (new uint[names.Length * 2], new int[names.Length * 2]);
        for (int i = 0; i < names.Length; i++)
        {
            if (names[i] != 0)
            {
                int slot = SlotOf(names[i] - 1);
                (_names[slot], _counts[slot]) = (names[i], counts[i]);
            }
        }
    }
}
