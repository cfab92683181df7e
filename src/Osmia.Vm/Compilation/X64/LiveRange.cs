namespace Osmia.Vm.Compilation.X64;

/// <summary>Where a web is alive, as pieces of positions in the order of the code, and where it is kept.</summary>
/// <remarks>A statement has three positions: where it reads, where what it calls overwrites registers, where it writes its result.</remarks>
internal sealed class LiveRange(Web web)
{
    public const int PositionsPerStatement = 3;

    private readonly List<(int From, int To)> _pieces = [];

    public Web Web { get; } = web;

    /// <summary>Reads and writes, those in loops counted more.</summary>
    public double Weight { get; set; }

    public int Length { get; private set; }

    /// <summary>The web it is often copied from or to: in the same register the copy costs nothing.</summary>
    public LiveRange? Partner { get; set; }

    public IReadOnlyList<(int From, int To)> Pieces => _pieces;

    /// <summary>Pieces come from the end of a block to its start, blocks in their order.</summary>
    public void Add(int from, int to)
    {
        Length += to - from + 1;
        _pieces.Add((from, to));
    }

    public bool Overlaps(PositionSet positions)
    {
        foreach ((int from, int to) in _pieces)
        {
            if (positions.HasAny(from, to))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>Positions of a function as bits.</summary>
internal sealed class PositionSet(int count)
{
    private readonly ulong[] _words = new ulong[(count >> 6) + 1];

    public void Add(int position) => _words[position >> 6] |= 1UL << position;

    public void Add(int from, int to) => Change(from, to, isAdded: true);

    public void Remove(int from, int to) => Change(from, to, isAdded: false);

    public bool HasAny(int from, int to)
    {
        int first = from >> 6;
        int last = to >> 6;
        ulong low = ulong.MaxValue << from;
        ulong high = ulong.MaxValue >> (63 - (to & 63));
        if (first == last)
        {
            return (_words[first] & low & high) != 0;
        }

        return (_words[first] & low) != 0 || (_words[last] & high) != 0 || _words.AsSpan(first + 1, last - first - 1).ContainsAnyExcept(0UL);
    }

    private void Change(int from, int to, bool isAdded)
    {
        for (int word = from >> 6; word <= to >> 6; word++)
        {
            ulong bits = (word == from >> 6 ? ulong.MaxValue << from : ulong.MaxValue) & (word == to >> 6 ? ulong.MaxValue >> (63 - (to & 63)) : ulong.MaxValue);
            _words[word] = isAdded ? _words[word] | bits : _words[word] & ~bits;
        }
    }
}
