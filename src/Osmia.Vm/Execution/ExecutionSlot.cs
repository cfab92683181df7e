using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Diagnostics;
using Osmia.Vm.Compilation;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>
/// Everything one run needs, reused from run to run: registers, stack, context, packet buffer, caches. A slot is also
/// the CPU a program sees. Leased to one run at a time, so nothing here is shared.
/// </summary>
internal sealed unsafe partial class ExecutionSlot : IDisposable
{
    public const int MaxFrames = 8;
    public const int FrameSize = 512;
    public const int MaxTailCalls = 33;
    private const int ArgumentCount = 5;
    private const int SavedRegisters = 10;

    /// <summary>Of a run that is repeated: before the next ones the program is asked for better code.</summary>
    private const int RunsBetweenLooks = 256;
    private const int MaxMayGotos = 8 * 1024 * 1024;
    private const int ContextCapacity = Hooks.HookContext.MaxSize;

    private readonly VmProgram?[] _programs = new VmProgram?[MaxFrames];
    private readonly ulong _stackLow;
    private readonly byte* _context;
    private readonly CallFrame* _frames;
    private readonly byte* _keys;
    private readonly byte* _flowKeys;

    /// <summary>Bytes of the first frame, from its top, that the run began with cleared.</summary>
    private int _clearedBytes;
    private int _lease;
    private long _leaseCount;

    public ExecutionSlot(VmEngine engine, int index)
    {
        Engine = engine;
        Index = index;
        nuint size = (nuint)sizeof(MachineState) + (MaxFrames * FrameSize) + ContextCapacity + (MaxFrames * sizeof(ulong)) + FlowKeysSize + (nuint)(sizeof(CallFrame) * MaxFrames);
        var memory = (byte*)NativeMemory.AlignedAlloc(size, 64);
        NativeMemory.Clear(memory, size);
        State = (MachineState*)memory;
        State->Cpu = index;
        State->DirtyFrames = 1;
        State->Self = GCHandle.ToIntPtr(GCHandle.Alloc(this, GCHandleType.Weak));
        memory += sizeof(MachineState);

        // What stands behind the stack is nothing a program may touch, whatever memory lies beyond the slot.
        _stackLow = (ulong)memory;
        memory += MaxFrames * FrameSize;
        _frames = (CallFrame*)memory;
        memory += sizeof(CallFrame) * MaxFrames;
        _context = memory;
        memory += ContextCapacity;
        _keys = memory;
        memory += MaxFrames * sizeof(ulong);
        _flowKeys = memory;
        RandomState = engine.NextSeed();
    }

    public VmEngine Engine { get; }

    /// <summary>The CPU number that programs in this slot see.</summary>
    public int Index { get; }

    public MachineState* State { get; private set; }

    /// <summary>The program whose code is running; tail calls change it.</summary>
    public VmProgram Program => _programs[State->Depth]!;

    public ulong RandomState { get; set; }

    public int OwnerThread { get; private set; }

    public bool IsLeased => Volatile.Read(ref _lease) != 0;

    /// <summary>Counts leases, so that a waiter sees that the run it waited for has ended.</summary>
    public long LeaseCount => Volatile.Read(ref _leaseCount);

    public bool TryLease()
    {
        if (Volatile.Read(ref _lease) != 0 || Interlocked.CompareExchange(ref _lease, 1, 0) != 0)
        {
            return false;
        }

        OwnerThread = Environment.CurrentManagedThreadId;
        return true;
    }

    public void Return()
    {
        OwnerThread = 0;
        _leaseCount++;
        Volatile.Write(ref _lease, 0);
    }

    /// <summary>Runs a program on what was prepared (context, packet): r1 and r2 as given.</summary>
    public ulong Run(VmProgram program, ulong r1, ulong r2, int repeat)
    {
        try
        {
            if (repeat == 1 && program.Compiled is { } compiled)
            {
                program.CountRuns(1);
                return RunOnce(program, compiled, r1, r2);
            }

            while (repeat > RunsBetweenLooks)
            {
                RunAsItIs(program, r1, r2, RunsBetweenLooks);
                repeat -= RunsBetweenLooks;

                // A run too short to use up a portion of its budget never looks itself. What stops it stops the next one, at its beginning.
                if (Volatile.Read(ref State->Cancel) != 0)
                {
                    Begin(program, FrameSize);
                    Refuel(State);
                }
            }

            return RunAsItIs(program, r1, r2, repeat);
        }
        catch (Exception fault) when (fault is not TrapException)
        {
            Trap(DiagnosticIds.HostFault, $"the host failed while the program ran: {fault.Message}", "code of the application, such as a trace handler, threw", inner: fault);
            return 0;
        }
        finally
        {
            if (HoldsResources)
            {
                ReleaseResources();
            }
        }
    }

