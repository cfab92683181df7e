using Osmia.Bytecode;
using Osmia.Verification.Facts;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

/// <summary>Accesses: what is known to be right needs no check, and a guess says which region to compare with first.</summary>
internal sealed unsafe partial class StatementBuilder
{
    private void Load(int slot, in DecodedInstruction i)
    {
        bool isAcquire = i.Op >= Op.LoadAcquireB;
        int size = isAcquire ? 1 << (i.Op - Op.LoadAcquireB) : 1 << ((i.Op - (i.Op >= Op.LoadSxB ? Op.LoadSxB : Op.LoadB)) & 3);
        bool isSigned = i.Op is >= Op.LoadSxB and <= Op.LoadSxW;
        Fact fact = FactOf(i.Source);
        long? contextOffset = fact.Kind == FactKind.Context ? fact.Value + i.Offset : _around.ContextOffset(slot);
        if (contextOffset is { } offset && !isAcquire && _around.FieldAt(offset, size, isWrite: false) is { } field
            && FieldValue(i, field, size, isSigned) is { } value)
        {
            Define(slot, i.Destination, value);
            return;
        }

        if (!isAcquire && !isSigned && Stored(fact.Plus(i.Offset), size)?.Value is { } stored)
        {
            _ = Use(i.Source);
            Define(slot, i.Destination, stored);
            return;
        }

        List<KnownRegister> known = KnownAt(slot);
        Node pointer = Wide(i.Source);
        Node address = Node.Binary64(NodeKind.Add, pointer, Node.Constant((ulong)i.Offset));
        Access access = Check(slot, fact, pointer, i.Offset, size, isWrite: false, isAtomic: isAcquire);
        if (isAcquire)
        {
            Statement load = new(StatementKind.Atomic, slot) { Op = i.Op, A = Node.Wide(address), Access = access, Known = Needed(known, access), Result = Result(slot, i.Destination) };
            Add(load);
        }
        else if (access.Check == AccessCheck.None)
        {
            Define(slot, i.Destination, Node.Load(address, size, isSigned));
        }
        else
        {
            _statements.Add(new Statement(StatementKind.Load, slot) { Op = i.Op, A = Node.Wide(address), Access = access, Known = known, Result = Result(slot, i.Destination) });
        }
    }

    private Node? FieldValue(in DecodedInstruction i, ContextField field, int size, bool isSigned)
    {
        if (field.Kind != ContextFieldKind.Scalar && isSigned)
        {
            return null;
        }

        Node context = Wide(i.Source);
        return field.Kind switch
        {
            ContextFieldKind.PacketData => Node.PacketPointer(NodeKind.PacketData),
            ContextFieldKind.PacketEnd => Node.PacketPointer(NodeKind.PacketEnd),
            ContextFieldKind.PacketMeta => Node.PacketPointer(NodeKind.PacketMeta),
            ContextFieldKind.SocketCommon => Node.Constant(0),
            _ => Node.Load(Node.Binary64(NodeKind.Add, context, Node.Constant((ulong)i.Offset)), size, isSigned),
        };
    }

    private void Store(int slot, in DecodedInstruction i)
    {
        bool isImmediate = i.Op <= Op.StoreImmDw;
        int size = 1 << (i.Op - (isImmediate ? Op.StoreImmB : Op.StoreB));
        Fact fact = FactOf(i.Destination);
        List<KnownRegister> known = KnownAt(slot);
        Node pointer = Wide(i.Destination);
        Node value = isImmediate ? Node.Constant((ulong)i.Immediate) : i.Source == i.Destination && pointer.IsLeaf ? pointer : Use(i.Source);
        Access access = Check(slot, fact, pointer, i.Offset, size, isWrite: true, isAtomic: false);
        bool isOwnFrame = fact.Kind == FactKind.Frame && access.Check == AccessCheck.None;
        long place = unchecked(fact.Value + i.Offset);
        List<StoredValue>? kept = isOwnFrame ? _stored.FindAll(stored => stored.Place >= place + size || stored.Place + stored.Size <= place) : null;
        Add(new Statement(StatementKind.Store, slot)
        {
            Op = i.Op,
            A = Node.Wide(Node.Binary64(NodeKind.Add, pointer, Node.Constant((ulong)i.Offset))),
            B = size == 8 ? Node.Wide(value) : Node.Narrow(value),
            Access = access,
            Known = Needed(known, access),
        });
        if (kept is not null)
        {
            _stored.AddRange(kept);
            if (size >= 4 && value.Kind is NodeKind.Local or NodeKind.Constant)
            {
                _stored.Add(new(place, size, size == 8 ? Node.Wide(value) : Node.Narrow(value), isImmediate ? ulong.MaxValue : _around.MaximumOf(slot, i.Source)));
            }
        }

        _webs.Step(slot, _current);
    }

