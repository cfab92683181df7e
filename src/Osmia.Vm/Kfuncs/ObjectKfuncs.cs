using System.Runtime.CompilerServices;
using Osmia.Btf;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_obj_*, bpf_refcount_acquire, bpf_list_*, bpf_rbtree_*, bpf_kptr_xchg: objects that programs make and keep in lists, trees and maps.</summary>
/// <remarks>Source: Documentation/bpf/graph_ds_impl.rst and bpf_experimental.h of the kernel's self-tests, for the signatures.</remarks>
internal static unsafe class ObjectKfuncs
{
    private const int RootSize = 16;

    /// <summary>bpf_obj_new_impl(type id, meta).</summary>
    public static ulong New(ExecutionSlot slot, ulong* r) => Make(slot, StructureSize(slot));

    /// <summary>Bytes of the structure whose local type id is in r1.</summary>
    public static uint StructureSize(ExecutionSlot slot)
    {
        BtfTypes? types = slot.Program.Definition.Types;
        uint id = (uint)slot.State->Registers[1];
        if (types is null || id >= (uint)types.Count || types.Resolve(new TypeId((int)id)) is not { Kind: BtfKind.Struct } type)
        {
            slot.TrapArgument(1, "is no structure of the object's types", "objects are made by the local type id of a structure");
            return 0;
        }

        return (uint)type.Size;
    }

    /// <summary>An object the run holds; 0 when there is no memory for it.</summary>
    public static ulong Make(ExecutionSlot slot, uint size)
    {
        slot.Charge(size);
        ulong made = slot.Engine.Objects.Heap.Take(size, slot.Program.ObjectId);
        if (made == 0)
        {
            return 0;
        }

        Hold(slot, HeaderAt(slot, made));
        slot.Remember(made, size, isWritable: true);
        return made;
    }

    public static ulong Drop(ExecutionSlot slot, ulong* r)
    {
        slot.Engine.Objects.LetGo(Give(slot, 1));
        slot.Remember(0, 0, isWritable: false);
        return 0;
    }

    /// <summary>bpf_refcount_acquire_impl(object, meta): the same object, held once more.</summary>
    public static ulong Acquire(ExecutionSlot slot, ulong* r)
    {
        ObjectHeader* header = HeaderAt(slot, r[1]);
        if (header == null)
        {
            slot.TrapArgument(1, "is no object");
        }

        if (!ObjectHeap.TryHold(header))
        {
            return 0;
        }

        Hold(slot, header);
        return (ulong)(header + 1);
    }

    /// <summary>bpf_kptr_xchg(place, object): what was in the place; the run holds it.</summary>
    /// <remarks>What a program wrote into the place itself is no object there.</remarks>
    public static ulong Exchange(ExecutionSlot slot, ulong* r)
    {
        ulong place = (ulong)slot.WritableArgument(1, sizeof(ulong));
        if (place % sizeof(ulong) != 0 || !IsLasting(slot, place))
        {
            slot.TrapArgument(1, "is no pointer in a map value");
        }

        if (r[2] != 0)
        {
            slot.Engine.Objects.Keep(Give(slot, 2), place);
        }

        ulong old = (ulong)Interlocked.Exchange(ref *(long*)place, (long)r[2]);
        ObjectHeader* taken = old == 0 ? null : HeaderAt(slot, old);
        if (taken == null || !slot.Engine.Objects.TryTake(taken, place))
        {
            return 0;
        }

        Hold(slot, taken);
        slot.Remember((ulong)(taken + 1), taken->Size, isWritable: true);
        return old;
    }

    public static ulong PushFront(ExecutionSlot slot, ulong* r) => Push(slot, r, isFront: true);

    public static ulong PushBack(ExecutionSlot slot, ulong* r) => Push(slot, r, isFront: false);

    public static ulong PopFront(ExecutionSlot slot, ulong* r) => Pop(slot, isFront: true);

