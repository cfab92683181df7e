using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Calls of helpers: arguments by the helper table, then what the call does to the state and leaves in r0.
internal sealed partial class PathWalk
{
    private const int MaximumError = 4095;

    private void CallHelper(int id)
    {
        Helper helper = HelperTable.Find(id) ?? throw Stop.Reject(CheckFamily.Allowance, $"there is no helper {id}");
        string name = "bpf_" + helper.Name;
        HelperSignature signature = helper.SignatureFor(_scope.Type, _scope.AttachType)
            ?? throw Stop.Reject(CheckFamily.Allowance, $"{_scope.Type.ToKernelName()} programs cannot call {name}");
        if (signature.IsGplOnly && !_scope.IsGplCompatible)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{name} is for programs with a GPL-compatible license only");
        }

        RequireModelled(signature, name);
        var call = new HelperCall(helper, signature, name);
        for (int i = 0; i < signature.Arguments.Count; i++)
        {
            CheckArgument(call, i);
        }

        Release(call);
        if (helper.Id == HelperId.TailCall)
        {
            if (_state.References.Count > 0)
            {
                throw Stop.Reject(CheckFamily.References, $"{name} leaves the program while it holds a reference: release it first");
            }

            _stack.NoteTailCall(_state.Current.Function);
            RequirePrecise(Register.R3);
        }

        if ((signature.Traits & HelperTraits.ChangesPacket) != 0)
        {
            ForgetPacket();
        }

