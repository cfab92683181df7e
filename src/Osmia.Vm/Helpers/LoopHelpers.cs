using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>Helpers that call back into the program.</summary>
internal static unsafe class LoopHelpers
{
    private const ulong MaxLoops = 8 * 1024 * 1024;

    public static ulong Loop(ExecutionSlot slot, ulong* r)
    {
        ulong count = (uint)r[1];
        int callback = slot.CallbackArgument(2);
        ulong context = r[3];
        if (r[4] != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (count > MaxLoops)
        {
            return Errno.Negative(Errno.TooBig);
        }

        for (ulong i = 0; i < count; i++)
        {
            if (slot.Callback(callback, i, context, 0, 0) != 0)
            {
                return i + 1;
            }
        }

        return count;
    }

    public static ulong ForEachMapElement(ExecutionSlot slot, ulong* r)
    {
        VmMap map = slot.MapArgument(1);
        int callback = slot.CallbackArgument(2);
        ulong context = r[3];
        if (r[4] != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        switch (map)
        {
            case ArrayMap:
                return OverArray(slot, map, callback, context);
            case HashMap hash:
                return OverHash(slot, hash, callback, context);
            default:
                slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which cannot be iterated");
                return 0;
        }
    }

    private static ulong OverArray(ExecutionSlot slot, VmMap map, int callback, ulong context)
    {
        uint* key = slot.KeyScratch();
        for (uint i = 0; i < map.Definition.MaxEntries; i++)
        {
            *key = i;
            byte* value = map.Lookup((byte*)key, slot.Index);
            if (slot.Callback(callback, map.Handle, (ulong)key, (ulong)value, context) != 0)
            {
                return i + 1UL;
            }
        }

        return map.Definition.MaxEntries;
    }

    private static ulong OverHash(ExecutionSlot slot, HashMap map, int callback, ulong context)
    {
        slot.Charge(map.BucketBytes);
        ulong visited = 0;
        int index = NextIndex(slot, map, 0);

        // A walk that others add to meanwhile sees more than there were, and one over a table spoiled from outside would never end.
        ulong most = 2UL * map.Definition.MaxEntries;
        while (index != 0 && visited < most)
        {
            // Before the call, which may delete the element.
            int next = NextIndex(slot, map, index);
            visited++;
            if (slot.Callback(callback, map.Handle, (ulong)map.KeyOf(index), (ulong)map.ValueOf(index, slot.Index), context) != 0)
            {
                break;
            }

            index = next;
        }

        return visited;
    }

    /// <summary>A large map with few elements has many empty buckets between them.</summary>
    private static int NextIndex(ExecutionSlot slot, HashMap map, int index)
    {
        int next = map.NextIndex(index, out uint buckets);
        slot.ChargeSteps(buckets);
        return next;
    }
}
