using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

/// <summary>
/// What native code calls. No exception may pass through its frames: it is kept, <see cref="MachineState.Fault"/> is set, and the code
/// returns at once to where it was entered, where the exception goes on.
/// </summary>
internal static unsafe class NativeCalls
{
    public static nint Helper { get; } = (nint)(delegate* unmanaged<MachineState*, nint, ulong>)&CallHelper;

    public static nint Register { get; } = (nint)(delegate* unmanaged<MachineState*, ulong, ulong>)&CallRegister;

    public static nint HashLookup { get; } = (nint)(delegate* unmanaged<MachineState*, nint, ulong, ulong>)&LookUp;

    public static nint PrefixLookup { get; } = (nint)(delegate* unmanaged<MachineState*, nint, ulong, ulong>)&LookUpPrefix;

    public static nint LoadMiss { get; } = (nint)(delegate* unmanaged<MachineState*, ulong, DecodedInstruction*, ulong>)&MissLoad;

    public static nint StoreMiss { get; } = (nint)(delegate* unmanaged<MachineState*, ulong, DecodedInstruction*, ulong, ulong>)&MissStore;

    public static nint AtomicMiss { get; } = (nint)(delegate* unmanaged<MachineState*, ulong, DecodedInstruction*, ulong>)&MissAtomic;

    public static nint Resume { get; } = (nint)(delegate* unmanaged<MachineState*, DecodedInstruction*, ulong>)&GoOn;

    public static nint Refuel { get; } = (nint)(delegate* unmanaged<MachineState*, ulong>)&TakeFuel;

    public static nint EnterCall { get; } = (nint)(delegate* unmanaged<MachineState*, ulong>)&Enter;

    public static nint TailCall { get; } = (nint)(delegate* unmanaged<MachineState*, ulong>)&CallTail;

    public static nint PacketLoad { get; } = (nint)(delegate* unmanaged<MachineState*, uint, int, ulong, ulong>)&LoadPacket;

    public static nint RunWords { get; } = (nint)(delegate* unmanaged<MachineState*, ulong, ulong>)&DoTurns;

    public static nint Unresolved { get; } = (nint)(delegate* unmanaged<MachineState*, ulong>)&ReachUnresolved;

    [UnmanagedCallersOnly]
    private static ulong CallHelper(MachineState* s, nint helper)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return ((delegate*<ExecutionSlot, ulong*, ulong>)helper)(slot, s->Registers);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong CallRegister(MachineState* s, ulong id)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return slot.CallRegister(s, id);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong LookUp(MachineState* s, nint map, ulong key) => HashMap.LookupAddress(Unsafe.As<nint, HashMap>(ref *(nint*)map), key, s->Cpu);

    [UnmanagedCallersOnly]
    private static ulong LookUpPrefix(MachineState* s, nint map, ulong key) => LpmTrieMap.LookupAddress(Unsafe.As<nint, LpmTrieMap>(ref *(nint*)map), key, s->Cpu);

    [UnmanagedCallersOnly]
    private static ulong MissLoad(MachineState* s, ulong address, DecodedInstruction* at)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return slot.LoadMiss(s, address, at);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong MissStore(MachineState* s, ulong address, DecodedInstruction* at, ulong value)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            slot.StoreMiss(s, address, value, at);
            return 0;
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong MissAtomic(MachineState* s, ulong address, DecodedInstruction* at)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            slot.AtomicMiss(s, address, at);
            return 0;
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong GoOn(MachineState* s, DecodedInstruction* at)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return slot.Resume(s, at);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong TakeFuel(MachineState* s)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return (ulong)slot.Refuel(s);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong Enter(MachineState* s)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            slot.EnterCall(s);
            return 0;
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong CallTail(MachineState* s)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return slot.TailCallFromCompiled(s) ? 1u : 0u;
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong LoadPacket(MachineState* s, uint offset, int size, ulong r6)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            return slot.PacketLoadFromCompiled(s, offset, size, r6);
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [UnmanagedCallersOnly]
    private static ulong DoTurns(MachineState* s, ulong plan) => SlotOf(s).RunWords(s, plan);

    [UnmanagedCallersOnly]
    private static ulong ReachUnresolved(MachineState* s)
    {
        ExecutionSlot slot = SlotOf(s);
        try
        {
            slot.ReachUnresolved();
            return 0;
        }
        catch (Exception e)
        {
            return slot.Keep(e);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ExecutionSlot SlotOf(MachineState* s) => Unsafe.As<ExecutionSlot>(GCHandle.FromIntPtr(s->Self).Target!);
}

internal sealed unsafe partial class ExecutionSlot
{
    private Exception? _fault;

    /// <summary>Keeps what a call of native code threw, until that code has returned.</summary>
    public ulong Keep(Exception fault)
    {
        _fault = fault;
        State->Fault = 1;
        return 0;
    }

    /// <summary>Throws what was kept.</summary>
    public void ThrowFault()
    {
        Exception fault = _fault!;
        _fault = null;
        State->Fault = 0;
        ExceptionDispatchInfo.Throw(fault);
    }
}