        RegisterState result = ResultOf(call);
        ForgetCallerSaved();
        this[Register.R0] = result;
    }

    private static void RequireModelled(HelperSignature signature, string name)
    {
        if ((signature.Traits & (HelperTraits.CallsCallback | HelperTraits.DefersCallback | HelperTraits.MaySleep)) != 0)
        {
            throw Stop.NotModelled($"callbacks and sleeping helpers ({name})");
        }

        // The kernel reads the format and holds the arguments against it.
        if (signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.ConstString) && name != "bpf_strncmp")
        {
            throw Stop.NotModelled($"formats ({name})");
        }
    }

    private void CheckArgument(HelperCall call, int index)
    {
        HelperArgument argument = call.Signature.Arguments[index];
        var register = (Register)(index + 1);
        RegisterState value = Read(register);
        if (argument.IsNullable && value.IsNull)
        {
            RequirePrecise(register);
            return;
        }

        switch (argument.Kind)
        {
            case HelperArgumentKind.Anything:
                return;
            case HelperArgumentKind.Scalar:
                Require(value.IsNumber, call, register, value, "a number");
                return;
            case HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero:
                Require(value.IsNumber, call, register, value, "a number");
                CheckSize(call, index, value, argument.Kind == HelperArgumentKind.ConstSizeOrZero);
                return;
            case HelperArgumentKind.ConstAllocSizeOrZero:
                Require(value.IsConstant, call, register, value, "a constant number");
                RequirePrecise(register);
                call.Size = (int)Math.Min(value.Number.Value, MaximumOffset);
                return;
            case HelperArgumentKind.Context:
                Require(value.Kind == RegisterKind.Context && !value.IsNullable && value.Offset == 0 && value.Number.IsConstant && value.Number.Value == 0, call, register, value, "the context as it was handed in");
                return;
            case HelperArgumentKind.ConstMap:
                Require(value.Kind == RegisterKind.Map && !value.IsNullable, call, register, value, "a map");
                CheckMap(call, value.Map);
                return;
            case HelperArgumentKind.MapKey:
                call.Key = ConstantKey(value, (int)_scope.Maps[call.Map].KeySize);
                CheckMemory(call, register, value, (int)_scope.Maps[call.Map].KeySize, argument.Access, mayBeEmpty: false);
                return;
            case HelperArgumentKind.MapValue:
                CheckMemory(call, register, value, (int)_scope.Maps[call.Map].ValueSize, argument.Access, mayBeEmpty: false);
                return;
            case HelperArgumentKind.Memory:
                RequireMemory(call, register, value);
                if (argument.Size > 0)
                {
                    CheckMemory(call, register, value, argument.Size, argument.Access, mayBeEmpty: false);
                }

                return;
            case HelperArgumentKind.Stack:
                Require(value.Kind == RegisterKind.Stack, call, register, value, "a pointer into the stack");
                return;
            case HelperArgumentKind.RingbufRecord:
                Require(value.Kind == RegisterKind.Memory && (value.Traits & PointerTraits.RingRecord) != 0 && !value.IsNullable && value.Offset == 0 && value.ReferenceId != 0,
                    call, register, value, "what bpf_ringbuf_reserve returned");
                call.Released = value.ReferenceId;
                return;
            case HelperArgumentKind.SocketCommon or HelperArgumentKind.BtfSocketCommon or HelperArgumentKind.Socket:
                Require(!value.IsNullable && (value.Kind == RegisterKind.Socket
                    || (argument.Kind == HelperArgumentKind.BtfSocketCommon && IsTypedArgument(value, "sock_common", isStrict: argument.IsReleased && call.Helper.Id != HelperId.SkRelease))
                    || (argument.Kind != HelperArgumentKind.Socket && value.Kind is RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket)), call, register, value, "a socket");
                call.Socket = value;
                if (argument.IsReleased)
                {
                    Require(value.ReferenceId != 0, call, register, value, "a socket that a helper handed out to be released");
                    call.Released = value.ReferenceId;
                }

                return;
            case HelperArgumentKind.ConstString:
                CheckText(call, register, value);
                return;
            case HelperArgumentKind.BtfPointer:
                CheckTypedArgument(call, argument, register, value);
                return;
            case HelperArgumentKind.PerCpuPointer:
                Require(value.Kind == RegisterKind.Typed && (value.Traits & ~(PointerTraits.Rcu | PointerTraits.Trusted)) == PointerTraits.PerCpu, call, register, value, "a per-CPU variable of the kernel");
                call.PerCpuType = value.Type;
                return;
            default:
                throw Stop.NotModelled($"{argument.Kind} arguments ({call.Name})");
        }
    }

    private void CheckMap(HelperCall call, int index)
    {
        LinkedMap map = _scope.Maps[index];
        call.Map = index;
        bool sockmap = map.Type is MapType.Sockmap or MapType.Sockhash && call.Helper.Id is HelperId.MapUpdateElem or HelperId.MapDeleteElem;
        if (!MapHelperTable.Allows(map.Type, call.Helper.Id) || (sockmap && !MapHelperTable.MayChangeSockmap(_scope.Type, _scope.AttachType, call.Helper.Id)))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{call.Name} does not take maps of type {map.Type.ToKernelName()} ('{map.Name}')");
        }

        if (call.Helper.Id is HelperId.MapUpdateElem or HelperId.MapDeleteElem or HelperId.MapPushElem or HelperId.MapPopElem)
        {
            RequireMapAccess(map, isWrite: true);
        }

        if (call.Helper.Id is HelperId.MapLookupElem or HelperId.MapPeekElem)
        {
            RequireMapAccess(map, isWrite: false);
        }
    }

    /// <summary>A size says how much of the memory before it the helper touches.</summary>
    private void CheckSize(HelperCall call, int index, in RegisterState size, bool mayBeEmpty)
    {
        var register = (Register)(index + 1);
        RequirePrecise(register);
        if (size.Number.Wide.SMin < 0)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"the size in {Name(register)} of {call.Name} may be negative: use an unsigned number, or var &= const");
        }

        if (size.Number.Wide.UMin == 0 && !mayBeEmpty)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"the size in {Name(register)} of {call.Name} may be zero");
        }

        if (size.Number.Wide.UMax >= MaximumOffset)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"the size in {Name(register)} of {call.Name} has no upper bound: check it, or var &= const");
        }

        var memory = (Register)index;
        RegisterState pointer = Read(memory);
        HelperArgument argument = call.Signature.Arguments[index - 1];
        if (pointer.IsNull && argument.IsNullable)
        {
            RequirePrecise(memory);
            if (size.Number.Wide.UMax != 0)
            {
                throw Stop.Reject(CheckFamily.CallArgument, $"{Name(memory)} of {call.Name} is null, and the size in {Name(register)} is not zero");
            }

            return;
        }

        call.Size = (int)size.Number.Wide.UMax;
        CheckMemory(call, memory, pointer, (int)size.Number.Wide.UMax, argument.Access, mayBeEmpty);
    }

    private static void RequireMemory(HelperCall call, Register register, in RegisterState value) => Require(
        !value.IsNullable && ((value.Kind is RegisterKind.Stack or RegisterKind.MapValue or RegisterKind.MapKey or RegisterKind.Memory or RegisterKind.Buffer && !IsUntrustedMemory(value))
            || value is { Kind: RegisterKind.Typed, Traits: PointerTraits.Trusted }
            || (value.IsPacketPointer && (call.Signature.Traits & HelperTraits.TakesPacketMemory) != 0)),
        call,
        register,
        value,
        value.IsPacketPointer ? "memory outside of the packet" : "memory");

    private void CheckMemory(HelperCall call, Register register, RegisterState pointer, int size, HelperAccess access, bool mayBeEmpty)
    {
        RequireMemory(call, register, pointer);
        CheckMemory(pointer, $"{Name(register)} of {call.Name}", size, access is HelperAccess.Write or HelperAccess.ReadWrite, mayBeEmpty);
    }

    private void CheckMemory(RegisterState pointer, string name, int size, bool writes, bool mayBeEmpty)
    {
        switch (pointer.Kind)
        {
            case RegisterKind.Stack:
                TouchStack(pointer, name, size, writes, mayBeEmpty);
                return;
            case RegisterKind.MapValue:
                RequireMapAccess(_scope.Maps[pointer.Map], isWrite: writes);
                RequireInside(pointer, name, 0, size, (int)_scope.Maps[pointer.Map].ValueSize, mayBeEmpty);
                _scope.RequirePlain(_scope.Maps[pointer.Map]);
                return;
            case RegisterKind.Packet or RegisterKind.PacketMeta:
                if (writes && !VerificationScope.MayWritePacket(_scope.Type))
                {
                    throw Stop.Reject(CheckFamily.Allowance, $"{_scope.Type.ToKernelName()} programs cannot have the packet written ({name})");
                }

                RequirePacket(pointer, name, 0, size, mayBeEmpty);
                return;
            case RegisterKind.Buffer:
                RequireInBuffer(pointer, name, 0, writes);
                return;
            case RegisterKind.Typed:
                CheckTypedMemory(pointer, name, size, writes);
                return;
            case not (RegisterKind.Memory or RegisterKind.MapKey):
                throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {pointer.Describe()}, not memory");
            default:
                if (writes && pointer.IsReadOnly)
                {
                    throw Stop.Reject(CheckFamily.MemoryBounds, $"{name} can only be read");
                }

                RequireInside(pointer, name, 0, size, SizeOf(pointer), mayBeEmpty);
                return;
        }
    }

    private void TouchStack(in RegisterState pointer, string name, int size, bool writes, bool mayBeEmpty)
    {
        if (size == 0)
        {
            if (!mayBeEmpty)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{name} has no bytes");
            }

            return;
        }

        Frame frame = _state.Frames[pointer.Frame];
        long least = pointer.Offset + pointer.Number.Wide.SMin;
        long most = pointer.Offset + pointer.Number.Wide.SMax;
        if (pointer.Number.Wide.SMin <= -MaximumOffset || pointer.Number.Wide.SMax >= MaximumOffset || least < -Frame.StackSize || most + size > 0)
        {
            throw Stop.Reject(CheckFamily.StackUse, $"bytes {least} to {most + size} from the frame pointer ({name}) are not on the stack, which has {Frame.StackSize} below it");
        }

        frame.Reach((int)least);
        for (int at = (int)least; writes && at < most + size; at++)
        {
            (int slot, int index) = Frame.Place(at);
            frame.Stack[slot].Break();
            frame.Stack[slot].Set(index, StackByte.Misc);
        }
    }

    private void CheckText(HelperCall call, Register register, in RegisterState value)
    {
        Require(value.Kind == RegisterKind.MapValue && !value.IsNullable && value.Number.IsConstant, call, register, value, "text in read-only data");
        LinkedMap map = _scope.Maps[value.Map];
        Require(map.IsFrozen, call, register, value, "text in read-only data");
        long place = value.Offset + (long)value.Number.Value;
        ReadOnlySpan<byte> data = map.InitialData.Span;
        bool ends = place >= 0 && (place < data.Length ? data[(int)place..].Contains((byte)0) || data.Length < map.ValueSize : place < map.ValueSize);
        if (!ends)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {call.Name} is no text that ends with a zero byte");
        }
    }

    private void Release(HelperCall call)
    {
        if (call.Released == 0)
        {
            return;
        }

        if (!_state.References.Remove(call.Released))
        {
            throw Stop.Reject(CheckFamily.References, $"{call.Name} releases something that was released before");
        }

        int released = call.Released;
        _state.ForEachRegister((ref RegisterState other) =>
        {
            if (other.ReferenceId == released)
            {
                other = RegisterState.Unknown;
            }
        });
    }

    private void ForgetPacket() => _state.ForEachRegister((ref RegisterState other) =>
    {
        if (other.Kind is RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.PacketEnd)
        {
            other = RegisterState.Unknown;
        }
    });

    /// <summary>A key of four bytes that stands on the stack as a constant, else null.</summary>
    private uint? ConstantKey(in RegisterState key, int size)
    {
        long place = key.Offset + (long)key.Number.Value;
        if (size != sizeof(uint) || key.Kind != RegisterKind.Stack || !key.Number.IsConstant || place is >= 0 or < -Frame.StackSize || place % sizeof(uint) != 0)
        {
            return null;
        }

        Frame frame = _state.Frames[key.Frame];
        (int slot, int index) = Frame.Place((int)place);
        if (slot >= frame.Stack.Length)
        {
            return null;
        }

        if (AllZero(frame, (int)place, size, out ulong spills) && spills == 0)
        {
            return 0;
        }

        // The kernel takes the key from a spilled number of its size only.
        ref StackSlot stack = ref frame.Stack[slot];
        if (index != 0 || stack.SpilledSize != size || !stack.Spilled.IsConstant)
        {
            return null;
        }

        RequirePreciseSlots(frame, 1UL << slot);
        return (uint)stack.Spilled.Number.Value;
    }

    /// <summary>Arrays have every element below their size: a lookup by a constant index is never null (Linux 6.14).</summary>
    private bool IsSurelyThere(HelperCall call) =>
        call.Helper.Id == HelperId.MapLookupElem && _scope.Maps[call.Map] is { Type: MapType.Array or MapType.PercpuArray } map && call.Key < map.MaxEntries;

    private RegisterState ResultOf(HelperCall call)
    {
        HelperReturn returned = call.Signature.Return;
        PointerTraits traits = returned.IsNullable && !IsSurelyThere(call) ? PointerTraits.Nullable : PointerTraits.None;
        RegisterState result = returned.Kind switch
        {
            HelperReturnKind.Void => default,
            HelperReturnKind.Integer => RegisterState.Of(RangeOf(call)),
            HelperReturnKind.MapValue => Element(call.Map, traits),
            HelperReturnKind.Socket => RegisterState.Pointer(RegisterKind.Socket, traits),
            HelperReturnKind.SocketCommon => RegisterState.Pointer(RegisterKind.SocketCommon, traits),
            HelperReturnKind.TcpSocket => RegisterState.Pointer(RegisterKind.TcpSocket, traits),
            HelperReturnKind.RingbufRecord => RegisterState.Pointer(RegisterKind.Memory, traits | PointerTraits.RingRecord) with { MemorySize = call.Size },
            HelperReturnKind.BtfPointer => RegisterState.Pointer(RegisterKind.Typed, traits | (returned.IsTrusted ? PointerTraits.Trusted : PointerTraits.None)) with { Type = TargetType(returned.TypeName).Value },
            HelperReturnKind.PerCpuData => PerCpuData(call.PerCpuType, traits),
            _ => throw Stop.NotModelled($"what {call.Name} returns"),
        };
        if (result.IsNullable)
        {
            result.Id = NewId();
        }

        if ((call.Signature.Traits & HelperTraits.AcquiresReference) != 0)
        {
            result.ReferenceId = NewId();
            _state.References.Add(result.ReferenceId);
        }
        else if ((call.Signature.Traits & HelperTraits.CastsPointer) != 0)
        {
            result.ReferenceId = call.Socket.ReferenceId;
        }

        return result;
    }

    private RegisterState Element(int map, PointerTraits traits)
    {
        MapType type = _scope.Maps[map].Type;
        return type switch
        {
            MapType.ArrayOfMaps or MapType.HashOfMaps => RegisterState.Pointer(RegisterKind.Map, traits) with { Map = _scope.InnerMapOf(map) },
            MapType.Xskmap => RegisterState.Pointer(RegisterKind.XdpSocket, traits),
            MapType.Sockmap or MapType.Sockhash => throw Stop.NotModelled("lookups in sockmaps"),
            _ => RegisterState.Pointer(RegisterKind.MapValue, traits) with { Map = map },
        };
    }

    private static Scalar RangeOf(HelperCall call) => call.Helper.Id switch
    {
        HelperId.GetStack or HelperId.GetTaskStack or HelperId.ProbeReadStr or HelperId.ProbeReadKernelStr or HelperId.ProbeReadUserStr =>
            new Scalar(Tnum.Unknown, Interval<ulong, long>.OfSigned(-MaximumError, call.Size), Interval<uint, int>.OfSigned(-MaximumError, call.Size)).Synchronize(),
        _ => Scalar.Unknown,
    };

    private static void Require(bool isMet, HelperCall call, Register register, in RegisterState value, string wanted)
    {
        if (!isMet)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {call.Name} holds {value.Describe()}, not {wanted}");
        }
    }

    /// <summary>One call while it is looked at: what its arguments say of each other and of the result.</summary>
    private sealed class HelperCall(Helper helper, HelperSignature signature, string name)
    {
        public Helper Helper { get; } = helper;

        public HelperSignature Signature { get; } = signature;

        public string Name { get; } = name;

        public int Map { get; set; }

        public int Size { get; set; }

        public int Released { get; set; }

        public uint? Key { get; set; }

        public RegisterState Socket { get; set; }

        /// <summary>The target's type of the per-CPU variable that was passed.</summary>
        public int PerCpuType { get; set; }
    }
}
