using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.KernelTypes;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Objects of the kernel by the target's BTF: loads through them, variables, arguments and results of helpers.
internal sealed partial class PathWalk
{
    private const string PerCpuSection = ".data..percpu";

    private static bool IsUntrustedMemory(in RegisterState pointer) => pointer.Kind == RegisterKind.Memory && (pointer.Traits & PointerTraits.Untrusted) != 0;

    /// <summary>A type of the target by name.</summary>
    private TypeId TargetType(string name) => _scope.TargetTypes.Find(BtfKind.Struct, name) is { IsVoid: false } found
        ? found
        : throw Stop.NotModelled($"struct {name}, which the target's types have not");

    private RegisterState AccessTyped(RegisterState pointer, string name, int offset, int size, bool isWrite)
    {
        if (!_scope.IsGplCompatible)
        {
            throw Stop.Reject(CheckFamily.Allowance, "kernel objects can be read by programs with a GPL-compatible license only");
        }

        long place = (long)pointer.Offset + offset;
        if (place < 0)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"offset {place} from {pointer.Describe()} ({name}) is negative");
        }

        if (!pointer.Number.IsConstant || pointer.Number.Value != 0)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"the offset from {pointer.Describe()} ({name}) is not constant");
        }

        if ((pointer.Traits & (PointerTraits.User | PointerTraits.PerCpu)) != 0)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"{name} points to {((pointer.Traits & PointerTraits.User) != 0 ? "user memory: read it with bpf_probe_read_user" : "per-CPU data: resolve it with bpf_per_cpu_ptr")}");
        }

        if (pointer.IsLocalObject)
        {
            return AccessObject(pointer, name, place, size, isWrite);
        }

        BtfTypes types = _scope.TargetTypes;
        if (isWrite)
        {
            WriteTyped(types, pointer, name, (int)place, size);
            return RegisterState.Bytes(size);
        }

        FoundMember found = StructWalk.Find(types, new TypeId(pointer.Type), (int)place, size);
        switch (found.Kind)
        {
            case MemberKind.PlainPointer:
                return RegisterState.Pointer(RegisterKind.Memory, PointerTraits.ReadOnly | PointerTraits.Untrusted);
            case MemberKind.Pointer:
                RegisterState member = RegisterState.Pointer(RegisterKind.Typed, _scope.Trust.Of(pointer, found, IsInRcu)) with { Type = found.Type.Value };
                return member.IsNullable ? member with { Id = NewId() } : member;
            default:
                return RegisterState.Bytes(size);
        }
    }

    private void WriteTyped(BtfTypes types, in RegisterState pointer, string name, int place, int size)
    {
        BtfType structure = types[pointer.Type];
        string callbacks = _scope.Type == ProgramType.StructOps ? _scope.TypedContext.Callbacks : "";
        if (!WritableMembers.IsKnown(_scope.Type, callbacks))
        {
            throw Stop.NotModelled($"what programs of {callbacks} may write");
        }

        if (WritableMembers.Of(_scope.Type, callbacks, structure.Name) is not { } members || !WritableMembers.Cover(types, structure, members, place, size))
        {
            throw Stop.Reject(CheckFamily.Dereference, $"{size} bytes at offset {place} of struct {structure.Name} ({name}) are written: kernel objects can only be read{(_scope.Type == ProgramType.StructOps ? ", but for a few members" : "")}");
        }
    }

    private static void RequireInBuffer(in RegisterState pointer, string name, int offset, bool isWrite)
    {
        if (isWrite && pointer.IsReadOnly)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"{pointer.Describe()} ({name}) can only be read");
        }

        if ((long)pointer.Offset + offset < 0)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"offset {(long)pointer.Offset + offset} from {pointer.Describe()} ({name}) is negative");
        }

        if (!pointer.Number.IsConstant || pointer.Number.Value != 0)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"the offset in {pointer.Describe()} ({name}) is not constant");
        }
    }

    /// <summary>The address of a variable or function of the kernel.</summary>
    private RegisterState KernelVariable(int id, int module)
    {
        if (module != 0)
        {
            throw Stop.NotModelled("variables of kernel modules");
        }

        BtfTypes types = _scope.TargetTypes;
        BtfType variable = types[id];
        if (variable.Kind == BtfKind.Function)
        {
            return RegisterState.Pointer(RegisterKind.Memory, PointerTraits.ReadOnly);
        }

        if (variable.Kind != BtfKind.Variable)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"type {id} of the target is neither a variable nor a function");
        }

        if (_scope.Target?.SymbolAddresses is { } addresses && addresses(variable.Name).Count == 0)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"the target has no address of kernel variable '{variable.Name}'");
        }

        BtfType type = types.Resolve(variable.ReferencedId);
        if (IsPerCpu(types, variable.Id))
        {
            return RegisterState.Pointer(RegisterKind.Typed, PointerTraits.PerCpu) with { Type = type.Id.Value };
        }

        if (type.Kind is BtfKind.Struct or BtfKind.Union)
        {
            return RegisterState.Pointer(RegisterKind.Typed) with { Type = type.Id.Value };
        }

        long size = types.SizeOf(type.Id);
        return size >= 0
            ? RegisterState.Pointer(RegisterKind.Memory, PointerTraits.ReadOnly) with { MemorySize = (int)size }
            : throw Stop.Reject(CheckFamily.Encoding, $"kernel variable '{variable.Name}' has a type without a size");
    }

    private static bool IsPerCpu(BtfTypes types, TypeId variable)
    {
        BtfType section = types[types.Find(BtfKind.DataSection, PerCpuSection)];
        for (int i = 0; section.Kind == BtfKind.DataSection && i < section.Count; i++)
        {
            if (section.SectionVariable(i).Type == variable)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What bpf_per_cpu_ptr and bpf_this_cpu_ptr hand out.</summary>
    private RegisterState PerCpuData(int type, PointerTraits traits)
    {
        BtfTypes types = _scope.TargetTypes;
        BtfType data = types.Resolve(new TypeId(type));
        if (data.Kind is BtfKind.Struct or BtfKind.Union)
        {
            return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = type };
        }

        long size = types.SizeOf(data.Id);
        return size >= 0
            ? RegisterState.Pointer(RegisterKind.Memory, traits | PointerTraits.ReadOnly) with { MemorySize = (int)size }
            : throw Stop.Reject(CheckFamily.CallArgument, "the per-CPU variable has a type without a size");
    }

    /// <summary>Whether helpers take a pointer as one to a structure: not null, no doubt cast on it, and the structure stands where it points.</summary>
    private bool IsTypedArgument(in RegisterState value, string wanted, bool isStrict, PointerTraits taken = PointerTraits.Trusted) =>
        value.Kind == RegisterKind.Typed
        && value.Number.IsConstant
        && value.Number.Value == 0
        && (value.Traits == PointerTraits.None || (value.Traits & taken) == value.Traits)
        && StructWalk.Leads(_scope.TargetTypes, new TypeId(value.Type), value.Offset, TargetType(wanted), isStrict);

    private void CheckTypedArgument(HelperCall call, HelperArgument argument, Register register, RegisterState value)
    {
        if (argument.IsNullable)
        {
            value.Traits &= ~PointerTraits.Nullable;
        }

        // Trusted or protected by RCU, but not both in one.
        bool fits = IsTypedArgument(value, argument.TypeName, argument.IsReleased) || IsTypedArgument(value, argument.TypeName, argument.IsReleased, PointerTraits.Rcu);
        Require(fits, call, register, value, $"a pointer to struct {argument.TypeName}");
        if (argument.IsReleased)
        {
            Require(value.ReferenceId != 0, call, register, value, "what a helper handed out to be released");
            call.Released = value.ReferenceId;
        }
    }

    /// <summary>A helper reads an object as plain bytes: it must be one member, or part of one.</summary>
    private void CheckTypedMemory(in RegisterState pointer, string name, int size, bool writes)
    {
        if (writes)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {pointer.Describe()}, and the call writes it");
        }

        if (size > 0)
        {
            AccessTyped(pointer, name, 0, size, isWrite: false);
        }
    }

    /// <summary>What the program leaves in r0 at its end, or throws from r1.</summary>
    private void CheckResult(Register register = Register.R0)
    {
        ReturnRule rule = _scope.Returns;
        if (!rule.IsRead)
        {
            return;
        }

        RegisterState result = Read(register);
        if (rule.Range is not { } range)
        {
            return;
        }

        if (!result.IsNumber)
        {
            throw Stop.Reject(CheckFamily.ReturnValue, $"the program returns {result.Describe()}, not a number from {range}");
        }

        RequirePrecise(register);
        (long least, long most) = rule.IsLowHalf ? (result.Number.Low.SMin, result.Number.Low.SMax) : (result.Number.Wide.SMin, result.Number.Wide.SMax);
        if (least < range.Minimum || most > range.Maximum)
        {
            throw Stop.Reject(CheckFamily.ReturnValue, $"the program returns a number from {least} to {most}; programs of this kind return {range}");
        }
    }

    private void RequireNoObjectReturned(in RegisterState result)
    {
        if (!_scope.Returns.ObjectType.IsVoid && _contract is null && result.ReferenceId != 0)
        {
            throw Stop.NotModelled("callbacks that return an object they hold a reference to");
        }
    }
}
