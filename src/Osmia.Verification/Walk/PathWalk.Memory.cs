using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Loads and stores: each kind of memory has its bounds and what a load of it yields.
internal sealed partial class PathWalk
{
    private void Load(Instruction instruction)
    {
        RequireWritable(instruction.Destination);
        RegisterState pointer = Read(instruction.Source);
        int size = instruction.Opcode.Size.InBytes();
        RequireSameKind(pointer);
        RegisterState value = Access(pointer, Name(instruction.Source), instruction.Offset, size, isWrite: false, default);
        if (instruction.Opcode.Mode == Mode.MemSx)
        {
            if (value.IsPointer && pointer.Kind == RegisterKind.Context)
            {
                throw Stop.Reject(CheckFamily.ContextAccess, $"a pointer in the context ({Name(instruction.Source)}) is loaded as a signed number");
            }

            bool isSame = value.IsNumber && value.Number.Wide.UMax < 1UL << (size * 8 - 1);
            value = isSame ? value with { Number = ScalarArithmetic.SignExtend64(value.Number, size) }
                : value.IsNumber ? RegisterState.Of(ScalarArithmetic.SignExtend64(value.Number, size))
                : RegisterState.Unknown;
        }
        else
        {
            value = Cut(value, size);
        }

        this[instruction.Destination] = value;
    }

    /// <summary>The low bytes of a number that was stored with more.</summary>
    private static RegisterState Cut(RegisterState value, int size)
    {
        if (value.IsNumber && !Fits(value.Number, size))
        {
            value.Number = ScalarArithmetic.Truncate(value.Number, size);
        }

        return value;
    }

    /// <summary>A number that is spilled whole is a copy of the register: they learn together.</summary>
    private RegisterState ToBeStored(in RegisterState pointer, Instruction instruction, int size)
    {
        ref RegisterState value = ref Read(instruction.Source);
        long place = pointer.Offset + instruction.Offset + (long)pointer.Number.Value;
        if (value.IsNumber && pointer.Kind == RegisterKind.Stack && pointer.Number.IsConstant && place % StackSlot.Size == 0 && Fits(value.Number, size))
        {
            LinkCopies(ref value);
        }

        return value;
    }

    /// <summary>
    /// An instruction that goes through the context or an object of the kernel is rewritten when the program is loaded: it cannot go through
    /// other pointers on other paths.
    /// </summary>
    private void RequireSameKind(in RegisterState pointer)
    {
        ref RegisterKind known = ref _scope.KindsAt(_code.Length)[Slot];
        if (known != pointer.Kind && known != RegisterKind.NotInitialised && (IsRewritten(known) || IsRewritten(pointer.Kind)))
        {
            throw Stop.Reject(CheckFamily.Dereference, $"this instruction goes through {pointer.Describe()} on one path, and through another kind of pointer on another");
        }

        known = pointer.Kind;
    }

    private static bool IsRewritten(RegisterKind kind) =>
        kind is RegisterKind.Context or RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.Typed;

    private void StoreOrChange(Instruction instruction)
    {
        RegisterState pointer = Read(instruction.Destination);
        int size = instruction.Opcode.Size.InBytes();
        string name = Name(instruction.Destination);
        if (instruction.Opcode.Mode == Mode.Atomic)
        {
            Change(instruction, pointer, name, size);
            return;
        }

        RegisterState value = instruction.Opcode.Class == InstructionClass.Stx ? ToBeStored(pointer, instruction, size) : RegisterState.Constant((ulong)instruction.Immediate);
        RequireSameKind(pointer);
        Access(pointer, name, instruction.Offset, size, isWrite: true, value);
    }

