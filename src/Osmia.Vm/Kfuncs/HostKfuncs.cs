using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>Kernel functions about the surroundings of a run: arenas, tasks, cgroups, sections that nothing interrupts.</summary>
internal static unsafe class HostKfuncs
{
    /// <summary>Nothing here takes a run's memory away or its place: values stay as long as their map.</summary>
    public static ulong Nothing(ExecutionSlot slot, ulong* r) => 0;

    /// <summary>bpf_local_irq_save(flags).</summary>
    public static ulong SaveInterrupts(ExecutionSlot slot, ulong* r)
    {
        *(ulong*)slot.WritableArgument(1, sizeof(ulong)) = 1;
        return 0;
    }

    public static ulong RestoreInterrupts(ExecutionSlot slot, ulong* r)
    {
        *(ulong*)slot.WritableArgument(1, sizeof(ulong)) = 0;
        return 0;
    }

    /// <summary>bpf_rdonly_cast: the same pointer; what may be read is decided at the access.</summary>
    public static ulong Same(ExecutionSlot slot, ulong* r) => r[1];

    /// <summary>bpf_arena_alloc_pages(arena, address, count, node, flags).</summary>
    public static ulong TakePages(ExecutionSlot slot, ulong* r)
    {
        ArenaMap arena = slot.MapArgument<ArenaMap>(1, "arena");
        const int AnyNode = -1;
        if (r[5] != 0 || ((int)r[4] != AnyNode && (int)r[4] != 0))
        {
            return 0;
        }

        slot.Charge((uint)r[3] * (ulong)ArenaMap.PageSize);
        return arena.TakePages(r[2], (uint)r[3]);
    }

    public static ulong GivePagesBack(ExecutionSlot slot, ulong* r)
    {
        ArenaMap arena = slot.MapArgument<ArenaMap>(1, "arena");
        slot.Charge(Math.Min((uint)r[3], arena.Definition.MaxEntries) * (ulong)ArenaMap.PageSize);
        arena.GivePagesBack(r[2], (uint)r[3]);
        slot.Remember(0, 0, isWritable: false);
        return 0;
    }

    /// <summary>bpf_map_sum_elem_count(map): how many elements a hash map has.</summary>
    public static ulong CountElements(ExecutionSlot slot, ulong* r) => slot.MapArgument(1) is HashMap map ? (ulong)map.Count : 0;

    public static ulong TaskOf(ExecutionSlot slot, ulong* r) => (int)r[1] <= 0 ? 0 : HostObject.Handle(HostObjectKind.Task, (uint)r[1]);

    public static ulong CgroupOf(ExecutionSlot slot, ulong* r) => r[1] == slot.Engine.Options.CgroupId ? HostObject.Handle(HostObjectKind.Cgroup, (uint)r[1]) : 0;

    /// <summary>Objects of the host are numbers: holding one keeps nothing, giving it back frees nothing.</summary>
    public static ulong Hold(ExecutionSlot slot, ulong* r)
    {
        Check(slot);
        return r[1];
    }

    public static ulong GiveBack(ExecutionSlot slot, ulong* r)
    {
        Check(slot);
        return 0;
    }

    private static void Check(ExecutionSlot slot)
    {
        if (!HostObject.TryRead(slot.State->Registers[1], out _, out _))
        {
            slot.TrapArgument(1, "is no task or cgroup");
        }
    }
}