    public static ulong PopBack(ExecutionSlot slot, ulong* r) => Pop(slot, isFront: false);

    public static ulong Front(ExecutionSlot slot, ulong* r) => Peek(slot, isTree: false, isLast: false);

    public static ulong Back(ExecutionSlot slot, ulong* r) => Peek(slot, isTree: false, isLast: true);

    public static ulong First(ExecutionSlot slot, ulong* r) => Peek(slot, isTree: true, isLast: false);

    /// <summary>bpf_rbtree_add_impl(root, node, less, meta, offset).</summary>
    public static ulong Add(ExecutionSlot slot, ulong* r)
    {
        int less = slot.CallbackArgument(3);
        ulong root = r[1];
        ulong node = r[2];
        NodeSequence tree = SequenceOf(slot, isTree: true);
        if (!TryEnter(slot, root, node, tree, out ObjectHeader* given))
        {
            return Errno.Negative(Errno.Invalid);
        }

        // The callback runs outside of the lock: the program's own spin lock keeps others away.
        int low = 0;
        int high = tree.Count;
        while (low < high)
        {
            int middle = (low + high) >>> 1;
            (low, high) = slot.Callback(less, node, tree.At(middle), 0, 0) != 0 ? (low, middle) : (middle + 1, high);
        }

        lock (tree)
        {
            slot.ChargeSteps((ulong)(tree.Count - Math.Min(low, tree.Count)));
            tree.Insert(Math.Min(low, tree.Count), node);
        }

        Mark(node, root);
        return 0;
    }

    /// <summary>bpf_rbtree_remove(root, node): the node, held by the run; null when the tree has it not.</summary>
    public static ulong Remove(ExecutionSlot slot, ulong* r)
    {
        NodeSequence tree = SequenceOf(slot, isTree: true);
        ulong node = r[2];
        lock (tree)
        {
            slot.ChargeSteps((ulong)tree.Count);
            int index = tree.IndexOf(node);
            return index < 0 ? 0 : TakeOut(slot, tree, index);
        }
    }

    public static ulong Root(ExecutionSlot slot, ulong* r)
    {
        NodeSequence tree = SequenceOf(slot, isTree: true);
        lock (tree)
        {
            return tree.Child(0, isLeft: false);
        }
    }

    public static ulong Left(ExecutionSlot slot, ulong* r) => Child(slot, isLeft: true);

    public static ulong Right(ExecutionSlot slot, ulong* r) => Child(slot, isLeft: false);

    public static ObjectHeader* HeaderAt(ExecutionSlot slot, ulong address)
    {
        ObjectHeader* header = slot.Engine.Objects.Heap.HeaderOf(address);
        return header != null && header->ObjectId == slot.Program.ObjectId ? header : null;
    }

    /// <summary>The object an argument lies in, which the run no longer holds.</summary>
    public static ObjectHeader* Give(ExecutionSlot slot, int argument)
    {
        ObjectHeader* header = HeaderAt(slot, slot.State->Registers[argument]);
        if (header == null || !slot.TryGiveObject(header))
        {
            slot.TrapArgument(argument, "is no object that the program holds");
        }

        return header;
    }

    public static void Hold(ExecutionSlot slot, ObjectHeader* header)
    {
        if (!slot.TryHoldObject(header))
        {
            slot.Engine.Objects.LetGo(header);
            slot.Trap(DiagnosticIds.NotReleased, "a run holds thousands of objects", "what it makes or takes out it must put somewhere or drop");
        }
    }

    private static ulong Push(ExecutionSlot slot, ulong* r, bool isFront)
    {
        ulong root = r[1];
        ulong node = r[2];
        NodeSequence list = SequenceOf(slot, isTree: false);
        if (!TryEnter(slot, root, node, list, out _))
        {
            return Errno.Negative(Errno.Invalid);
        }

        lock (list)
        {
            list.Insert(isFront ? 0 : list.Count, node);
        }

        Mark(node, root);
        return 0;
    }

