using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Tables;

/// <summary>What stands in an argument register in place of what the helper wants.</summary>
internal enum ArgumentFault
{
    None,

    /// <summary>An unknown number where a pointer is wanted, a pointer where a number is.</summary>
    WrongKind,
    Null,
    ReadOnlyMemory,
    PacketMemory,
}

/// <summary>What comes after the call.</summary>
internal enum CallEnd
{
    /// <summary>What was acquired is given back.</summary>
    Release,

    /// <summary>What was acquired is kept, to the verifier's displeasure.</summary>
    Keep,

    /// <summary>As <see cref="Release"/>, then a byte is read through a packet pointer of before the call.</summary>
    ReadPacket,
}

/// <summary>
/// Writes a program that calls a helper with arguments made from its row. Registers: r6 the context, r7 64 bytes of a map value, r8 64
/// bytes of a read-only one, r9 whatever the argument needs that another call must make.
/// </summary>
[SupportedOSPlatform("linux")]
internal sealed class HelperCallBuilder : IDisposable
{
    private const int MemorySize = 64;
    private const int GivenSize = 8;
    private const int KeySlot = -8;
    private const int DynptrSlot = -32;
    private const int PacketSlot = -40;

    private readonly MapTrial _maps = new();
    private readonly Dictionary<MapType, BpfHandle> _byType = [];
    private readonly BpfHandle _memory;
    private readonly BpfHandle _constant;
    private readonly List<Instruction> _code = [];
    private readonly List<int> _toEnd = [];
    private readonly BpfHandle _timer;
    private readonly BpfHandle _lock;
    private int? _callback;
    private bool _timed;

    public HelperCallBuilder()
    {
        _memory = MakeArray(MapCreateFlags.None);
        _constant = MakeArray(MapCreateFlags.ReadOnlyForPrograms);
        _timer = new BpfHandle(_maps.Create(MapTypeTable.Find(MapType.Array)!, 4, 16, 1, MapCreateFlags.None, MapTrial.TimerValue));
        _lock = new BpfHandle(_maps.Create(MapTypeTable.Find(MapType.Array)!, 4, 8, 1, MapCreateFlags.None, MapTrial.LockValue));
        Assert.Equal(0, BpfSyscall.MapFreeze(_constant.Descriptor));
    }

