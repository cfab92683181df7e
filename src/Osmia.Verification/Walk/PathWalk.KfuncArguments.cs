using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Arguments of kernel functions: by the type of the parameter, the end of its name, and what the register holds.
internal sealed partial class PathWalk
{
    /// <returns>How many further arguments were looked at with it: 1 for memory with a size, else 0.</returns>
    private int CheckKfuncArgument(KfuncCall call, int index)
    {
        KfuncPrototype kfunc = call.Kfunc;
        KfuncParameter parameter = kfunc.Parameters[index];
        var register = (Register)(index + 1);
        if (parameter.IsProgram)
        {
            call.HasProgram = !call.HasProgram ? true : throw Stop.Reject(CheckFamily.Encoding, $"{kfunc.Name} takes the program twice");
            return 0;
        }

        if (parameter.IsIgnored)
        {
            return 0;
        }

        RegisterState value = this[register];
        if (parameter.IsNumber)
        {
            CheckKfuncNumber(call, parameter, register, value);
            return 0;
        }

        if (!parameter.IsPointer)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"parameter {index + 1} of {kfunc.Name} is neither a number nor a pointer");
        }

        Read(register);
        if (AsksForTrust(kfunc) && (value.IsNull || value.IsNullable) && !parameter.IsNullable)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {kfunc.Name} may be null: compare it with null first");
        }

        if (value.ReferenceId != 0)
        {
            call.Reference = value.ReferenceId;
            if (kfunc.Has(KfuncTraits.Releases))
            {
                call.Released = value.ReferenceId;
            }
        }

        return CheckKfuncPointer(call, index, register, value);
    }

    /// <summary>Whether kernel pointers passed to it must be ones the kernel vouches for.</summary>
    private static bool AsksForTrust(KfuncPrototype kfunc) => kfunc.Has(KfuncTraits.TrustedArguments | KfuncTraits.RcuArguments | KfuncTraits.Releases);

    private void CheckKfuncNumber(KfuncCall call, KfuncParameter parameter, Register register, in RegisterState value)
    {
        string name = $"{Name(register)} of {call.Kfunc.Name}";
        if (!value.IsNumber)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not a number");
        }

        bool isBuffer = parameter.Name is "rdonly_buf_size" or "rdwr_buf_size";
        if ((parameter.IsConstant || isBuffer) && !value.IsConstant)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} must be a constant");
        }

        if (parameter.IsConstant || isBuffer)
        {
            RequirePrecise(register);
        }

        if (parameter.IsConstant)
        {
            (call.HasConstant, call.Constant) = (true, value.Number.Value);
        }
        else if (isBuffer)
        {
            (call.ResultSize, call.IsResultReadOnly) = ((long)value.Number.Value, parameter.Name == "rdonly_buf_size");
        }
    }

    private int CheckKfuncPointer(KfuncCall call, int index, Register register, RegisterState value)
    {
        KfuncPrototype kfunc = call.Kfunc;
        KfuncParameter parameter = kfunc.Parameters[index];
        string name = $"{Name(register)} of {kfunc.Name}";
        bool hasSize = kfunc.HasSize(index) && this[register + 1].IsNumber;
        if (kfunc.Special == SpecialKfunc.CastToKernelContext || _scope.Kfuncs.IsContext(parameter.Pointee))
        {
            RequirePlainOffset(kfunc, register, value);
            Require(value.Kind == RegisterKind.Context && !value.IsNullable, name, value, "the context");
            return 0;
        }

        if (value.IsNull)
        {
            RequirePrecise(register);
        }

        if (parameter.IsNullable && value.IsNull && !hasSize)
        {
            return 0;
        }

        if (parameter.IsAllocated)
        {
            RequireVouchedFor(kfunc, register, value);
            RequirePlainOffset(kfunc, register, value);
            TakeAllocated(call, name, value);
        }
        else if (parameter.IsRefcounted)
        {
            RequirePlainOffset(kfunc, register, value);
            TakeRefcounted(call, name, value);
        }
        else if (parameter.PointsTo("bpf_dynptr"))
        {
            RequirePlainOffset(kfunc, register, value);
            CheckDynptr(call, parameter, name, value);
        }
        else if (kfunc.IsIterator(index))
        {
            RequirePlainOffset(kfunc, register, value);
            CheckIterator(call, name, value);
        }
        else if (parameter.PointsTo("bpf_list_head") || parameter.PointsTo("bpf_rb_root"))
        {
            RequirePlainOffset(kfunc, register, value);
            CheckGraphRoot(call, parameter.PointsTo("bpf_list_head") ? SpecialKind.ListHead : SpecialKind.RbRoot, name, value);
        }
        else if (parameter.PointsTo("bpf_list_node") || parameter.PointsTo("bpf_rb_node"))
        {
            RequirePlainOffset(kfunc, register, value);
            CheckGraphNode(call, parameter.PointsTo("bpf_list_node") ? SpecialKind.ListNode : SpecialKind.RbNode, name, value);
        }
        else if (parameter.IsText)
        {
            CheckKfuncText(name, value);
        }
        else if (parameter.IsMap)
        {
            CheckKfuncMap(call, register, name, value);
        }
        else if (parameter.PointsTo("bpf_wq") || parameter.PointsTo("bpf_task_work"))
        {
            RequirePlainOffset(kfunc, register, value);
            CheckDeferredField(call, parameter.PointsTo("bpf_wq") ? SpecialKind.WorkQueue : SpecialKind.TaskWork, name, value);
        }
        else if (parameter.IsIrqFlag)
        {
            RequirePlainOffset(kfunc, register, value);
            CheckIrqFlag(call, name, value);
        }
        else if (parameter.PointsTo("bpf_res_spin_lock"))
        {
            RequirePlainOffset(kfunc, register, value);
            UseResilientLock(call, name, value);
        }
        else if (value.Kind is RegisterKind.Typed or RegisterKind.Socket or RegisterKind.SocketCommon or RegisterKind.TcpSocket or RegisterKind.Map)
        {
            CheckKfuncObject(call, parameter, register, name, value);
        }
        else if (parameter.Pointee.Kind == BtfKind.FunctionPrototype)
        {
            Require(value.Kind == RegisterKind.Function, name, value, "a function of the program");
            (call.Callback, call.HasCallback) = (value.Frame, true);
        }
        else
        {
            return CheckKfuncMemory(call, index, register, name, value, hasSize);
        }

        return 0;
    }

    /// <summary>Memory the kernel knows no type of: of the parameter's size, or of the size in the next register.</summary>
    private int CheckKfuncMemory(KfuncCall call, int index, Register register, string name, RegisterState value, bool hasSize)
    {
        KfuncPrototype kfunc = call.Kfunc;
        KfuncParameter parameter = kfunc.Parameters[index];
        BtfType pointee = parameter.Pointee;
        if (!KfuncParameter.IsNumberType(pointee) && !TypeMatch.IsOfNumbers(kfunc.Types, pointee) && !(hasSize && pointee.IsVoid))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not a pointer to struct {pointee.Name}");
        }

        RequirePlainOffset(kfunc, register, value);
        if (!hasSize)
        {
            long size = kfunc.Types.SizeOf(pointee.Id);
            if (size < 0)
            {
                throw Stop.Reject(CheckFamily.CallArgument, $"{name} points to something without a size");
            }

            if (!value.IsNull)
            {
                CheckKfuncBytes(name, value, (int)size);
            }

            return 0;
        }

        RegisterState length = this[register + 1];
        KfuncParameter sizeParameter = kfunc.Parameters[index + 1];
        RequirePrecise(register + 1);
        if (!value.IsNull || !parameter.IsOptional)
        {
            if (length.Number.Wide.SMin < 0 || length.Number.Wide.UMax >= MaximumOffset)
            {
                throw Stop.Reject(CheckFamily.CallArgument, $"the size in {Name(register + 1)} of {kfunc.Name} {(length.Number.Wide.SMin < 0 ? "may be negative" : "has no upper bound")}: check it first");
            }

            CheckKfuncBytes(name, value, (int)length.Number.Wide.UMax);
        }

        if (sizeParameter.IsConstantSize)
        {
            if (!length.IsConstant)
            {
                throw Stop.Reject(CheckFamily.CallArgument, $"the size in {Name(register + 1)} of {kfunc.Name} must be a constant");
            }

            (call.HasConstant, call.Constant) = (true, length.Number.Value);
        }

        return 1;
    }

    /// <summary>The kernel may read and write what it is given.</summary>
    private void CheckKfuncBytes(string name, RegisterState value, int size)
    {
        if (size == 0 && value.IsNull)
        {
            return;
        }

        value.Traits &= ~PointerTraits.Nullable;
        if (value.Kind == RegisterKind.Context && _scope.Type == ProgramType.Syscall)
        {
            for (int i = 0; i < size; i++)
            {
                AccessContext(value, name, i, 1, isWrite: true);
            }

            return;
        }

        CheckMemory(value, name, size, writes: false, mayBeEmpty: true);
        CheckMemory(value, name, size, writes: true, mayBeEmpty: true);
    }

    private static void CheckKfuncMap(KfuncCall call, Register register, string name, in RegisterState value)
    {
        Require(value.Kind == RegisterKind.Map && !value.IsNullable, name, value, "a map");
        if (call.Map is { } map && (map != value.Map || call.MapInstance != value.Type))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"the map in {name} is not the one whose value is passed with it");
        }

        (call.Map, call.MapInstance) = (value.Map, value.Type);
        RequirePlainOffset(call.Kfunc, register, value);
    }

    /// <summary>A kernel object by its type.</summary>
    private void CheckKfuncObject(KfuncCall call, KfuncParameter parameter, Register register, string name, in RegisterState value)
    {
        KfuncPrototype kfunc = call.Kfunc;
        BtfType wanted = parameter.Pointee;
        if (wanted.Kind is not (BtfKind.Struct or BtfKind.Union))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, and the parameter is no structure");
        }

        RequireVouchedFor(kfunc, register, value);
        RequirePlainOffset(kfunc, register, value);
        if (value.Kind == RegisterKind.Typed && value.HasUnsafeTraits && (value.Traits & PointerTraits.Rcu) == 0)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()} the kernel does not vouch for");
        }

        if (value.IsLocalObject)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds an object of the program, not struct {wanted.Name}");
        }

        TypeId type = value.Kind switch
        {
            RegisterKind.Typed => new TypeId(value.Type),
            RegisterKind.Socket => _scope.Kfuncs.Structure("sock"),
            RegisterKind.SocketCommon => _scope.Kfuncs.Structure("sock_common"),
            RegisterKind.TcpSocket => _scope.Kfuncs.Structure("tcp_sock"),
            _ => _scope.Kfuncs.Structure("bpf_map"),
        };
        string has = kfunc.Types[type].Name;
        bool isStrict = kfunc.Has(KfuncTraits.Acquires) || (kfunc.Has(KfuncTraits.Releases) && value.ReferenceId != 0) || TypeMatch.IsKeptApart(has, wanted.Name);
        if (!TypeMatch.Holds(kfunc.Types, type, value.Offset, wanted.Id, isStrict) && !KfuncSet.IsProjection(wanted.Name, has))
        {
            throw Stop.Reject(CheckFamily.CallArgument, value.Offset == 0
                ? $"{name} points to struct {has}, the parameter to struct {wanted.Name}"
                : $"{name} points {value.Offset} bytes into struct {has}, where no struct {wanted.Name} begins");
        }
    }

    /// <summary>Functions that ask for it are given only what the kernel vouches for.</summary>
    private static void RequireVouchedFor(KfuncPrototype kfunc, Register register, in RegisterState value)
    {
        if (!AsksForTrust(kfunc) || value.IsTrusted)
        {
            return;
        }

        if (!kfunc.Has(KfuncTraits.RcuArguments) || (value.Traits & PointerTraits.Rcu) == 0)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {kfunc.Name} must hold a referenced or trusted pointer{(kfunc.Has(KfuncTraits.RcuArguments) ? ", or one that an RCU section protects" : "")}; it holds {value.Describe()}");
        }
    }

    /// <summary>What is released is passed as it was handed out; other objects may be pointed into by a constant.</summary>
    private static void RequirePlainOffset(KfuncPrototype kfunc, Register register, in RegisterState value)
    {
        bool isReleased = kfunc.Has(KfuncTraits.Releases) && value.ReferenceId != 0 && value.Kind != RegisterKind.Stack;
        bool isFree = value.Kind is RegisterKind.Number or RegisterKind.Stack or RegisterKind.Packet or RegisterKind.PacketMeta or RegisterKind.MapKey or RegisterKind.MapValue
            or RegisterKind.Memory or RegisterKind.Arena;
        if (isFree && !isReleased)
        {
            return;
        }

        const PointerTraits mayBeMoved = PointerTraits.Allocated | PointerTraits.Trusted | PointerTraits.Rcu | PointerTraits.NonOwning;
        bool mayMove = !isReleased && value.Kind == RegisterKind.Typed && (value.Traits & ~mayBeMoved) == 0;
        if (!value.Number.IsConstant || value.Number.Value != 0 || value.Offset < 0 || (value.Offset != 0 && !mayMove))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {kfunc.Name} holds {value.Describe()} that was moved: it is passed as it was handed out");
        }
    }

    private void CheckKfuncText(string name, in RegisterState value)
    {
        Require(value.Kind == RegisterKind.MapValue && !value.IsNullable, name, value, "text in read-only data");
        RequireText(name, value);
    }

    private static void Require(bool isMet, string name, in RegisterState value, string wanted)
    {
        if (!isMet)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not {wanted}");
        }
    }
}