    /// <summary>In the best code that is there; after a few runs there may be better.</summary>
    private ulong RunAsItIs(VmProgram program, ulong r1, ulong r2, int repeat)
    {
        program.CountRuns(repeat);
        ulong result = 0;
        if (program.Compiled is { } compiled)
        {
            if (!compiled.NeedsMachine)
            {
                return RunBare(program, compiled.At(0, this), r1, r2, repeat);
            }

            for (; repeat > 0; repeat--)
            {
                result = RunOnce(program, compiled, r1, r2);
            }

            return result;
        }

        MachineState* s = State;
        for (; repeat > 0; repeat--)
        {
            Begin(program, FrameSize);
            StartBudget(s);
            new Span<ulong>(s->Registers, 10).Clear();
            s->Registers[1] = r1;
            s->Registers[2] = r2;
            _frames[0].Return = null;
            result = Execute(program.Code);
            End();
        }

        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong RunOnce(VmProgram program, CompiledFunctions compiled, ulong r1, ulong r2)
    {
        CompiledFunction entry = compiled.At(0, this);
        Begin(program, compiled.FrameBytes);
        MachineState* s = State;
        StartWholeBudget(s);
        ulong result = Finish(s, entry(s, r1, r2, 0, 0, 0));
        End();
        return result;
    }

    /// <summary>Runs code that knows only registers, the packet and the context: nothing of one run is left to the next.</summary>
    private ulong RunBare(VmProgram program, CompiledFunction entry, ulong r1, ulong r2, int repeat)
    {
        Begin(program, frameBytes: 0);
        MachineState* s = State;
        StartWholeBudget(s);
        ulong result = 0;
        for (; repeat > 0; repeat--)
        {
            result = Finish(s, entry(s, r1, r2, 0, 0, 0));

            // Where the interpreter did the rest, it wrote there.
            _clearedBytes = 0;
        }

        return result;
    }

    /// <param name="frameBytes">How much of the first frame, from its top, the program may read before it writes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Begin(VmProgram program, int frameBytes)
    {
        MachineState* s = State;
        if (s->DirtyFrames > 1)
        {
            // All of the first frame too: it lies behind the others, and one call clears faster than two.
            frameBytes = s->DirtyFrames * FrameSize;
            s->DirtyFrames = 1;
        }

        if (frameBytes != 0)
        {
            new Span<byte>((byte*)_stackLow + (MaxFrames * FrameSize) - frameBytes, frameBytes).Clear();
        }

        _clearedBytes = frameBytes;
        s->Depth = 0;
        s->TailCalls = 0;
        s->MayGotos = MaxMayGotos;
        s->ValueLow = 0;
        s->ValueLength = 0;
        s->ValueWriteLength = 0;
        Redirect = default;
        if (_programs[0] != program)
        {
            _programs[0] = program;
        }

        s->Current = program.Code;
        EnterFrame(0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void End()
    {
        if (HoldsResources)
        {
            ThrowNotReleased();
        }
    }

    /// <summary>Runs a local function of the current program from inside a helper; the caller's registers are untouched afterwards.</summary>
    public ulong Callback(int slot, ulong r1, ulong r2, ulong r3, ulong r4)
    {
        MachineState* s = State;
        DecodedInstruction* caller = s->Current;
        ulong* registers = stackalloc ulong[SavedRegisters];
        Unsafe.CopyBlock(registers, s->Registers, SavedRegisters * sizeof(ulong));
        ulong result;
        if (Program.Compiled is { } compiled)
        {
            EnterCall(s);
            s->Budget -= compiled.Lengths[slot];
            result = compiled.At(slot, this)(s, r1, r2, r3, r4, 0);
            LeaveCall(s);
        }
        else
        {
            PushFrame(null);
            s->Registers[1] = r1;
            s->Registers[2] = r2;
            s->Registers[3] = r3;
            s->Registers[4] = r4;
            s->Registers[5] = 0;
            result = ExecuteInPortions(Program.Code + slot);
        }

        s->Current = caller;
        Unsafe.CopyBlock(s->Registers, registers, SavedRegisters * sizeof(ulong));
        if (s->Budget < 0 || Volatile.Read(ref s->Cancel) != 0)
        {
            Refuel(s);
        }

        return result;
    }

    /// <summary>Replaces the running function by another program's entry; its return goes to the caller of the running one.</summary>
    public void SwitchProgram(VmProgram program) => _programs[State->Depth] = program;

    public bool IsContext(ulong address) => address == (ulong)_context;

    public void Dispose()
    {
        if (State != null)
        {
            GCHandle.FromIntPtr(State->Self).Free();
            NativeMemory.AlignedFree(State);
            State = null;
            FreePacketBuffer();
        }
    }

    /// <summary>
    /// Registers that a function is not handed (all but r1 to r5) begin as 0, and r1 to r5 are 0 when it has returned. The kernel
    /// lets no program read them; here every way to run a program must find the same.
    /// </summary>
    private void PushFrame(DecodedInstruction* returnTo)
    {
        MachineState* s = State;
        int depth = s->Depth + 1;
        if (depth >= MaxFrames)
        {
            ThrowStackDepth();
        }

        CallFrame* frame = &_frames[depth];
        frame->Return = returnTo;
        frame->Caller = returnTo == null ? s->Current : returnTo - 1;
        frame->R6 = s->Registers[6];
        frame->R7 = s->Registers[7];
        frame->R8 = s->Registers[8];
        frame->R9 = s->Registers[9];
        s->Registers[0] = 0;
        s->Registers[6] = 0;
        s->Registers[7] = 0;
        s->Registers[8] = 0;
        s->Registers[9] = 0;
        _programs[depth] = _programs[depth - 1];
        s->Depth = depth;
        s->DirtyFrames = Math.Max(s->DirtyFrames, depth + 1);
        EnterFrame(depth);
    }

    /// <returns>Where to go on; null when the host entered the frame.</returns>
    private DecodedInstruction* PopFrame()
    {
        MachineState* s = State;
        int depth = s->Depth;
        CallFrame* frame = &_frames[depth];
        if (depth > 0)
        {
            new Span<ulong>(&s->Registers[1], ArgumentCount).Clear();
            s->Registers[6] = frame->R6;
            s->Registers[7] = frame->R7;
            s->Registers[8] = frame->R8;
            s->Registers[9] = frame->R9;
            s->Depth = depth - 1;
            EnterFrame(depth - 1);
        }

        return frame->Return;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void EnterFrame(int depth)
    {
        // Frame 0 is the highest, so that a pointer into a caller's frame lies above the callee's.
        ulong low = _stackLow + (ulong)((MaxFrames - 1 - depth) * FrameSize);
        State->FrameLow = low;
        State->Registers[10] = low + FrameSize;
    }
}
