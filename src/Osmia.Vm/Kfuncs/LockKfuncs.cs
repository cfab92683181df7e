using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_res_spin_lock and its forms (Linux 6.15). Nothing interrupts a run, so the flags of interrupts are only kept.</summary>
internal static unsafe class LockKfuncs
{
    public static ulong Lock(ExecutionSlot slot, ulong* r) => (ulong)(long)slot.AcquireResilient(Word(slot));

    public static ulong Unlock(ExecutionSlot slot, ulong* r)
    {
        if (!slot.TryReleaseResilient(Word(slot)))
        {
            slot.TrapArgument(1, "is no lock that the program holds");
        }

        return 0;
    }

    public static ulong LockSaving(ExecutionSlot slot, ulong* r)
    {
        *(ulong*)slot.WritableArgument(2, sizeof(ulong)) = 1;
        return Lock(slot, r);
    }

    public static ulong UnlockRestoring(ExecutionSlot slot, ulong* r)
    {
        *(ulong*)slot.WritableArgument(2, sizeof(ulong)) = 0;
        return Unlock(slot, r);
    }

    private static int* Word(ExecutionSlot slot)
    {
        byte* word = slot.WritableArgument(1, sizeof(int));
        bool isLasting = slot.Engine.MapMemory.TryFind((ulong)word, slot.Program, out VmMap? map) ? !map.IsInFile : slot.Engine.Objects.Heap.HeaderOf((ulong)word) != null;
        if (((ulong)word & 3) != 0 || !isLasting)
        {
            slot.TrapArgument(1, "is no bpf_res_spin_lock in a map value or object");
        }

        return (int*)word;
    }
}
