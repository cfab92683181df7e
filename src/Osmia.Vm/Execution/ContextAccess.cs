using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>
/// The context region. Its scalar fields stand in native memory at their offsets in the C structure; the layout table says
/// who may touch which, and packet pointers are made on the way.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    private ContextLayout? _layout;
    private ContextUsers _users;
    private ProgramKind _kind;

    internal ref T ContextAt<T>(int offset)
        where T : unmanaged => ref Unsafe.AsRef<T>((void*)(_context + offset));

    private ulong LoadContext(int offset, int size)
    {
        ContextField? field = _layout!.FieldAt(offset);
        if (field is null || (field.Readers & _users) == 0 || !field.Allows(offset, size, isWrite: false))
        {
            ThrowBadContext(field, offset, size, isWrite: false);
        }

        switch (field.Kind)
        {
            case ContextFieldKind.PacketData:
                return PacketData;
            case ContextFieldKind.PacketEnd:
                return State->PacketLow + State->PacketLength;
            case ContextFieldKind.PacketMeta:
                return State->PacketLow;
            case ContextFieldKind.SocketCommon:
                return 0;
        }

        return size switch
        {
            1 => _context[offset],
            2 => Unsafe.ReadUnaligned<ushort>(_context + offset),
            4 => Unsafe.ReadUnaligned<uint>(_context + offset),
            _ => Unsafe.ReadUnaligned<ulong>(_context + offset),
        };
    }

    private void StoreContext(int offset, int size, ulong value)
    {
        ContextField? field = _layout!.FieldAt(offset);
        if (field is null || (field.Writers & _users) == 0 || !field.Allows(offset, size, isWrite: true))
        {
            ThrowBadContext(field, offset, size, isWrite: true);
        }

        byte* target = _context + offset;
        switch (size)
        {
            case 1:
                *target = (byte)value;
                break;
            case 2:
                Unsafe.WriteUnaligned(target, (ushort)value);
                break;
            case 4:
                Unsafe.WriteUnaligned(target, (uint)value);
                break;
            default:
                Unsafe.WriteUnaligned(target, value);
                break;
        }
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void ThrowBadContext(ContextField? field, int offset, int size, bool isWrite)
    {
        string act = isWrite ? "write" : "read";
        ContextUsers allowed = field is null ? ContextUsers.None : isWrite ? field.Writers : field.Readers;
        string type = Program.Type.ToKernelName();
        string why = field is null
            ? offset >= _layout!.Size ? $"the structure has {_layout.Size} bytes" : "no field is there"
            : (allowed & _users) == 0 ? $"{type} programs may not {act} field {field.Name}"
            : $"field {field.Name} (offset {field.Offset}, {field.Size} bytes) cannot be accessed with this width or offset";
        Trap(DiagnosticIds.BadContextAccess, $"{act} of {size} byte{(size == 1 ? "" : "s")} at offset {offset} of the context {_layout!.Name}", why);
    }

    /// <summary>LD_ABS and LD_IND: loads from the packet in network byte order; false when the packet is too short.</summary>
    private bool TryLoadPacket(int offset, int size, out ulong value)
    {
        const int NetworkOffset = -0x100000;
        const int LinkLayerOffset = -0x200000;
        value = 0;
        if (State->Registers[6] != (ulong)_context)
        {
            Trap(DiagnosticIds.BadContextAccess, "a packet load (LD_ABS or LD_IND) while r6 is not the context", "RFC 9669 section 5.5: r6 must hold the context");
        }

        long from = PacketDataOffset;
        long position = offset >= 0 ? from + offset
            : offset >= NetworkOffset ? NetworkHeader + (offset - (long)NetworkOffset)
            : offset >= LinkLayerOffset ? MacHeader + (offset - (long)LinkLayerOffset)
            : -1;
        if (position < 0 || position + size > _dataEnd)
        {
            return false;
        }

        byte* source = _packet + position;
        value = size switch
        {
            1 => *source,
            2 => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ushort>(source)),
            _ => BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<uint>(source)),
        };
        return true;
    }
}
