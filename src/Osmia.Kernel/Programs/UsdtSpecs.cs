namespace Osmia.Kernel.Programs;

/// <summary>Which places of an object's map of USDT argument records are taken. Shared by the programs of the object.</summary>
internal sealed class UsdtSpecs
{
    private readonly Lock _lock = new();
    private readonly SortedSet<int> _free = [];
    private int _next;

    /// <summary>The lowest free place, or null when there is none below the limit.</summary>
    public int? Take(uint limit)
    {
        lock (_lock)
        {
            if (_free.Count > 0)
            {
                int place = _free.Min;
                _free.Remove(place);
                return place;
            }

            return _next < limit ? _next++ : null;
        }
    }

    public void Return(IEnumerable<int> places)
    {
        lock (_lock)
        {
            _free.UnionWith(places);
        }
    }
}