    /// <summary>A map the helper takes, or null when it takes none.</summary>
    public static MapType? MapFor(Helper helper, HelperSignature signature) =>
        signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.ConstMap)
            ? MapTypeTable.All.First(row => row.Type != MapType.StructOps && MapHelperTable.Allows(row.Type, helper.Id)).Type
            : null;

    /// <summary>Arguments whose making takes BTF of a program's own, or a place in a kernel function, are not made.</summary>
    public static bool CanMake(HelperArgument argument, TrialPlace place) => argument.Kind switch
    {
        HelperArgumentKind.PerCpuPointer or HelperArgumentKind.KptrSlot => false,
        HelperArgumentKind.BtfPointer => argument.IsNullable || argument.TypeName is "task_struct" or "seq_file",
        HelperArgumentKind.SocketCommon or HelperArgumentKind.BtfSocketCommon or HelperArgumentKind.Socket => argument.IsNullable || SocketField(place, argument) is not null,
        _ => true,
    };

    public BpfHandle Map(MapType type)
    {
        if (!_byType.TryGetValue(type, out BpfHandle? map))
        {
            int descriptor = _maps.Create(MapTypeTable.Find(type)!);
            Assert.True(descriptor >= 0, $"{type.ToKernelName()}: {Errno.Describe(-descriptor)}");
            _byType[type] = map = new BpfHandle(descriptor);
        }

        return map;
    }

    /// <param name="faulty">The index of the argument that is not as the row says.</param>
    public TrialCode Build(Helper helper, HelperSignature signature, TrialPlace place, MapType? mapType, int faulty = -1, ArgumentFault fault = ArgumentFault.None, CallEnd end = CallEnd.Release, int callbackReturns = 0)
    {
        _code.Clear();
        _toEnd.Clear();
        _callback = null;
        _timed = signature.Arguments.Any(argument => argument.Kind == HelperArgumentKind.Timer);
        _code.Add(KernelTrial.Copy(Register.R6, Register.R1));
        StoreZero(KeySlot);
        LoadMemory(Register.R7, _memory);
        LoadMemory(Register.R8, _constant);
        if (fault == ArgumentFault.PacketMemory || end == CallEnd.ReadPacket)
        {
            LoadPacket(place);
        }

        Prepare(helper, signature, place);
        bool isEmptySize = false;
        for (int i = 0; i < signature.Arguments.Count; i++)
        {
            HelperArgument argument = signature.Arguments[i];
            var register = (Register)((int)Register.R1 + i);
            if (i == faulty)
            {
                Spoil(register, argument, fault);
                isEmptySize = fault == ArgumentFault.Null && IsZeroAllowed(signature, i + 1);
                continue;
            }

            bool isSize = argument.Kind is HelperArgumentKind.ConstSizeOrZero or HelperArgumentKind.ConstSize;
            bool isEmpty = argument is { Kind: HelperArgumentKind.Memory, IsNullable: true } && IsZeroAllowed(signature, i + 1);
            if (isSize && isEmptySize)
            {
                _code.Add(KernelTrial.Move(register, 0));
            }
            else if (isEmpty)
            {
                _code.Add(KernelTrial.Move(register, 0));
            }
            else
            {
                Make(register, argument, place, mapType);
            }

            isEmptySize = isEmpty;
        }

        _code.Add(KernelTrial.Call((int)helper.Id));
        if (end != CallEnd.Keep)
        {
            Release(helper, signature);
        }

        if (end == CallEnd.ReadPacket)
        {
            _code.Add(KernelTrial.Load(8, Register.R1, Register.R10, PacketSlot));
            _code.Add(KernelTrial.Load(1, Register.R0, Register.R1, 0));
        }

        foreach (int jump in _toEnd)
        {
            _code[jump] = _code[jump] with { Offset = (short)(_code.Count - jump - 1) };
        }

        _code.AddRange(KernelTrial.Return(1));
        int? callback = null;
        if (_callback is { } load)
        {
            // The function's place is relative to the slot after the load's first.
            callback = _code.Count;
            _code[load] = _code[load].WithImmediate(_code.Count - load - 1);
            _code.AddRange(KernelTrial.Return(callbackReturns));
        }

        return new TrialCode([.. _code], callback, _maps.Types);
    }

    public void Dispose()
    {
        _maps.Dispose();
        _memory.Dispose();
        _constant.Dispose();
        _timer.Dispose();
        _lock.Dispose();
        foreach (BpfHandle map in _byType.Values)
        {
            map.Dispose();
        }
    }

    private static bool IsZeroAllowed(HelperSignature signature, int index) =>
        index < signature.Arguments.Count && signature.Arguments[index].Kind == HelperArgumentKind.ConstSizeOrZero;

    public static bool HasPacket(TrialPlace place) => PacketField(place, ContextFieldKind.PacketData) is not null;

    private static ContextField? PacketField(TrialPlace place, ContextFieldKind kind)
    {
        ContextUsers users = ContextLayout.UsersOf(place.Type, place.AttachType);
        return ContextLayout.For(place.Type)?.Fields.FirstOrDefault(field => field.Kind == kind && (field.Readers & users) != 0);
    }

    private static ContextField? SocketField(TrialPlace place, HelperArgument argument)
    {
        ContextUsers users = ContextLayout.UsersOf(place.Type, place.AttachType);
        return ContextLayout.For(place.Type)?.Fields.FirstOrDefault(field => (field.Readers & users) != 0
            && (field.Kind == ContextFieldKind.Socket || (field.Kind == ContextFieldKind.SocketCommon && argument.Kind != HelperArgumentKind.Socket)));
    }

    private static BpfHandle MakeArray(MapCreateFlags flags)
    {
        var attributes = new MapCreateAttributes { Type = (uint)MapType.Array, KeySize = 4, ValueSize = MemorySize, MaxEntries = 1, Flags = (uint)flags };
        return new BpfHandle(BpfSyscall.Call(BpfCommand.MapCreate, ref attributes));
    }

    // The values of an array of one element have an address known at load.
    private void LoadMemory(Register register, BpfHandle map) => LoadWide(register, PseudoLoad.MapValue, map.Descriptor);

    private void LoadWide(Register register, int kind, int value)
    {
        _code.Add(new Instruction(new Opcode(Opcodes.LoadImmediate64), register, (Register)kind, 0, value));
        _code.Add(default);
    }

    private void StoreZero(int slot) => _code.Add(new Instruction(new Opcode(0x7a), Register.R10, Register.R0, (short)slot, 0));

    private void Address(Register register, int slot)
    {
        _code.Add(KernelTrial.Copy(register, Register.R10));
        _code.Add(new Instruction(new Opcode(0x07), register, Register.R0, 0, slot));
    }

    private void EndIfZero(Register register)
    {
        _toEnd.Add(_code.Count);
        _code.Add(new Instruction(new Opcode(0x15), register, Register.R0, 0, 0));
    }

    // data in r2, data_end in r3; the checked pointer is kept on the stack.
    private void LoadPacket(TrialPlace place)
    {
        ContextField data = PacketField(place, ContextFieldKind.PacketData)!;
        ContextField end = PacketField(place, ContextFieldKind.PacketEnd)!;
        _code.Add(KernelTrial.Load(data.Size, Register.R2, Register.R6, data.Offset));
        _code.Add(KernelTrial.Load(end.Size, Register.R3, Register.R6, end.Offset));
        _code.Add(KernelTrial.Copy(Register.R4, Register.R2));
        _code.Add(new Instruction(new Opcode(0x07), Register.R4, Register.R0, 0, MemorySize));
        _toEnd.Add(_code.Count);
        _code.Add(new Instruction(new Opcode(0x2d), Register.R4, Register.R3, 0, 0));
        _code.Add(KernelTrial.Store(8, Register.R10, PacketSlot, Register.R2));
    }

    // Calls that make an argument come before the registers are filled.
    private void Prepare(Helper helper, HelperSignature signature, TrialPlace place)
    {
        foreach (HelperArgument argument in signature.Arguments)
        {
            switch (argument.Kind)
            {
                case HelperArgumentKind.BtfPointer when argument.TypeName == "task_struct" && !argument.IsNullable:
                    _code.Add(KernelTrial.Call((int)HelperId.GetCurrentTaskBtf));
                    _code.Add(KernelTrial.Copy(Register.R9, Register.R0));
                    break;
                case HelperArgumentKind.BtfPointer when argument.TypeName == "seq_file":
                    // struct bpf_iter_meta is the first member of every iterator's context, its first the file.
                    _code.Add(KernelTrial.Load(8, Register.R9, Register.R6, 0));
                    _code.Add(KernelTrial.Load(8, Register.R9, Register.R9, 0));
                    break;
                case HelperArgumentKind.SocketCommon or HelperArgumentKind.BtfSocketCommon or HelperArgumentKind.Socket when SocketField(place, argument) is { } field:
                    _code.Add(KernelTrial.Load(8, Register.R9, Register.R6, field.Offset));
                    EndIfZero(Register.R9);
                    break;
                case HelperArgumentKind.Timer:
                    LoadMemory(Register.R9, _timer);
                    break;
                case HelperArgumentKind.SpinLock:
                    LoadMemory(Register.R9, _lock);
                    if (helper.Id == HelperId.SpinUnlock)
                    {
                        _code.Add(KernelTrial.Copy(Register.R1, Register.R9));
                        _code.Add(KernelTrial.Call((int)HelperId.SpinLock));
                    }

                    break;
                case HelperArgumentKind.RingbufRecord:
                    LoadWide(Register.R1, PseudoLoad.MapFd, Map(MapType.Ringbuf).Descriptor);
                    _code.Add(KernelTrial.Move(Register.R2, GivenSize));
                    _code.Add(KernelTrial.Move(Register.R3, 0));
                    _code.Add(KernelTrial.Call((int)HelperId.RingbufReserve));
                    EndIfZero(Register.R0);
                    _code.Add(KernelTrial.Copy(Register.R9, Register.R0));
                    break;
                case HelperArgumentKind.Dynptr when argument.IsReleased:
                    LoadWide(Register.R1, PseudoLoad.MapFd, Map(MapType.Ringbuf).Descriptor);
                    MakeDynptr(Register.R2, GivenSize, (int)HelperId.RingbufReserveDynptr);
                    break;
                case HelperArgumentKind.Dynptr when argument.Access == HelperAccess.None:
                    _code.Add(KernelTrial.Copy(Register.R1, Register.R7));
                    MakeDynptr(Register.R2, MemorySize, (int)HelperId.DynptrFromMem);
                    break;
            }
        }
    }

    private void MakeDynptr(Register sizeRegister, int size, int helper)
    {
        _code.Add(KernelTrial.Move(sizeRegister, size));
        _code.Add(KernelTrial.Move(Register.R3, 0));
        Address(Register.R4, DynptrSlot);
        _code.Add(KernelTrial.Call(helper));
    }

    private void Make(Register register, HelperArgument argument, TrialPlace place, MapType? mapType)
    {
        switch (argument.Kind)
        {
            case HelperArgumentKind.Anything:
                _code.Add(KernelTrial.Move(register, 0));
                break;
            case HelperArgumentKind.Scalar:
                _code.Add(KernelTrial.Move(register, 1));
                break;
            case HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero or HelperArgumentKind.ConstAllocSizeOrZero:
                _code.Add(KernelTrial.Move(register, GivenSize));
                break;
            case HelperArgumentKind.Context:
                _code.Add(KernelTrial.Copy(register, Register.R6));
                break;
            case HelperArgumentKind.ConstMap:
                LoadWide(register, PseudoLoad.MapFd, (_timed ? _timer : Map(mapType!.Value)).Descriptor);
                break;
            case HelperArgumentKind.MapKey or HelperArgumentKind.MapValue or HelperArgumentKind.Memory:
                _code.Add(KernelTrial.Copy(register, Register.R7));
                break;
            case HelperArgumentKind.Stack:
                Address(register, KeySlot);
                break;
            case HelperArgumentKind.ConstString:
                _code.Add(KernelTrial.Copy(register, Register.R8));
                break;
            case HelperArgumentKind.Dynptr:
                Address(register, DynptrSlot);
                break;
            case HelperArgumentKind.Function:
                _callback = _code.Count;
                LoadWide(register, PseudoLoad.Function, 0);
                break;
            default:
                _code.Add(argument.IsNullable || !CanMake(argument, place) ? KernelTrial.Move(register, 0) : KernelTrial.Copy(register, Register.R9));
                break;
        }
    }

    private void Spoil(Register register, HelperArgument argument, ArgumentFault fault)
    {
        switch (fault)
        {
            case ArgumentFault.WrongKind when IsNumber(argument.Kind) || argument.Kind == HelperArgumentKind.Anything:
                _code.Add(KernelTrial.Copy(register, Register.R10));
                break;
            case ArgumentFault.WrongKind:
                // A number the verifier knows nothing of.
                _code.Add(KernelTrial.Load(8, register, Register.R7, 0));
                break;
            case ArgumentFault.Null:
                _code.Add(KernelTrial.Move(register, 0));
                break;
            case ArgumentFault.ReadOnlyMemory:
                _code.Add(KernelTrial.Copy(register, Register.R8));
                break;
            case ArgumentFault.PacketMemory:
                _code.Add(KernelTrial.Load(8, register, Register.R10, PacketSlot));
                break;
        }
    }

    private void Release(Helper helper, HelperSignature signature)
    {
        if (helper.Id == HelperId.SpinLock)
        {
            _code.Add(KernelTrial.Copy(Register.R1, Register.R9));
            _code.Add(KernelTrial.Call((int)HelperId.SpinUnlock));
        }

        HelperArgument? dynptr = signature.Arguments.FirstOrDefault(argument => argument is { Kind: HelperArgumentKind.Dynptr, TypeName: "ringbuf", IsReleased: false });
        if (dynptr is not null)
        {
            Address(Register.R1, DynptrSlot);
            _code.Add(KernelTrial.Move(Register.R2, 0));
            _code.Add(KernelTrial.Call((int)HelperId.RingbufDiscardDynptr));
        }

        if (!signature.Traits.HasFlag(HelperTraits.AcquiresReference))
        {
            return;
        }

        EndIfZero(Register.R0);
        _code.Add(KernelTrial.Copy(Register.R1, Register.R0));
        _code.Add(KernelTrial.Move(Register.R2, 0));
        _code.Add(KernelTrial.Call((int)(signature.Return.Kind == HelperReturnKind.RingbufRecord ? HelperId.RingbufDiscard : HelperId.SkRelease)));
    }

    internal static bool IsNumber(HelperArgumentKind kind) =>
        kind is HelperArgumentKind.Scalar or HelperArgumentKind.ConstSize or HelperArgumentKind.ConstSizeOrZero or HelperArgumentKind.ConstAllocSizeOrZero;
}
