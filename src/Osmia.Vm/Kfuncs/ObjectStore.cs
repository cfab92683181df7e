using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>Who holds the objects programs made: lists and trees in values of maps or in objects, pointers in values, runs.</summary>
internal sealed unsafe class ObjectStore : IDisposable
{
    // The objects this thread is letting go of: what they hold may hold more, to any depth, and must not go one inside the other.
    [ThreadStatic]
    private static bool t_isEnding;

    [ThreadStatic]
    private static ObjectHeader* t_next;

    private readonly ConcurrentDictionary<ulong, NodeSequence> _sequences = new();

    // Places beyond an object's first, with how often it stands there (while one of them is exchanged for the other: twice).
    private readonly Dictionary<(ulong Place, ulong Header), int> _furtherPlaces = [];

    public ObjectHeap Heap { get; } = new();

    public NodeSequence? Find(ulong root) => _sequences.GetValueOrDefault(root);

    /// <summary>The sequence at a root, made when there is none.</summary>
    public NodeSequence At(ulong root, bool isTree) => _sequences.TryGetValue(root, out NodeSequence? found) ? found : _sequences.GetOrAdd(root, new NodeSequence(isTree));

    /// <summary>One holder less; with the last one go the objects it holds itself.</summary>
    public void LetGo(ObjectHeader* header)
    {
        if (!ObjectHeap.LetGo(header))
        {
            return;
        }

        if (t_isEnding)
        {
            header->Place = (ulong)t_next;
            t_next = header;
            return;
        }

        t_isEnding = true;
        try
        {
            while (header != null)
            {
                Forget((ulong)(header + 1), header->Size);
                Heap.Free(header);
                header = t_next;
                t_next = header == null ? null : (ObjectHeader*)header->Place;
            }
        }
        finally
        {
            t_isEnding = false;
            t_next = null;
        }
    }

    /// <summary>A place is about to hold an object: the caller gives it its hold.</summary>
    public void Keep(ObjectHeader* header, ulong place)
    {
        if (Interlocked.CompareExchange(ref header->Place, place, 0) != 0)
        {
            lock (_furtherPlaces)
            {
                CollectionsMarshal.GetValueRefOrAddDefault(_furtherPlaces, (place, (ulong)header), out _)++;
            }
        }
    }

    /// <summary>Takes a place's hold on an object; false when it has none, whatever a program has written there. Of several that ask at once, one gets it.</summary>
    public bool TryTake(ObjectHeader* header, ulong place)
    {
        if (Interlocked.CompareExchange(ref header->Place, 0, place) == place)
        {
            return true;
        }

        lock (_furtherPlaces)
        {
            ref int times = ref CollectionsMarshal.GetValueRefOrNullRef(_furtherPlaces, (place, (ulong)header));
            if (Unsafe.IsNullRef(ref times))
            {
                return false;
            }

            if (--times == 0)
            {
                _furtherPlaces.Remove((place, (ulong)header));
            }

            return true;
        }
    }

    /// <summary>Lets go of everything that stands in memory which is deleted: lists, trees, pointers.</summary>
    public void Forget(ulong low, ulong length)
    {
        for (ulong address = (low + 7) & ~7UL; address + sizeof(ulong) <= low + length; address += sizeof(ulong))
        {
            if (!_sequences.IsEmpty && _sequences.TryRemove(address, out NodeSequence? sequence))
            {
                while (sequence.TryRemoveLast(out ulong node))
                {
                    LetGoOf(node);
                }
            }

            ulong pointer = *(ulong*)address;
            ObjectHeader* header = pointer == 0 ? null : Heap.HeaderOf(pointer);
            if (header != null && TryTake(header, address))
            {
                Interlocked.CompareExchange(ref *(ulong*)address, 0, pointer);
                LetGo(header);
            }
        }
    }

    public void Dispose() => Heap.Dispose();

    private void LetGoOf(ulong node)
    {
        ObjectHeader* header = Heap.HeaderOf(node);
        if (header != null)
        {
            LetGo(header);
        }
    }
}
