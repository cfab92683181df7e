using Osmia.Vm.Execution;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_percpu_obj_*, bpf_per_cpu_ptr, bpf_this_cpu_ptr: an object with a part for each CPU.</summary>
internal static unsafe class PerCpuKfuncs
{
    /// <summary>BPF_GLOBAL_PERCPU_MA_MAX_SIZE.</summary>
    private const int Largest = 512;

    public static ulong New(ExecutionSlot slot, ulong* r)
    {
        uint size = ObjectKfuncs.StructureSize(slot);
        return size > Largest ? 0 : ObjectKfuncs.Make(slot, ((size + 7) & ~7u) * (uint)slot.Engine.Slots.Count);
    }

    public static ulong Of(ExecutionSlot slot, ulong* r) => (uint)r[2] < (uint)slot.Engine.Slots.Count ? Part(slot, (uint)r[2]) : 0;

    public static ulong Own(ExecutionSlot slot, ulong* r) => Part(slot, (uint)slot.Index);

    private static ulong Part(ExecutionSlot slot, uint cpu)
    {
        ulong address = slot.State->Registers[1];
        ObjectHeader* header = ObjectKfuncs.HeaderAt(slot, address);
        if (header == null || address != (ulong)(header + 1) || header->Size % (uint)slot.Engine.Slots.Count != 0)
        {
            slot.TrapArgument(1, "is no object with parts for CPUs", "variables of the kernel are not in the process");
        }

        return address + (header->Size / (uint)slot.Engine.Slots.Count * cpu);
    }
}
