using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

/// <summary>Helper arguments, checked like accesses. A bad one is a trap that names helper and argument.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const int BytesPerInstruction = 32;
    private const int StepsPerInstruction = 4;
    private const int TraceBufferSize = 1024;

    private readonly byte[] _traceBuffer = new byte[TraceBufferSize];

    /// <summary>Where traced text is made; a traced line has at most its size.</summary>
    public Span<byte> TraceBuffer => _traceBuffer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public VmMap MapArgument(int argument)
    {
        VmMap? map = Engine.MapOfHandle(State->Registers[argument], Program);
        if (map is null)
        {
            TrapArgument(argument, "is no map");
        }

        return map!;
    }

    public T MapArgument<T>(int argument, string kind)
        where T : VmMap
    {
        VmMap map = MapArgument(argument);
        if (map is not T typed)
        {
            TrapArgument(argument, $"is map '{map.Name}', not a {kind}");
            throw new InvalidOperationException();
        }

        return typed;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* ReadableArgument(int argument, ulong size)
    {
        ulong address = State->Registers[argument];
        if (size - 1 >= FrameSize || address - State->FrameLow > FrameSize - size)
        {
            CheckArgument(argument, address, size, isWrite: false);
        }

        return (byte*)address;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* WritableArgument(int argument, ulong size)
    {
        ulong address = State->Registers[argument];
        if (size - 1 >= FrameSize || address - State->FrameLow > FrameSize - size)
        {
            CheckArgument(argument, address, size, isWrite: true);
        }

        return (byte*)address;
    }

    /// <summary>A length in a register that must be one: not negative, and no more than memory has.</summary>
    public int LengthArgument(int argument, int limit = int.MaxValue)
    {
        ulong value = State->Registers[argument];
        if (value > (ulong)limit)
        {
            TrapArgument(argument, "is no length", $"a length here is 0 to {limit}");
        }

        return (int)value;
    }

    public void ContextArgument(int argument)
    {
        if (_kind != ProgramKind.Memory && State->Registers[argument] != (ulong)_context)
        {
            TrapArgument(argument, "is not the context");
        }
    }

    /// <summary>The slot of the local function a callback argument names.</summary>
    public int CallbackArgument(int argument)
    {
        if (!FunctionPointer.TryRead(State->Registers[argument], out int slot) || !Program.IsCallback(slot))
        {
            TrapArgument(argument, "is no function of the program");
        }

        return slot;
    }

    /// <summary>Readable bytes from an address to the end of its region; 0 when it is in none.</summary>
    public ulong ReadableFrom(ulong address)
    {
        if (!FindRegion(address, 1, isWrite: false))
        {
            return 0;
        }

        MachineState* s = State;
        ulong stackOffset = address - s->FrameLow;
        if (stackOffset < (ulong)((s->Depth + 1) * FrameSize))
        {
            return FrameSize - (stackOffset % FrameSize);
        }

        return Holds(s->PacketLow, s->PacketLength, address, 1)
            ? s->PacketLow + s->PacketLength - address
            : s->ValueLow + s->ValueLength - address;
    }

    /// <summary>callx: the helper whose id is in a register. The arguments are in r1 to r5, as for every helper.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public ulong CallRegister(MachineState* s, ulong id)
    {
        VmHelper? helper = id <= int.MaxValue ? VmHelpers.Find((int)id) : null;
        if (helper is null || helper.Function == null || (helper.Kinds & _kind) == 0)
        {
            int register = s->Current->Destination;
            s->Registers[register] = id;
            Trap(DiagnosticIds.BadHelperArgument, $"callx: r{register} = 0x{id:x} is no helper that {Program.Type.ToKernelName()} programs may call this way",
                FunctionPointer.TryRead(id, out int function) ? $"it is the address of the function at instruction {function}; only helpers are called through a register" : null);
        }

        return helper.Function(this, s->Registers);
    }

    /// <summary>Bulk work counts against the run's budget; the interpreter's next step finds it used up.</summary>
    public void Charge(ulong bytes) => State->Budget -= (long)(bytes / BytesPerInstruction);

    /// <summary>The same for work of a step for each byte, element or bucket.</summary>
    public void ChargeSteps(ulong steps) => State->Budget -= (long)(steps / StepsPerInstruction);

    /// <summary>Counts waiting against the budget; false when nothing is left of it.</summary>
    public bool TryCharge(long steps) => (State->Budget -= steps) >= 0 || TryRefuel(State);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckArgument(int argument, ulong address, ulong size, bool isWrite)
    {
        // An empty range needs no memory.
        if (size == 0)
        {
            return;
        }

        if (!FindRegion(address, size, isWrite))
        {
            TrapArgumentMemory(argument, address, size, isWrite);
        }

        Charge(size);
    }
}
