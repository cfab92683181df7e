using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>Who holds the objects programs made: lists and trees in values of maps or in objects, pointers in values, runs.</summary>
internal sealed unsafe class ObjectStore : IDisposable
{
    private readonly ConcurrentDictionary<ulong, NodeSequence> _sequences = new();

    public ObjectHeap Heap { get; } = new();

    public NodeSequence? Find(ulong root) => _sequences.GetValueOrDefault(root);

    /// <summary>The sequence at a root, made when there is none.</summary>
    public NodeSequence At(ulong root, bool isTree) => _sequences.TryGetValue(root, out NodeSequence? found) ? found : _sequences.GetOrAdd(root, new NodeSequence(isTree));

    /// <summary>One holder less; with the last one go the objects it holds itself.</summary>
    public void LetGo(ObjectHeader* header)
    {
        if (ObjectHeap.LetGo(header))
        {
            Forget((ulong)(header + 1), header->Size);
            Heap.Free(header);
        }
    }

    /// <summary>Lets go of everything that stands in memory which is deleted: lists, trees, pointers.</summary>
    public void Forget(ulong low, ulong length)
    {
        for (ulong address = (low + 7) & ~7UL; address + sizeof(ulong) <= low + length; address += sizeof(ulong))
        {
            if (!_sequences.IsEmpty && _sequences.TryRemove(address, out NodeSequence? sequence))
            {
                lock (sequence)
                {
                    while (sequence.Count > 0)
                    {
                        LetGoOf(sequence.RemoveAt(sequence.Count - 1));
                    }
                }
            }

            ulong pointer = Unsafe.ReadUnaligned<ulong>((void*)address);
            ObjectHeader* header = pointer == 0 ? null : Heap.HeaderOf(pointer);
            if (header != null && header->Place == address)
            {
                header->Place = 0;
                Unsafe.WriteUnaligned((void*)address, 0UL);
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
