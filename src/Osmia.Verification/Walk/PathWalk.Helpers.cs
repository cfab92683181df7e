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
        (Helper helper, HelperSignature signature) = _scope.HelperFor(id);
        string name = (int)helper.Id < Helper.FirstOwnId ? "bpf_" + helper.Name : helper.Name;
        if (signature.IsGplOnly && !_scope.IsGplCompatible)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{name} is for programs with a GPL-compatible license only");
        }

        if (helper.Id is not (HelperId.SpinUnlock or HelperId.KptrXchg))
        {
            RequireNoLock($"{name} is called");
        }

        RequireSleep(signature, name);
        var call = new HelperCall(helper, signature, name);
        for (int i = 0; i < signature.Arguments.Count; i++)
        {
            CheckArgument(call, i);
        }

        Release(call);
        if (helper.Id == HelperId.GetLocalStorage)
        {
            RequirePrecise(Register.R2);
            Require(Read(Register.R2).IsNull, call, Register.R2, Read(Register.R2), "0, the only flags there are");
        }

        if (helper.Id == HelperId.Snprintf)
        {
            CheckFormat(call);
        }

        if (helper.Id == HelperId.TailCall)
        {
            if (_state.References.Count > 0)
            {
                throw Stop.Reject(CheckFamily.References, $"{name} leaves the program while it holds a reference: release it first");
            }

            RequireNoSection($"{name} leaves the program");
            _stack.NoteTailCall(_state.Current.Function);
            RequirePrecise(Register.R3);
            ReturnByTailCall();
        }

        // A tail call that fails has changed nothing; one that succeeds returns to the callers of this function.
        if (((signature.Traits & HelperTraits.ChangesPacket) != 0 && helper.Id != HelperId.TailCall)
            || (helper.Id == HelperId.DynptrWrite && call.Dynptr.DynptrKind is DynptrKind.Skb or DynptrKind.SkbMeta))
        {
            ForgetPacket();
        }

        if ((signature.Traits & HelperTraits.CallsCallback) != 0)
        {
            WalkCallback(call);
        }

        if (helper.Id == HelperId.TimerSetCallback)
        {
            DeferCallback(call.Function, call.Map, maySleep: false, HelperCallback.Of(helper.Id)!);
        }

        RegisterState result = ResultOf(call);
        ForgetCallerSaved();
        this[Register.R0] = result;
    }

    private void RequireSleep(HelperSignature signature, string name)
    {
        if ((signature.Traits & HelperTraits.MaySleep) == 0)
        {
            return;
        }

        RequireSleepHere(name);
        if (!MaySleep)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{name} may sleep, and this program may not: a sleepable one has '.s' in its section's name");
        }

        if ((signature.Traits & HelperTraits.MaySleep) != 0)
        {
            RequireSleepHere(name);
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
                (call.Map, call.Instance) = (value.Map, value.Type);
                CheckMap(call, value.Map, value.Type);
                return;
            case HelperArgumentKind.MapKey or HelperArgumentKind.MapValue when value.Kind == RegisterKind.Typed:
                // The kernel takes its own objects only for memory that is marked as read.
                throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {call.Name} holds {value.Describe()}; keys and values of maps stand on the stack, in map values or in other memory of the program");
            case HelperArgumentKind.MapKey:
                call.Key = ConstantKey(value, (int)_scope.Maps[call.Map].KeySize);
                CheckMemory(call, register, value, (int)_scope.Maps[call.Map].KeySize, argument.Access, mayBeEmpty: false);
                return;
            case HelperArgumentKind.MapValue when _scope.Maps[call.Map].Type is MapType.Sockmap or MapType.Sockhash:
                CheckSocket(call, argument with { Kind = HelperArgumentKind.BtfSocketCommon }, register, value);
                return;
            case HelperArgumentKind.MapValue:
                CheckMemory(call, register, value, (int)_scope.Maps[call.Map].ValueSize, argument.Access, mayBeEmpty: false);
                return;
            case HelperArgumentKind.Memory:
                RequireMemory(call, register, argument.IsNullable ? NotNull(value) : value);
                if (argument.Size > 0)
                {
                    RequireAligned(call, argument, register, value);
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
                CheckSocket(call, argument, register, value);
                return;
            case HelperArgumentKind.KptrSlot:
                CheckKptrSlot(call, register, value);
                return;
            case HelperArgumentKind.Kptr:
                CheckKptr(call, register, value);
                return;
            case HelperArgumentKind.Dynptr:
                CheckDynptr(call, argument, register, value);
                return;
            case HelperArgumentKind.ConstString:
                CheckText(call, register, value);
                return;
            case HelperArgumentKind.Function:
                call.Function = CallbackIn(value, register, call.Name);
                return;
            case HelperArgumentKind.SpinLock:
                UseLock(value, $"{Name(register)} of {call.Name}", SpecialKind.SpinLock, isTaken: call.Helper.Id == HelperId.SpinLock);
                return;
            case HelperArgumentKind.Timer:
                FieldAt(value, $"{Name(register)} of {call.Name}", SpecialKind.Timer);
                (call.Map, call.TimerMap, call.TimerMapInstance) = (value.Map, value.Map, value.Type);
                return;
            case HelperArgumentKind.BtfPointer:
                CheckTypedArgument(call, argument, register, value);
                return;
            case HelperArgumentKind.PerCpuPointer:
                Require(value.Kind == RegisterKind.Typed && (value.Traits & ~(PointerTraits.Rcu | PointerTraits.Trusted | PointerTraits.Local)) == PointerTraits.PerCpu, call, register, value, "a per-CPU variable of the kernel");
                (call.PerCpuType, call.PerCpuIsLocal) = (value.Type, value.IsLocalObject);
                return;
            default:
                throw Stop.NotModelled($"{argument.Kind} arguments ({call.Name})");
        }
    }

    private void CheckSocket(HelperCall call, HelperArgument argument, Register register, in RegisterState value)
    {
        Require(!value.IsNullable && (value.Kind == RegisterKind.Socket
            || (argument.Kind == HelperArgumentKind.BtfSocketCommon && IsTypedArgument(value, "sock_common", isStrict: argument.IsReleased && call.Helper.Id != HelperId.SkRelease))
            || (argument.Kind != HelperArgumentKind.Socket && value.Kind is RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.XdpSocket)), call, register, value, "a socket");
        call.Socket = value;
        if (argument.IsReleased)
        {
            Require(value.ReferenceId != 0, call, register, value, "a socket that a helper handed out to be released");
            call.Released = value.ReferenceId;
        }
    }

    private void CheckMap(HelperCall call, int index, int instance)
    {
        LinkedMap map = _scope.Maps[index];
        call.Map = index;
        if (call.TimerMap is { } timers && (timers != index || call.TimerMapInstance != instance))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"the timer in r1 of {call.Name} is not in the values of the map in r2");
        }

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
        CheckMemory(call, memory, argument.IsNullable ? NotNull(pointer) : pointer, (int)size.Number.Wide.UMax, argument.Access, mayBeEmpty);
    }

    /// <summary>The helper looks itself whether there is memory.</summary>
    private static RegisterState NotNull(RegisterState pointer) => pointer with { Traits = pointer.Traits & ~PointerTraits.Nullable };

    private static void RequireAligned(HelperCall call, HelperArgument argument, Register register, in RegisterState pointer)
    {
        if (argument.IsAligned && !(pointer.Number.Bits + Tnum.Constant((ulong)(long)pointer.Offset)).IsAligned((uint)argument.Size))
        {
            throw Stop.Reject(CheckFamily.StackUse, $"{Name(register)} of {call.Name} may not be aligned to {argument.Size} bytes");
        }
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
        if (call.Helper.Id == HelperId.DynptrFromMem)
        {
            Require(pointer.Kind == RegisterKind.MapValue, call, register, pointer, "a map value");
        }

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
                RequireNotSpecial(_scope.Maps[pointer.Map], pointer, name, 0, size, isDirect: false);
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
            throw Stop.Reject(CheckFamily.StackUse, $"bytes {least} to {most + size - 1} from the frame pointer ({name}) are not on the stack, which has {Frame.StackSize} below it");
        }

        frame.Reach((int)least);
        for (int at = (int)least; at < most + size; at++)
        {
            (int slot, int index) = Frame.Place(at);
            if (frame.Stack[slot].IsObject)
            {
                throw Stop.Reject(CheckFamily.StackUse, $"{name}: bytes of {frame.Stack[slot].Spilled.Describe()} on the stack are no memory to pass");
            }

            if (!writes)
            {
                continue;
            }

            frame.Stack[slot].Break();
            frame.Stack[slot].Set(index, StackByte.Misc);
        }
    }

    private void CheckText(HelperCall call, Register register, in RegisterState value)
    {
        Require(value.Kind == RegisterKind.MapValue && !value.IsNullable, call, register, value, "text in read-only data");
        call.Text = RequireText($"{Name(register)} of {call.Name}", value);
    }

    /// <summary>Constant text that ends with a zero byte.</summary>
    /// <returns>The text without that byte.</returns>
    private byte[] RequireText(string name, in RegisterState value)
    {
        LinkedMap map = _scope.Maps[value.Map];
        if (!value.Number.IsConstant || !map.IsFrozen)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not text in read-only data");
        }

        long place = value.Offset + (long)value.Number.Value;
        byte[] data = new byte[map.ValueSize];
        map.InitialData.Span[..Math.Min(map.InitialData.Length, data.Length)].CopyTo(data);
        int end = place >= 0 && place < data.Length ? Array.IndexOf(data, (byte)0, (int)place) : -1;
        return end >= 0 ? data[(int)place..end] : throw Stop.Reject(CheckFamily.CallArgument, $"{name} is no text that ends with a zero byte");
    }

    /// <summary>The format and how many numbers there are for it.</summary>
    private void CheckFormat(HelperCall call)
    {
        RequirePrecise(Register.R5);
        ulong size = Read(Register.R5).Number.Bits.Value;
        string? problem = size % sizeof(ulong) != 0 ? $"{size} bytes of arguments are no array of numbers of eight bytes" : FormatText.Problem(call.Text, (int)(size / sizeof(ulong)));
        if (problem is not null)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{call.Name}: {problem}");
        }
    }

    private void Release(HelperCall call)
    {
        if (call.ReleasedDynptr != 0)
        {
            ReleaseDynptr(call.ReleasedDynptr, call.Name);
        }

        if (call.Released != 0)
        {
            ReleaseReference(call.Released, call.Name);
        }
    }

    /// <summary>A tail call that succeeds in a function comes back to its caller with what the other program returned, and a packet it may have changed.</summary>
    private void ReturnByTailCall()
    {
        Frame callee = _state.Current;
        if (_state.Frames.Count == 1)
        {
            return;
        }

        if (callee.CallbackReturns is not null)
        {
            throw Stop.NotModelled("tail calls in callbacks");
        }

        PathState returned = _state.Copy();
        returned.Frames.RemoveAt(returned.Frames.Count - 1);
        returned.Registers[0] = RegisterState.Unknown;
        ForgetPacket(returned);
        Later(returned, callee.CallSlot + 1);
    }

    private void ForgetPacket() => ForgetPacket(_state);

    private static void ForgetPacket(PathState state) => state.ForEachRegister((ref RegisterState other) =>
    {
        if (other.Kind is RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.PacketEnd || (other.Traits & PointerTraits.PacketSlice) != 0)
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

        // The kernel takes the key from a spilled number of whose bytes as many stand from the key's place on as the key has. In the upper
        // half of a small number stands 0: what is below it is a key that is there, too.
        ref StackSlot stack = ref frame.Stack[slot];
        if (stack.SpilledSize - index != size || !stack.Spilled.IsConstant || stack.Spilled.Number.Value > uint.MaxValue)
        {
            return null;
        }

        RequirePreciseSlots(frame, 1UL << slot);
        return (uint)stack.Spilled.Number.Value;
    }

    /// <summary>Arrays have every element below their size: a lookup by a constant index is never null (Linux 6.14).</summary>
    private bool IsSurelyThere(HelperCall call) =>
        _scope.IsAtLeast(6, 14) && call.Helper.Id == HelperId.MapLookupElem && _scope.Maps[call.Map] is { Type: MapType.Array or MapType.PercpuArray } map && call.Key < map.MaxEntries;

    private RegisterState ResultOf(HelperCall call)
    {
        HelperReturn returned = call.Signature.Return;
        PointerTraits traits = returned.IsNullable && !IsSurelyThere(call) ? PointerTraits.Nullable : PointerTraits.None;
        RegisterState result = returned.Kind switch
        {
            HelperReturnKind.Void => default,
            HelperReturnKind.Integer => RegisterState.Of(RangeOf(call)),
            HelperReturnKind.MapValue => Element(call.Map, call.Instance, traits),
            HelperReturnKind.Socket => RegisterState.Pointer(RegisterKind.Socket, traits),
            HelperReturnKind.SocketCommon => RegisterState.Pointer(RegisterKind.SocketCommon, traits),
            HelperReturnKind.TcpSocket => RegisterState.Pointer(RegisterKind.TcpSocket, traits),
            HelperReturnKind.Kptr => ExchangedKptr(call.Kptr!, traits),
            HelperReturnKind.DynptrMemory => RegisterState.Pointer(RegisterKind.Memory, traits) with { MemorySize = call.Size, Owner = call.Dynptr.Owner, ReferenceId = call.Dynptr.ReferenceId },
            HelperReturnKind.RingbufRecord => RegisterState.Pointer(RegisterKind.Memory, traits | PointerTraits.RingRecord) with { MemorySize = call.Size },
            HelperReturnKind.BtfPointer => RegisterState.Pointer(RegisterKind.Typed, traits | (returned.IsTrusted ? PointerTraits.Trusted : PointerTraits.None)) with { Type = TargetType(returned.TypeName).Value },
            // An object that each CPU has its own of, allocated by the program, is there for all of them.
            HelperReturnKind.PerCpuData when call.PerCpuIsLocal => RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Allocated | PointerTraits.Rcu) with { Type = call.PerCpuType },
            HelperReturnKind.PerCpuData => PerCpuData(call.PerCpuType, traits),
            _ => throw Stop.NotModelled($"what {call.Name} returns"),
        };
        if (result.IsNullable || KeepsId(result))
        {
            result.Id = NewId();
        }

        // A socket that is looked up in a map is held, as one that is looked up by its address.
        bool isHeld = call.Helper.Id == HelperId.MapLookupElem && _scope.Maps[call.Map].Type is MapType.Sockmap or MapType.Sockhash;
        if (isHeld || (call.Signature.Traits & HelperTraits.AcquiresReference) != 0)
        {
            // One id, so that what is null is told from what was made of it and is null.
            result.ReferenceId = result.Id = result.Id != 0 ? result.Id : NewId();
            _state.References.Add(result.ReferenceId);
        }
        else if ((call.Signature.Traits & HelperTraits.CastsPointer) != 0)
        {
            result.ReferenceId = call.Socket.ReferenceId;
        }

        return result;
    }

    private RegisterState Element(int map, int instance, PointerTraits traits)
    {
        MapType type = _scope.Maps[map].Type;
        return type switch
        {
            MapType.ArrayOfMaps or MapType.HashOfMaps => InnerMap(_scope.InnerMapOf(map), traits),
            MapType.Xskmap => RegisterState.Pointer(RegisterKind.XdpSocket, traits),
            MapType.Sockmap or MapType.Sockhash => RegisterState.Pointer(RegisterKind.Socket, traits),
            _ => RegisterState.Pointer(RegisterKind.MapValue, traits) with { Map = map, Type = instance },
        };
    }

    /// <summary>Each lookup may give another map: a timer must be started with the map it was found in.</summary>
    private RegisterState InnerMap(int map, PointerTraits traits)
    {
        SpecialFields fields = _scope.FieldsOf(_scope.Maps[map]);
        bool matters = fields.Has(SpecialKind.Timer) || fields.Has(SpecialKind.WorkQueue) || fields.Has(SpecialKind.TaskWork);
        return RegisterState.Pointer(RegisterKind.Map, traits) with { Map = map, Type = matters ? NewId() : 0 };
    }

    private Scalar RangeOf(HelperCall call) => call.Helper.Id switch
    {
        HelperId.GetSmpProcessorId when _scope.Target is { CpuLimit: > 0 } target => Scalar.OfUnsigned(0, (ulong)target.CpuLimit - 1),
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

        /// <summary>Which of the maps that a map of maps may hold; 0 for a map of the object.</summary>
        public int Instance { get; set; }

        /// <summary>The map whose value has the timer.</summary>
        public int? TimerMap { get; set; }

        public int TimerMapInstance { get; set; }

        /// <summary>Constant text, without the zero byte at its end.</summary>
        public byte[] Text { get; set; } = [];

        /// <summary>First slot of the callback.</summary>
        public int Function { get; set; }

        public int Size { get; set; }

        public int Released { get; set; }

        /// <summary>The reference of a dynptr that the call gives up.</summary>
        public int ReleasedDynptr { get; set; }

        /// <summary>The field whose pointer is exchanged.</summary>
        public SpecialField? Kptr { get; set; }

        /// <summary>The dynptr among the arguments.</summary>
        public RegisterState Dynptr { get; set; }

        public uint? Key { get; set; }

        public RegisterState Socket { get; set; }

        /// <summary>The target's type of the per-CPU variable that was passed.</summary>
        public int PerCpuType { get; set; }

        public bool PerCpuIsLocal { get; set; }
    }
}