    private void Change(Instruction instruction, RegisterState pointer, string name, int size)
    {
        int operation = instruction.Immediate;
        if (operation == AtomicOperation.LoadAcquire)
        {
            RequireWritable(instruction.Destination);
            RegisterState source = Read(instruction.Source);
            RequireShared(source, Name(instruction.Source), instruction.Offset, size);
            this[instruction.Destination] = Cut(Access(source, Name(instruction.Source), instruction.Offset, size, isWrite: false, default), size);
            return;
        }

        RegisterState operand = Read(instruction.Source);
        RequireShared(pointer, name, instruction.Offset, size);
        if (operation == AtomicOperation.StoreRelease)
        {
            Access(pointer, name, instruction.Offset, size, isWrite: true, operand);
            return;
        }

        if (operand.IsPointer)
        {
            // The kernel lets privileged programs leak pointers so, but keeps nothing of them.
            operand = RegisterState.Unknown;
        }

        if (operation == AtomicOperation.CompareExchange)
        {
            Read(Register.R0);
        }

        RegisterState old = Access(pointer, name, instruction.Offset, size, isWrite: false, default);
        Access(pointer, name, instruction.Offset, size, isWrite: true, RegisterState.Unknown);
        if ((operation & AtomicOperation.Fetch) != 0)
        {
            Register result = operation == AtomicOperation.CompareExchange ? Register.R0 : instruction.Source;
            RequireWritable(result);
            this[result] = old.IsNumber ? Cut(old, size) with { Id = 0 } : RegisterState.Unknown;
        }
    }

