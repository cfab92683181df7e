using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_map_* and bpf_spin_*.</summary>
internal static unsafe class MapHelpers
{
    private const ulong LockFlag = 4;

    public static ulong Lookup(ExecutionSlot slot, ulong* r)
    {
        VmMap map = slot.MapArgument(1);
        byte* key = slot.ReadableArgument(2, map.KeyBytes);
        if (map is RedirectMap { HoldsSockets: true } sockets)
        {
            return SocketAt(slot, sockets, key);
        }

        byte* value = map.Lookup(key, slot.Index);
        slot.Charge(map.LookupBytes);
        if (value != null)
        {
            if (!map.IsReadableByProgram)
            {
                slot.TrapArgument(1, $"is map '{map.Name}', which programs may only write (BPF_F_WRONLY_PROG)");
            }

            slot.Remember((ulong)value, map.ValueBytes, map.IsWritableByProgram);
            return (ulong)value;
        }

        if (map is MapOfMaps outer)
        {
            return outer.InnerAt(key, slot.Index)?.Handle ?? 0;
        }

        if (map is QueueMap or BloomFilterMap or ProgramArrayMap or RingBufferMap or PerfEventArrayMap or StorageMap or CgroupStorageMap or StackTraceMap or UserRingMap or ArenaMap)
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which has no lookup");
        }

        return 0;
    }

    public static ulong LookupPerCpu(ExecutionSlot slot, ulong* r)
    {
        VmMap map = slot.MapArgument(1);
        byte* key = slot.ReadableArgument(2, map.KeyBytes);
        if (!map.IsPerCpu)
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which has no values per CPU");
        }

        // The CPUs of this process: those of others that share the map in a file are none of the program's.
        uint cpu = (uint)r[3];
        if (cpu >= (uint)slot.Engine.Slots.Count)
        {
            return 0;
        }

        byte* value = map.Lookup(key, (int)cpu);
        return (ulong)value;
    }

    public static ulong Update(ExecutionSlot slot, ulong* r)
    {
        VmMap map = slot.MapArgument(1);
        CheckWritable(slot, map);
        byte* key = slot.ReadableArgument(2, map.KeyBytes);
        byte* value = slot.ReadableArgument(3, map.ValueBytes);
        ulong flags = r[4];
        if ((flags & LockFlag) != 0)
        {
            return UpdateLocked(slot, map, key, value, flags & ~LockFlag);
        }

        return (ulong)(long)map.Put(key, value, flags, slot.Index);
    }

    public static ulong Delete(ExecutionSlot slot, ulong* r)
    {
        VmMap map = slot.MapArgument(1);
        CheckWritable(slot, map);
        byte* key = slot.ReadableArgument(2, map.KeyBytes);
        return (ulong)(long)map.Remove(key);
    }

    public static ulong Push(ExecutionSlot slot, ulong* r)
    {
        VmMap map = QueueArgument(slot);
        return (ulong)(long)map.Push(slot.ReadableArgument(2, map.ValueBytes), r[3]);
    }

    public static ulong Pop(ExecutionSlot slot, ulong* r)
    {
        VmMap map = QueueArgument(slot);
        return (ulong)(long)map.Pop(slot.WritableArgument(2, map.ValueBytes));
    }

    public static ulong Peek(ExecutionSlot slot, ulong* r)
    {
        VmMap map = QueueArgument(slot);
        return (ulong)(long)map.Peek(slot.WritableArgument(2, map.ValueBytes));
    }

    public static ulong SpinLock(ExecutionSlot slot, ulong* r)
    {
        int* word = LockArgument(slot);
        if (slot.HoldsLock)
        {
            slot.TrapArgument(1, "is a lock while the program holds one", "a program takes one bpf_spin_lock at a time");
        }

        if (!slot.TryAcquireLock(word))
        {
            slot.Trap(DiagnosticIds.BudgetExhausted, "bpf_spin_lock: the lock stayed taken until the run's budget was used up", "another run holds it, or its word was overwritten");
        }

        return 0;
    }

    public static ulong SpinUnlock(ExecutionSlot slot, ulong* r)
    {
        if (!slot.TryReleaseLock(LockArgument(slot)))
        {
            slot.TrapArgument(1, "is no lock that the program holds");
        }

        return 0;
    }

    private static ulong SocketAt(ExecutionSlot slot, RedirectMap map, byte* key)
    {
        ulong socket = slot.Engine.Sockets.AddressOf(map.TargetAt(key));
        if (socket != 0)
        {
            slot.HoldSocket();
        }

        return socket;
    }

    private static VmMap QueueArgument(ExecutionSlot slot)
    {
        VmMap map = slot.MapArgument(1);
        if (!map.HasPush)
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which has no push, pop and peek");
        }

        return map;
    }

    private static int* LockArgument(ExecutionSlot slot)
    {
        byte* word = slot.WritableArgument(1, sizeof(int));
        if (((ulong)word & 3) != 0 || !slot.Engine.MapMemory.TryFind((ulong)word, slot.Program, out VmMap? map))
        {
            slot.TrapArgument(1, "is no bpf_spin_lock in a map value");
        }
        else if (map.IsInFile)
        {
            slot.TrapArgument(1, $"is in map '{map.Name}', which other processes share: a lock there could stay taken for ever");
        }

        return (int*)word;
    }

    private static ulong UpdateLocked(ExecutionSlot slot, VmMap map, byte* key, byte* value, ulong mode)
    {
        const ulong Exist = 2;
        if (map.SpinLockOffset < 0 || mode > Exist)
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* existing = map.Lookup(key, slot.Index);
        if (existing == null || mode == 1)
        {
            return (ulong)(long)map.Put(key, value, mode, slot.Index);
        }

        int* word = (int*)(existing + map.SpinLockOffset);
        if (slot.HoldsLock || !slot.TryAcquireLock(word))
        {
            slot.Trap(DiagnosticIds.BudgetExhausted, "bpf_map_update_elem with BPF_F_LOCK: the value's lock could not be taken", "the program holds a lock, or another run does not give it back");
        }

        map.CopyValue(existing, value);
        slot.TryReleaseLock(word);
        return 0;
    }

    private static void CheckWritable(ExecutionSlot slot, VmMap map)
    {
        if (map is not (ArrayMap or HashMap or LpmTrieMap or RedirectMap { HoldsSockets: true, Type: not MapType.ReuseportSockarray }))
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which programs cannot change");
        }

        if (!map.IsWritableByProgram)
        {
            slot.TrapArgument(1, $"is map '{map.Name}', which programs may only read (BPF_F_RDONLY_PROG)");
        }
    }
}
