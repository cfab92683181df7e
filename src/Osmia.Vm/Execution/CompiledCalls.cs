using System.Runtime.CompilerServices;
using Osmia.Vm.Compilation;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>What compiled code asks the slot for: accesses its own comparison did not allow, calls, the less common instructions.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>A checked load that missed the region it was compared with; sign-extended where the instruction is.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public ulong LoadMiss(MachineState* s, ulong address, DecodedInstruction* at)
    {
        s->Current = at;
        (int size, bool isSigned) = ShapeOf(at->Op);
        if (IsInStack(s, address, (uint)size))
        {
            return Extended(Fetch(address, size), size, isSigned);
        }

        ulong offset = address - (ulong)_context;
        if (offset < ContextCapacity && _layout is not null)
        {
            return Extended(LoadContext((int)offset, size), size, isSigned);
        }

        return Extended(IsReadable(s, address, (ulong)size) ? Fetch(address, size) : LoadSlow(address, size), size, isSigned);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void StoreMiss(MachineState* s, ulong address, ulong value, DecodedInstruction* at)
    {
        s->Current = at;
        int size = SizeOfStore(at->Op);
        if (IsInStack(s, address, (uint)size) || IsWritable(s, address, (ulong)size))
        {
            Put(address, size, value);
            return;
        }

        StoreSlow(address, size, value);
    }

    /// <summary>Returns when the atomic access may be made.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public void AtomicMiss(MachineState* s, ulong address, DecodedInstruction* at)
    {
        s->Current = at;
        Op op = at->Op;
        bool isLoad = op is >= Op.LoadAcquireB and <= Op.LoadAcquireDw;
        ulong size = op < Op.LoadAcquireB ? ((op - Op.AtomicAdd32) & 1) != 0 ? 8u : 4u
            : isLoad ? 1ul << (op - Op.LoadAcquireB)
            : 1ul << (op - Op.StoreReleaseB);
        if ((isLoad ? !IsReadable(s, address, size) : !IsWritable(s, address, size)) || (address & (size - 1)) != 0)
        {
            CheckAtomicSlow(address, size, !isLoad);
        }
    }

    /// <summary>Whether an access lies in one frame, the running function's or that of one that waits for it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsInStack(MachineState* s, ulong address, uint size)
    {
        ulong offset = address - s->FrameLow;
        return offset < (ulong)(uint)((s->Depth + 1) * FrameSize) && offset % FrameSize <= FrameSize - size;
    }

    /// <summary>Whether an access lies in the map value or record touched last.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInValue(MachineState* s, ulong address, uint size)
    {
        ulong distance = address - s->ValueLow;
        ulong length = s->ValueLength;
        return distance < length && length - distance >= size;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsInValueWritable(MachineState* s, ulong address, uint size)
    {
        ulong distance = address - s->ValueLow;
        ulong length = s->ValueWriteLength;
        return distance < length && length - distance >= size;
    }

    /// <summary>The address of an array's element; null behind its end.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Element(uint index, uint count, ulong start, ulong stride) => index < count ? start + (index * stride) : 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EnterCall(MachineState* s)
    {
        int depth = s->Depth + 1;
        if (depth >= MaxFrames)
        {
            ThrowStackDepth();
        }

        // Nearly always it stands there already, and writing a reference costs a call.
        VmProgram?[] programs = _programs;
        VmProgram? program = programs[depth - 1];
        if (programs[depth] != program)
        {
            programs[depth] = program;
        }

        _frames[depth].Caller = s->Current;
        s->Depth = depth;
        s->FrameLow -= FrameSize;
        s->DirtyFrames = Math.Max(s->DirtyFrames, depth + 1);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LeaveCall(MachineState* s)
    {
        s->Depth--;
        s->FrameLow += FrameSize;
    }

    /// <summary>may_goto: whether it goes, for its loop has turned often enough.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MayGo(MachineState* s) => --s->MayGotos >= 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    public void ReachUnresolved() => ThrowUnresolved();

    /// <summary>Makes a tail call; false when there is nothing to call. The result of what was called is in r0.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public bool TailCallFromCompiled(MachineState* s)
    {
        DecodedInstruction* caller = s->Current;
        DecodedInstruction* next = TailCall(caller);
        if (next == caller + 1)
        {
            return false;
        }

        VmProgram target = Program;
        ulong r1 = s->Registers[1];
        ulong r2 = s->Registers[2];
        s->Current = target.Code;
        if (target.Compiled is { } compiled)
        {
            s->Registers[0] = Finish(s, compiled.At(0, this)(s, r1, r2, 0, 0, 0));
            return true;
        }

        s->Registers[0] = Interpret(s, next);
        return true;
    }

    /// <summary>What compiled code returned, or, where it left a part to the interpreter, what that comes to.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Finish(MachineState* s, ulong result)
    {
        DecodedInstruction* at = s->ResumeAt;
        if (at == null)
        {
            return result;
        }

        s->ResumeAt = null;
        return Resume(s, at);
    }

    /// <summary>Does the rest of a compiled function, from an instruction and with the registers that were kept for it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public ulong Resume(MachineState* s, DecodedInstruction* at)
    {
        s->Current = at;
        if (_clearedBytes < FrameSize)
        {
            // The compiled code could not see this part of the first frame; the interpreter can.
            new Span<byte>((byte*)_stackLow + ((MaxFrames - 1) * FrameSize), FrameSize - _clearedBytes).Clear();
            _clearedBytes = FrameSize;
        }

        if (s->Budget < 0 || s->Cancel != 0)
        {
            Refuel(s);
        }

        return Interpret(s, at);
    }

    // The interpreter pops the frame at the function's end; whoever called the compiled code does so too.
    private ulong Interpret(MachineState* s, DecodedInstruction* at)
    {
        int depth = s->Depth;
        _frames[depth].Return = null;
        EnterFrame(depth);
        ulong result = ExecuteInPortions(at);
        s->Depth = depth;
        EnterFrame(depth);
        return result;
    }

    /// <returns>What LD_ABS or LD_IND loads; -1 when the packet is too short.</returns>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public ulong PacketLoadFromCompiled(MachineState* s, uint offset, int size, ulong r6)
    {
        s->Registers[6] = r6;
        return TryLoadPacket((int)offset, size, out ulong value) ? value : ulong.MaxValue;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (int Size, bool IsSigned) ShapeOf(Op op) => op >= Op.LoadSxB ? (1 << (op - Op.LoadSxB), true) : (1 << (op - Op.LoadB), false);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int SizeOfStore(Op op) => 1 << (op - (op >= Op.StoreB ? Op.StoreB : Op.StoreImmB));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Extended(ulong value, int size, bool isSigned) => !isSigned ? value : size switch
    {
        1 => (ulong)(sbyte)value,
        2 => (ulong)(short)value,
        _ => (ulong)(int)value,
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fetch(ulong address, int size) => size switch
    {
        1 => *(byte*)address,
        2 => Unsafe.ReadUnaligned<ushort>((void*)address),
        4 => Unsafe.ReadUnaligned<uint>((void*)address),
        _ => Unsafe.ReadUnaligned<ulong>((void*)address),
    };

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(ulong address, int size, ulong value)
    {
        switch (size)
        {
            case 1:
                *(byte*)address = (byte)value;
                break;
            case 2:
                Unsafe.WriteUnaligned((void*)address, (ushort)value);
                break;
            case 4:
                Unsafe.WriteUnaligned((void*)address, (uint)value);
                break;
            default:
                Unsafe.WriteUnaligned((void*)address, value);
                break;
        }
    }
}
