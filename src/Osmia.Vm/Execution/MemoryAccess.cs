using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

/// <summary>
/// The check behind every access of a program. Registers hold real addresses; nothing is dereferenced before the whole
/// access was found to lie in one region the program may touch.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const int MaxReservations = 64;

    private readonly (ulong Low, ulong Length, RingBufferMap Ring)[] _reserved = new (ulong, ulong, RingBufferMap)[MaxReservations];
    private int _reservedCount;
    private int* _heldLock;
    private int _heldSockets;

    /// <summary>Something is left that a run must give back.</summary>
    private bool HoldsResources
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (_reservedCount | _heldSockets | _objectCount | _resilientCount) != 0 || _heldLock != null;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsReadable(MachineState* s, ulong address, ulong size)
    {
        if (address - s->FrameLow <= FrameSize - size)
        {
            return true;
        }

        ulong distance = address - s->PacketLow;
        ulong length = s->PacketLength;
        if (distance < length && length - distance >= size)
        {
            return true;
        }

        distance = address - s->ValueLow;
        length = s->ValueLength;
        return distance < length && length - distance >= size;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsWritable(MachineState* s, ulong address, ulong size)
    {
        if (address - s->FrameLow <= FrameSize - size)
        {
            return true;
        }

        ulong distance = address - s->PacketLow;
        ulong length = s->PacketWriteLength;
        if (distance < length && length - distance >= size)
        {
            return true;
        }

        distance = address - s->ValueLow;
        length = s->ValueWriteLength;
        return distance < length && length - distance >= size;
    }

    /// <summary>A load that missed the cached regions: the context, a caller's frame, another map value or ring record, or a trap.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong LoadSlow(ulong address, int size)
    {
        ulong offset = address - (ulong)_context;
        if (offset < ContextCapacity && _layout is not null)
        {
            return LoadContext((int)offset, size);
        }

        if (!FindRegion(address, (ulong)size, isWrite: false))
        {
            ThrowBadAccess(address, (ulong)size, isWrite: false);
        }

        return Fetch(address, size);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void StoreSlow(ulong address, int size, ulong value)
    {
        ulong offset = address - (ulong)_context;
        if (offset < ContextCapacity && _layout is not null)
        {
            StoreContext((int)offset, size, value);
            return;
        }

        if (!FindRegion(address, (ulong)size, isWrite: true))
        {
            ThrowBadAccess(address, (ulong)size, isWrite: true);
        }

        Put(address, size, value);
    }

    /// <summary>An atomic access: writable, and aligned because the host's atomic instructions need it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckAtomic(MachineState* s, ulong address, ulong size)
    {
        if (!IsWritable(s, address, size) || (address & (size - 1)) != 0)
        {
            CheckAtomicSlow(address, size, isWrite: true);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void CheckAtomicSlow(ulong address, ulong size, bool isWrite)
    {
        if (!FindRegion(address, size, isWrite))
        {
            ThrowBadAccess(address, size, isWrite);
        }

        if ((address & (size - 1)) != 0)
        {
            ThrowMisaligned(address, size);
        }
    }

    /// <summary>Looks the access up in every region of the run; a map value or ring record found becomes the cached one.</summary>
    internal bool FindRegion(ulong address, ulong size, bool isWrite)
    {
        MachineState* s = State;
        if (address + size < address)
        {
            return false;
        }

        ulong stackOffset = address - s->FrameLow;
        if (stackOffset < (ulong)((s->Depth + 1) * FrameSize))
        {
            return (stackOffset % FrameSize) + size <= FrameSize;
        }

        if (Holds(s->PacketLow, isWrite ? s->PacketWriteLength : s->PacketLength, address, size))
        {
            return true;
        }

        if (!isWrite && Holds((ulong)_keys, MaxFrames * sizeof(uint), address, size))
        {
            Remember((ulong)_keys, MaxFrames * sizeof(uint), isWritable: false);
            return true;
        }

        if (_kind == ProgramKind.FlowDissector && Holds((ulong)_flowKeys, FlowKeysSize, address, size))
        {
            Remember((ulong)_flowKeys, FlowKeysSize, isWritable: true);
            return true;
        }

        for (int i = 0; i < _reservedCount; i++)
        {
            if (Holds(_reserved[i].Low, _reserved[i].Length, address, size))
            {
                Remember(_reserved[i].Low, _reserved[i].Length, isWritable: true);
                return true;
            }
        }

        if (Engine.MapMemory.TryFind(address, Program, out VmMap? map) && map.TryLocate(address, out MapRegion region)
            && Holds(region.Low, region.Length, address, size) && (region.IsWritable || !isWrite))
        {
            Remember(region.Low, region.Length, region.IsWritable);
            return true;
        }

        if (!isWrite && Engine.Sockets.TryLocate(address, out MapRegion socket) && Holds(socket.Low, socket.Length, address, size))
        {
            Remember(socket.Low, socket.Length, isWritable: false);
            return true;
        }

        if (Engine.Objects.Heap.TryLocate(address, Program.ObjectId, out MapRegion made) && Holds(made.Low, made.Length, address, size))
        {
            Remember(made.Low, made.Length, isWritable: true);
            return true;
        }

        return false;
    }

    /// <summary>Where a helper keeps a key it shows a callback; each frame has its own, and programs may only read it.</summary>
    internal uint* KeyScratch() => &((uint*)_keys)[State->Depth];

    /// <summary>Makes a region the one that the next access is compared with first.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Remember(ulong low, ulong length, bool isWritable)
    {
        MachineState* s = State;
        s->ValueLow = low;
        s->ValueLength = length;
        s->ValueWriteLength = isWritable ? length : 0;
    }

    /// <summary>Adds a ring record that the program may write until it submits or discards it.</summary>
    internal bool TryReserve(byte* record, ulong length, RingBufferMap ring)
    {
        if (_reservedCount == MaxReservations)
        {
            return false;
        }

        _reserved[_reservedCount++] = ((ulong)record, length, ring);
        Remember((ulong)record, length, isWritable: true);
        return true;
    }

    internal bool CanReserve => _reservedCount < MaxReservations;

    /// <returns>The ring of a record that this run reserved, which it no longer may touch; null when it did not.</returns>
    internal RingBufferMap? Unreserve(ulong record)
    {
        for (int i = 0; i < _reservedCount; i++)
        {
            if (_reserved[i].Low == record)
            {
                RingBufferMap ring = _reserved[i].Ring;
                _reserved[i] = _reserved[--_reservedCount];
                _reserved[_reservedCount] = default;
                if (State->ValueLow == record)
                {
                    Remember(0, 0, isWritable: false);
                }

                return ring;
            }
        }

        return null;
    }

    internal bool HoldsLock => _heldLock != null;

    /// <summary>Takes a bpf_spin_lock; false when it stayed taken for as long as a run may last.</summary>
    internal bool TryAcquireLock(int* word)
    {
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref *word, 1, 0) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (Volatile.Read(ref State->Cancel) != 0)
            {
                Refuel(State);
            }

            if ((State->Budget -= 64) < 0 && !TryRefuel(State))
            {
                return false;
            }
        }

        _heldLock = word;
        return true;
    }

    internal bool TryReleaseLock(int* word)
    {
        if (_heldLock != word)
        {
            return false;
        }

        _heldLock = null;
        Volatile.Write(ref *word, 0);
        return true;
    }

    internal void HoldSocket() => _heldSockets++;

    internal bool TryReleaseSocket()
    {
        if (_heldSockets == 0)
        {
            return false;
        }

        _heldSockets--;
        return true;
    }

    /// <summary>The calls that led here, from the innermost out, as addresses of functions with the slot of the call.</summary>
    /// <param name="frames">Room for <see cref="MaxFrames"/>.</param>
    internal int ReadCalls(ulong* frames)
    {
        DecodedInstruction* at = State->Current;
        int count = 0;
        for (int depth = State->Depth; depth >= 0; depth--)
        {
            frames[count++] = FunctionPointer.Of((int)(at - _programs[depth]!.Code));
            at = _frames[depth].Caller;
        }

        return count;
    }

    private void ReleaseResources()
    {
        // Locks may stand in what is let go of after them.
        _heldSockets = 0;
        ReleaseResilient();
        if (_heldLock != null)
        {
            TryReleaseLock(_heldLock);
        }

        DropObjects();
        while (_reservedCount > 0)
        {
            ulong record = _reserved[_reservedCount - 1].Low;
            Unreserve(record)!.Ring.Commit((byte*)record, isDiscard: true, RingFlags.NoWakeup);
        }
    }

    private static bool Holds(ulong low, ulong length, ulong address, ulong size)
    {
        ulong distance = address - low;
        return distance < length ? length - distance >= size : distance == length && size == 0 && length != 0;
    }
}