    /// <summary>Takes the run's hold on the node's object; false when the node is in a list or tree already, and the hold is given up all the same.</summary>
    private static bool TryEnter(ExecutionSlot slot, ulong root, ulong node, NodeSequence sequence, out ObjectHeader* header)
    {
        header = HeaderAt(slot, node);
        if (header == null || node % sizeof(ulong) != 0 || node + sizeof(ulong) > (ulong)(header + 1) + header->Size)
        {
            slot.TrapArgument(2, "is no node of an object");
        }

        _ = Give(slot, 2);
        ulong mark = *(ulong*)node;
        NodeSequence? other = mark == 0 ? null : slot.Engine.Objects.Find(mark);
        if (other is null)
        {
            return true;
        }

        lock (other)
        {
            slot.ChargeSteps((ulong)other.Count);
            if (other.IndexOf(node) < 0)
            {
                return true;
            }
        }

        slot.Engine.Objects.LetGo(header);
        return false;
    }

    // Where the node is, in its first word. It is believed only after the sequence there was asked.
    private static void Mark(ulong node, ulong root) => *(ulong*)node = root;

    private static ulong Pop(ExecutionSlot slot, bool isFront)
    {
        NodeSequence list = SequenceOf(slot, isTree: false);
        lock (list)
        {
            return list.Count == 0 ? 0 : TakeOut(slot, list, isFront ? 0 : list.Count - 1);
        }
    }

    private static ulong TakeOut(ExecutionSlot slot, NodeSequence sequence, int index)
    {
        ulong node = sequence.RemoveAt(index);
        ObjectHeader* header = slot.Engine.Objects.Heap.HeaderOf(node);
        if (header == null)
        {
            return 0;
        }

        *(ulong*)node = 0;
        Hold(slot, header);
        slot.Remember((ulong)(header + 1), header->Size, isWritable: true);
        return node;
    }

    private static ulong Peek(ExecutionSlot slot, bool isTree, bool isLast)
    {
        NodeSequence sequence = SequenceOf(slot, isTree);
        lock (sequence)
        {
            return sequence.Count == 0 ? 0 : sequence.At(isLast ? sequence.Count - 1 : 0);
        }
    }

    private static ulong Child(ExecutionSlot slot, bool isLeft)
    {
        NodeSequence tree = SequenceOf(slot, isTree: true);
        lock (tree)
        {
            slot.ChargeSteps((ulong)tree.Count);
            return tree.Child(slot.State->Registers[2], isLeft);
        }
    }

    /// <summary>The list or tree at r1, which stands in a map value or an object.</summary>
    private static NodeSequence SequenceOf(ExecutionSlot slot, bool isTree)
    {
        ulong root = (ulong)slot.WritableArgument(1, RootSize);
        if (root % sizeof(ulong) != 0 || !IsLasting(slot, root))
        {
            slot.TrapArgument(1, $"is no {(isTree ? "bpf_rb_root" : "bpf_list_head")} in a map value or object");
        }

        NodeSequence found = slot.Engine.Objects.At(root, isTree);
        if (found.IsTree != isTree)
        {
            slot.TrapArgument(1, $"is a {(found.IsTree ? "bpf_rb_root" : "bpf_list_head")}, not a {(isTree ? "bpf_rb_root" : "bpf_list_head")}");
        }

        return found;
    }

    /// <summary>Memory that is deleted by name, when what it holds can be let go: values of maps, and objects.</summary>
    private static bool IsLasting(ExecutionSlot slot, ulong address)
    {
        if (slot.Engine.MapMemory.TryFind(address, slot.Program, out VmMap? map))
        {
            map.HoldsObjects = true;
            return map is (ArrayMap or HashMap or StorageMap) and { IsInFile: false };
        }

        return slot.Engine.Objects.Heap.HeaderOf(address) != null;
    }
}