    private void Atomic(int slot, in DecodedInstruction i)
    {
        bool isRelease = i.Op >= Op.StoreReleaseB;
        int size = isRelease ? 1 << (i.Op - Op.StoreReleaseB) : ((i.Op - Op.AtomicAdd32) & 1) != 0 ? 8 : 4;
        Fact fact = FactOf(i.Destination);
        List<KnownRegister> known = KnownAt(slot);
        bool isCompare = i.Op is Op.AtomicCompareExchange32 or Op.AtomicCompareExchange64;

        // r0 may be pointer or operand too: what is read twice is a variable, for it counts two uses.
        Node pointer = Wide(i.Destination);
        Node value = i.Source == i.Destination && pointer.IsLeaf ? pointer : Use(i.Source);
        Node? compared = isCompare ? Use(0) : null;
        Access access = Check(slot, fact, pointer, i.Offset, size, isWrite: true, isAtomic: true);
        Node address = Node.Wide(Node.Binary64(NodeKind.Add, pointer, Node.Constant((ulong)i.Offset)));
        bool hasResult = i.Op is >= Op.AtomicFetchAdd32 and <= Op.AtomicCompareExchange64;
        Web? result = null;
        if (hasResult)
        {
            result = Result(slot, isCompare ? 0 : i.Source);
        }
        else
        {
            _webs.Step(slot, _current);
        }

        Add(new Statement(StatementKind.Atomic, slot)
        {
            Op = i.Op,
            A = address,
            B = size == 8 ? Node.Wide(value) : Node.Narrow(value),
            C = compared is null ? null : size == 8 ? Node.Wide(compared) : Node.Narrow(compared),
            Access = access,
            Known = Needed(known, access),
            Result = result,
        });
    }

    /// <summary>An access without a check never leaves for the interpreter.</summary>
    private static List<KnownRegister> Needed(List<KnownRegister> known, Access access) => access.Check == AccessCheck.None ? [] : known;

    private Access Check(int slot, Fact fact, Node pointer, int offset, int size, bool isWrite, bool isAtomic)
    {
        long place = unchecked(fact.Value + offset);
        bool isAligned = !isAtomic || place % size == 0;
        AccessFact? proof = isAtomic ? null : _around.ProofOf(slot);
        if (proof is { } proved && proved.Size == size && _around.IsOwnMemory(proved.Region))
        {
            return Access.Unchecked(size);
        }

        if (isWrite && proof is { Region: ValueKind.Context, Offset.IsConstant: true } field && _around.FieldAt((long)field.Offset.Value, size, isWrite: true) is not null)
        {
            return Access.Unchecked(size);
        }

        switch (fact.Kind)
        {
            case FactKind.Frame when IsInOneFrame(place, size) && isAligned:
                return Access.Unchecked(size);
            case FactKind.Context when !isAtomic && isWrite && _around.FieldAt(place, size, isWrite: true) is not null:
                return Access.Unchecked(size);
            case FactKind.Constant when _around.RegionOf((ulong)place) is { } region && isAligned && (region.IsWritable || !isWrite) && Fits((ulong)place, size, region):
                return Access.Unchecked(size);
            case FactKind.MapValue when place >= 0 && place <= (long)_around.Map(fact.Map).ValueBytes - size && isAligned && (_around.Map(fact.Map).IsWritableByProgram || !isWrite):
                return IsNotNull(pointer) ? Access.Unchecked(size) : new(size, AccessCheck.NotNull) { Low = (ulong)fact.Value, Pointer = pointer, IsFirm = true };
            case FactKind.AddressLike when _around.RegionOf((ulong)fact.Value) is { } near && (near.IsWritable || !isWrite) && near.Length >= (ulong)size:
                return Firmly(slot, pointer, offset, new(size, AccessCheck.Range) { Low = near.Low, Length = near.Length, IsWrite = isWrite, ChecksAlignment = isAtomic });
            case FactKind.FrameLike:
                return Firmly(slot, pointer, offset, new(size, AccessCheck.Frame) { IsWrite = isWrite, ChecksAlignment = isAtomic });
            case FactKind.CallerLike when _callers > 0:
                return new(size, AccessCheck.CallerFrame) { IsWrite = isWrite, ChecksAlignment = isAtomic };
            case FactKind.ValueLike or FactKind.MapValue:
                return new(size, AccessCheck.Value) { IsWrite = isWrite, ChecksAlignment = isAtomic };
            case FactKind.PacketLike or FactKind.Unknown when _around.Kind != ProgramKind.SocketFilter:
                Access packet = new(size, AccessCheck.Packet) { IsWrite = isWrite, ChecksAlignment = isAtomic };
                return fact.Kind == FactKind.PacketLike ? Firmly(slot, pointer, offset, packet) : packet;
            default:
                return new(size, AccessCheck.Ask);
        }
    }

    // Its own, or that of one who certainly waits for it.
    private bool IsInOneFrame(long place, int size)
    {
        long offset = place + ExecutionSlot.FrameSize;
        return offset >= 0 && offset < (_callers + 1L) * ExecutionSlot.FrameSize && (offset % ExecutionSlot.FrameSize) + size <= ExecutionSlot.FrameSize;
    }

    private static bool Fits(ulong address, int size, MapRegion region) =>
        address - region.Low < region.Length && region.Length - (address - region.Low) >= (ulong)size;
}
