using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>What a dynptr leads to.</summary>
internal enum DynptrKind
{
    /// <summary>Making it failed: every use answers with an error.</summary>
    Null,
    Memory,
    Record,
    Packet,
}

/// <summary>A dynptr of a run. Programs hold 16 bytes that only name it.</summary>
internal struct Dynptr
{
    public DynptrKind Kind;
    public bool IsReadOnly;

    /// <summary>The first byte of the memory or record it was made of.</summary>
    public ulong Base;
    public uint Offset;
    public uint Size;

    /// <summary>What the program's 16 bytes must hold for this dynptr to be theirs.</summary>
    public ulong Mark;

    /// <summary>The lease of the slot it was made in, and the object of the program that made it: the memory it leads to is theirs.</summary>
    public long Lease;
    public uint ObjectId;
}

/// <summary>
/// Dynptrs stand in the program's stack, 16 bytes that only helpers may use. Here those bytes are a mark; what the dynptr leads to is kept beside
/// the stack, where no program can forge it. A program that wrote over the mark has no dynptr any more.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>DYNPTR_MAX_SIZE.</summary>
    public const uint MaxDynptr = (1 << 24) - 1;

    private const ulong MarkTag = 0xfffe_d000_0000_0000;
    private const ulong LentTag = 0xfffe_d100_0000_0000;
    private const int DynptrSize = 16;
    private const int Granule = 8;
    private const int OnStack = MaxFrames * FrameSize / Granule;

    private Dynptr[]? _dynptrs;
    private uint _lastMark;

    /// <summary>Makes the dynptr that an argument leads to; what was there is given up.</summary>
    public void MakeDynptr(int argument, DynptrKind kind, ulong start, uint size, bool isReadOnly)
    {
        ulong address = State->Registers[argument];
        int index = StackIndex(address);
        if (index < 0)
        {
            TrapArgument(argument, "is no place for a dynptr", "a dynptr stands in 16 bytes of the stack, aligned to 8");
        }

        Dynptr[] all = _dynptrs ??= new Dynptr[OnStack + MaxFrames];
        ulong mark = MarkTag | ++_lastMark;
        all[index] = new Dynptr { Kind = kind, Base = start, Size = size, IsReadOnly = isReadOnly, Mark = mark, Lease = _leaseCount, ObjectId = Program.ObjectId };
        ((ulong*)address)[0] = mark;
        ((ulong*)address)[1] = size;
    }

    /// <summary>The dynptr an argument leads to; anything else is a trap.</summary>
    public ref Dynptr DynptrArgument(int argument)
    {
        ulong value = State->Registers[argument];
        Dynptr[]? all = _dynptrs;
        if (all is not null)
        {
            int index = StackIndex(value);
            if (index >= 0 && *(ulong*)value == all[index].Mark && IsOwn(all[index]))
            {
                return ref Living(ref all[index]);
            }

            ulong lent = value ^ LentTag;
            if (lent < MaxFrames && all[OnStack + (int)lent].Mark == value && IsOwn(all[OnStack + (int)lent]))
            {
                return ref Living(ref all[OnStack + (int)lent]);
            }
        }

        TrapArgument(argument, "is no dynptr", "its 16 bytes were never made one, or were written over");
        throw new InvalidOperationException();
    }

    /// <summary>A read-only dynptr for a callback, which has no place in the program's memory.</summary>
    /// <returns>What the callback gets in its register.</returns>
    public ulong LendDynptr(byte* start, uint size)
    {
        Dynptr[] all = _dynptrs ??= new Dynptr[OnStack + MaxFrames];
        int depth = State->Depth;
        ulong value = LentTag ^ (uint)depth;
        all[OnStack + depth] = new Dynptr { Kind = DynptrKind.Memory, Base = (ulong)start, Size = size, IsReadOnly = true, Mark = value, Lease = _leaseCount, ObjectId = Program.ObjectId };
        return value;
    }

    /// <param name="lent">What <see cref="LendDynptr"/> gave: a callback that trapped has left the depth as it was in it.</param>
    public void TakeDynptrBack(ulong lent) => _dynptrs![OnStack + (int)(lent ^ LentTag)] = default;

    /// <summary>Bytes of a dynptr, which the caller has found to be within its size; null when the packet has become shorter.</summary>
    public byte* DynptrBytes(in Dynptr pointer, uint offset, uint length) => pointer.Kind == DynptrKind.Packet
        ? PacketAt((long)pointer.Offset + offset, length, PacketDataOffset)
        : (byte*)(pointer.Base + pointer.Offset + offset);

    // Marks are easily guessed: a program could write one down and name memory that went with an earlier run.
    private bool IsOwn(in Dynptr pointer) => pointer.Mark != 0 && pointer.Lease == _leaseCount && pointer.ObjectId == Program.ObjectId;

    private int StackIndex(ulong address)
    {
        ulong offset = address - _stackLow;
        bool isInFrame = address >= State->FrameLow && offset < MaxFrames * FrameSize && offset % Granule == 0 && (offset % FrameSize) + DynptrSize <= FrameSize;
        return isInFrame ? (int)(offset / Granule) : -1;
    }

    // A record that was submitted or discarded is not the program's any more, whoever still names it.
    private ref Dynptr Living(ref Dynptr pointer)
    {
        if (pointer.Kind == DynptrKind.Record && !IsReserved(pointer.Base))
        {
            pointer.Kind = DynptrKind.Null;
            pointer.Size = 0;
        }

        return ref pointer;
    }

    private bool IsReserved(ulong record)
    {
        for (int i = 0; i < _reservedCount; i++)
        {
            if (_reserved[i].Low == record)
            {
                return true;
            }
        }

        return false;
    }
}
