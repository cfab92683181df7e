using System.Diagnostics.CodeAnalysis;

namespace Osmia.Vm.Maps;

/// <summary>Which map an address belongs to: a sorted snapshot, replaced as maps come and go, read without a lock.</summary>
internal sealed class MapDirectory
{
    private Entry[] _entries = [];

    private readonly record struct Entry(ulong Start, ulong End, VmMap Map);

    /// <summary>The engine's lock is held.</summary>
    public void Add(VmMap map)
    {
        if (map.MemoryLength != 0)
        {
            int at = 0;
            while (at < _entries.Length && _entries[at].Start < map.MemoryStart)
            {
                at++;
            }

            var entries = new Entry[_entries.Length + 1];
            Array.Copy(_entries, entries, at);
            Array.Copy(_entries, at, entries, at + 1, _entries.Length - at);
            entries[at] = new Entry(map.MemoryStart, map.MemoryStart + map.MemoryLength, map);
            Volatile.Write(ref _entries, entries);
        }
    }

    /// <summary>The engine's lock is held.</summary>
    public void Remove(VmMap map)
    {
        int at = 0;
        while (at < _entries.Length && _entries[at].Map != map)
        {
            at++;
        }

        if (at < _entries.Length)
        {
            var entries = new Entry[_entries.Length - 1];
            Array.Copy(_entries, entries, at);
            Array.Copy(_entries, at + 1, entries, at, entries.Length - at);
            Volatile.Write(ref _entries, entries);
        }
    }

    public bool TryFind(ulong address, VmProgram user, [NotNullWhen(true)] out VmMap? map)
    {
        Entry[] entries = Volatile.Read(ref _entries);
        int low = 0;
        int high = entries.Length;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = entries[middle].Start <= address ? (middle + 1, high) : (low, middle);
        }

        if (low > 0 && address < entries[low - 1].End && (entries[low - 1].Map.ObjectId == user.ObjectId || entries[low - 1].Map.IsShared))
        {
            map = entries[low - 1].Map;
            return true;
        }

        map = null;
        return false;
    }
}