    /// <summary>Memory that others see too, and the place a multiple of the size.</summary>
    private static void RequireShared(in RegisterState pointer, string name, int offset, int size)
    {
        if (pointer.Kind is RegisterKind.Context or RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.FlowKeys or RegisterKind.Socket
            or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket
            || (pointer.Kind == RegisterKind.Typed && !pointer.IsLocalObject))
        {
            throw Stop.Reject(CheckFamily.Dereference, $"an atomic instruction on {pointer.Describe()} ({name}) is not allowed");
        }

        Tnum place = pointer.Number.Bits + Tnum.Constant((ulong)((long)pointer.Offset + offset));
        if (pointer.IsPointer && !place.IsAligned((uint)size))
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"an atomic instruction on {size} bytes of {pointer.Describe()} ({name}) whose place is not a multiple of {size}");
        }
    }

    /// <summary>Checks an access through a pointer.</summary>
    /// <returns>What a load yields.</returns>
    private RegisterState Access(RegisterState pointer, string name, int offset, int size, bool isWrite, RegisterState value)
    {
        if (pointer.IsNullable || !pointer.IsPointer)
        {
            throw Stop.Reject(pointer.IsNullable ? CheckFamily.NullCheck : CheckFamily.Dereference, pointer.IsNullable
                ? $"{name} holds {pointer.Describe()}: compare it with null before it is used"
                : $"{name} holds {pointer.Describe()}, no pointer, and is used as one");
        }

        switch (pointer.Kind)
        {
            case RegisterKind.Stack:
                return isWrite ? StoreToStack(pointer, name, offset, size, value) : LoadFromStack(pointer, name, offset, size);
            case RegisterKind.MapValue:
                return AccessMapValue(pointer, name, offset, size, isWrite, value);
            case RegisterKind.Packet or RegisterKind.PacketMeta:
                if (isWrite && !VerificationScope.MayWritePacket(_scope.Type))
                {
                    throw Stop.Reject(CheckFamily.Allowance, $"{_scope.Type.ToKernelName()} programs cannot write the packet through pointers");
                }

                RequirePacket(pointer, name, offset, size, mayBeEmpty: false);
                return RegisterState.Bytes(size);
            case RegisterKind.Memory or RegisterKind.MapKey:
                if (isWrite && pointer.IsReadOnly)
                {
                    throw Stop.Reject(CheckFamily.MemoryBounds, $"{pointer.Describe()} ({name}) can only be read");
                }

                if (!IsUntrustedMemory(pointer))
                {
                    RequireInside(pointer, name, offset, size, SizeOf(pointer), mayBeEmpty: false);
                }

                return RegisterState.Bytes(size);
            case RegisterKind.Buffer or RegisterKind.TracepointBuffer:
                RequireInBuffer(pointer, name, offset, isWrite);
                return RegisterState.Bytes(size);
            case RegisterKind.Typed:
                return AccessTyped(pointer, name, offset, size, isWrite);
            case RegisterKind.Arena:
                return AccessArena();
            case RegisterKind.Context:
                return AccessContext(pointer, name, offset, size, isWrite);
            case RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket or RegisterKind.FlowKeys:
                return AccessLayout(pointer, name, offset, size, isWrite);
            default:
                throw Stop.Reject(CheckFamily.Dereference, $"{pointer.Describe()} ({name}) is no memory a program may touch");
        }
    }

    private int SizeOf(in RegisterState pointer) => pointer.Kind == RegisterKind.MapKey ? (int)_scope.Maps[pointer.Map].KeySize : pointer.MemorySize;

    private RegisterState AccessMapValue(RegisterState pointer, string name, int offset, int size, bool isWrite, in RegisterState value)
    {
        LinkedMap map = _scope.Maps[pointer.Map];
        RequireMapAccess(map, isWrite);
        RequireInside(pointer, name, offset, size, (int)map.ValueSize, mayBeEmpty: false);
        if (RequireNotSpecial(map, pointer, name, offset, size, isDirect: true) is { } kernelPointer)
        {
            return AccessKptr(map, kernelPointer, name, isWrite, value);
        }

        long place = pointer.Offset + offset + (long)pointer.Number.Value;
        if (!isWrite && map.IsFrozen && map.DataSection != DataSectionKind.None && pointer.Number.IsConstant)
        {
            // Constant data is known.
            Span<byte> bytes = stackalloc byte[8];
            bytes.Clear();
            ReadOnlySpan<byte> data = map.InitialData.Span;
            if (place + size <= data.Length)
            {
                data.Slice((int)place, size).CopyTo(bytes);
            }

            return RegisterState.Constant(BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        }

        return RegisterState.Bytes(size);
    }

    private static void RequireMapAccess(LinkedMap map, bool isWrite)
    {
        const uint readOnlyForPrograms = 1 << 7;
        const uint writeOnlyForPrograms = 1 << 8;
        if (isWrite ? (map.Flags & readOnlyForPrograms) != 0 : (map.Flags & writeOnlyForPrograms) != 0)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"programs cannot {(isWrite ? "write" : "read")} map '{map.Name}'");
        }
    }

    /// <summary>The least and the largest place must be inside; between them all are.</summary>
    private static void RequireInside(in RegisterState pointer, string name, int offset, int size, int memory, bool mayBeEmpty)
    {
        long place = (long)pointer.Offset + offset;
        long least = pointer.Number.Wide.SMin;
        if (least < 0 && (least == long.MinValue || least + place < 0))
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"the offset in {pointer.Describe()} ({name}) may be negative, down to {least}: use an unsigned index or check that it is not below 0");
        }

        RequireInside(pointer, name, place + least, size, memory, mayBeEmpty);
        if (pointer.Number.Wide.UMax >= MaximumOffset)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"the offset in {pointer.Describe()} ({name}) has no upper bound: check it before it is used");
        }

        RequireInside(pointer, name, place + (long)pointer.Number.Wide.UMax, size, memory, mayBeEmpty);
    }

    private static void RequireInside(in RegisterState pointer, string name, long place, int size, int memory, bool mayBeEmpty)
    {
        if (place < 0 || (size == 0 && !mayBeEmpty) || place + size > memory)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"{Bytes(place, size)} of {pointer.Describe()} ({name}) {(size == 1 ? "is" : "are")} not inside its {memory}");
        }
    }

    /// <summary>The first and the last byte of an access.</summary>
    private static string Bytes(long place, long size) => size == 1 ? $"byte {place}" : $"bytes {place} to {place + Math.Max(size, 1) - 1}";

    private static void RequirePacket(in RegisterState pointer, string name, int offset, int size, bool mayBeEmpty)
    {
        if (pointer.Number.Wide.SMin < 0)
        {
            throw Stop.Reject(CheckFamily.PacketBounds, $"the offset in {pointer.Describe()} ({name}) may be negative: use an unsigned number");
        }

        long place = (long)pointer.Offset + offset;
        if (place < 0 || (size == 0 && !mayBeEmpty) || place + size > pointer.Range)
        {
            throw Stop.Reject(CheckFamily.PacketBounds, pointer.Range == 0
                ? $"{Bytes(place, size)} of the packet ({name}) {(size == 1 ? "is" : "are")} used, but no comparison with the packet's end shows that so many are there"
                : $"{Bytes(place, size)} of the packet ({name}) {(size == 1 ? "is" : "are")} used, but a comparison shows only {pointer.Range}");
        }
    }

    private RegisterState AccessContext(RegisterState pointer, string name, int offset, int size, bool isWrite)
    {
        if (!pointer.Number.IsConstant || pointer.Number.Value != 0 || pointer.Offset != 0)
        {
            throw Stop.Reject(CheckFamily.ContextAccess, pointer.Number.IsConstant
                ? $"{name} is the context moved by {pointer.Offset + (long)pointer.Number.Value} bytes: fields are read through the pointer as it was handed in"
                : $"{name} is the context moved by a number that is not constant");
        }

        if (_scope.Context is not { } layout)
        {
            return isWrite
                ? throw Stop.Reject(CheckFamily.ContextAccess, "the arguments of what is traced cannot be written")
                : _scope.TypedContext.Argument(offset, size);
        }

        return Field(layout, _scope.ContextUsers, offset, size, isWrite, CheckFamily.ContextAccess);
    }

    private RegisterState AccessLayout(RegisterState pointer, string name, int offset, int size, bool isWrite)
    {
        ContextLayout layout = pointer.Kind switch
        {
            RegisterKind.Socket => ContextLayout.Socket,
            RegisterKind.SocketCommon => ContextLayout.SocketCommon,
            RegisterKind.TcpSocket => ContextLayout.TcpSocket,
            RegisterKind.XdpSocket => ContextLayout.XdpSocket,
            _ => ContextLayout.FlowKeys,
        };
        return pointer.Number.Wide.SMin < 0 || !pointer.Number.IsConstant
            ? throw Stop.Reject(CheckFamily.MemoryBounds, $"the offset in {pointer.Describe()} ({name}) is not constant")
            : Field(layout, ContextUsers.Owner, pointer.Offset + offset + (int)pointer.Number.Value, size, isWrite, CheckFamily.MemoryBounds);
    }

    private RegisterState Field(ContextLayout layout, ContextUsers users, int offset, int size, bool isWrite, CheckFamily family)
    {
        if (layout.FieldAt(offset) is not { } field || !layout.Allows(users, offset, size, isWrite))
        {
            string what = layout.FieldAt(offset) is { } found ? $"field '{found.Name}' of {layout.Name}" : $"{layout.Name}, which has no field there,";
            throw Stop.Reject(family, $"{size} bytes at offset {offset} of {what} cannot be {(isWrite ? "written" : "read")} by this program");
        }

        PointerTraits traits = field.IsNullable ? PointerTraits.Nullable : PointerTraits.None;
        return field.Kind switch
        {
            ContextFieldKind.Scalar => RegisterState.Bytes(size),
            ContextFieldKind.PacketData => RegisterState.Pointer(RegisterKind.Packet),
            ContextFieldKind.PacketEnd => RegisterState.Pointer(RegisterKind.PacketEnd),
            ContextFieldKind.PacketMeta => RegisterState.Pointer(RegisterKind.PacketMeta),
            ContextFieldKind.Socket => RegisterState.Pointer(RegisterKind.Socket, traits),
            ContextFieldKind.SocketCommon => RegisterState.Pointer(RegisterKind.SocketCommon, traits),
            ContextFieldKind.FlowKeys => RegisterState.Pointer(RegisterKind.FlowKeys),
            ContextFieldKind.TracepointBuffer => RegisterState.Pointer(RegisterKind.TracepointBuffer),
            ContextFieldKind.BtfPointer => RegisterState.Pointer(RegisterKind.Typed, traits | PointerTraits.Trusted) with { Type = TargetType(field.TypeName).Value },
            _ => throw Stop.NotModelled($"field '{field.Name}' of {layout.Name}"),
        };
    }

    /// <summary>The old packet loads: the context in r6, the packet's bytes into r0, the program over when they are not there.</summary>
    private void LoadLegacy(Instruction instruction)
    {
        if (_scope.Type is not (ProgramType.SocketFilter or ProgramType.SchedCls or ProgramType.SchedAct))
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{_scope.Type.ToKernelName()} programs cannot use packet loads of the old kind");
        }

        RequireNoLock("an old packet load, which may end the program,");
        RequireNoSection("an old packet load, which may end the program, stands");
        if (_state.Frames.Count > 1 || _state.References.Count > 0)
        {
            throw Stop.NotModelled("old packet loads in subprograms or with references held");
        }

        if (Read(Register.R6).Kind != RegisterKind.Context)
        {
            throw Stop.Reject(CheckFamily.Dereference, "an old packet load needs the context in r6");
        }

        if (instruction.Opcode.Mode == Mode.Ind)
        {
            Read(instruction.Source);
        }

        ForgetCallerSaved();
        this[Register.R0] = RegisterState.Bytes(instruction.Opcode.Size.InBytes());
    }
}
