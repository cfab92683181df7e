using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Pointers that programs keep in map values and objects: loaded and stored whole, or exchanged by bpf_kptr_xchg where they own something.
internal sealed partial class PathWalk
{
    // Kernel types that are freed after an RCU grace period only.
    private static readonly string[] s_freedAfterRcu = ["prog_test_ref_kfunc", "cgroup", "bpf_cpumask", "task_struct", "bpf_crypto_ctx"];

    /// <summary>The type of what a field points to: one of the kernel's when the kernel has one of that name, else one of the program's.</summary>
    private (TypeId Type, bool IsLocal) PointeeOf(SpecialField field)
    {
        BtfType pointee = ObjectTypes[field.Pointee];
        TypeId kernel = _scope.TargetTypes.Find(pointee.Kind, pointee.Name);
        return kernel.IsVoid ? (field.Pointee, true) : (kernel, false);
    }

    private RegisterState AccessKptr(LinkedMap map, SpecialField field, string name, bool isWrite, in RegisterState value)
    {
        if (_code[Slot].Opcode.Mode != Mode.Mem)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"{name}: the kernel pointer at offset {field.Offset} of map '{map.Name}' is touched by plain loads and stores only");
        }

        if (!isWrite)
        {
            return LoadKptr(field);
        }

        if (field.Kind != SpecialKind.UntrustedKptr)
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"{name}: a pointer that owns what it points to is stored (offset {field.Offset} of map '{map.Name}'): exchange it with bpf_kptr_xchg");
        }

        if (_code[Slot].Opcode.Class == InstructionClass.Stx && value.IsNull)
        {
            RequirePrecise(_code[Slot].Source);
        }

        if (!value.IsNull && !FitsKptr(field, value))
        {
            throw Stop.Reject(CheckFamily.MemoryBounds, $"{value.Describe()} is stored where a pointer to struct {ObjectTypes[field.Pointee].Name} stands (offset {field.Offset} of map '{map.Name}')");
        }

        return default;
    }

    private RegisterState LoadKptr(SpecialField field)
    {
        if (field.Kind == SpecialKind.UserPointer)
        {
            return RegisterState.Pointer(RegisterKind.Memory, PointerTraits.Nullable) with { MemorySize = (int)ObjectTypes.SizeOf(field.Pointee), Id = NewId() };
        }

        (TypeId type, bool isLocal) = PointeeOf(field);
        bool isFreedAfterRcu = isLocal || Array.IndexOf(s_freedAfterRcu, _scope.TargetTypes[type].Name) >= 0;
        bool isProtected = IsInRcu && (field.Kind == SpecialKind.PerCpuKptr || (field.Kind == SpecialKind.Kptr && isFreedAfterRcu));
        PointerTraits traits = PointerTraits.Nullable | (isProtected
            ? PointerTraits.Rcu | (field.Kind == SpecialKind.PerCpuKptr ? PointerTraits.PerCpu | PointerTraits.Local : isLocal ? PointerTraits.Allocated : PointerTraits.None)
            : PointerTraits.Untrusted | (isLocal ? PointerTraits.Local : PointerTraits.None));
        return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = type.Value, Id = NewId() };
    }

    /// <summary>Whether a pointer may stand in a field: of its type, and as well vouched for as the field asks.</summary>
    private bool FitsKptr(SpecialField field, in RegisterState value)
    {
        (TypeId type, bool isLocal) = PointeeOf(field);
        PointerTraits allowed = PointerTraits.Nullable;
        if (isLocal)
        {
            allowed |= PointerTraits.Allocated | (field.Kind == SpecialKind.PerCpuKptr ? PointerTraits.PerCpu : PointerTraits.None);
        }
        else
        {
            allowed |= PointerTraits.Trusted | PointerTraits.Rcu | (field.Kind == SpecialKind.UntrustedKptr ? PointerTraits.Untrusted : PointerTraits.None);
        }

        return value.Kind == RegisterKind.Typed
            && value.IsLocalObject == isLocal
            && ((value.Traits & PointerTraits.PerCpu) != 0) == (field.Kind == SpecialKind.PerCpuKptr)
            && (value.Traits & ~allowed) == 0
            && value.Number.IsConstant && value.Number.Value == 0 && value.Offset >= 0
            && TypeMatch.Holds(isLocal ? ObjectTypes : _scope.TargetTypes, new TypeId(value.Type), value.Offset, type, isStrict: field.Kind != SpecialKind.UntrustedKptr);
    }

    /// <summary>The place whose pointer bpf_kptr_xchg exchanges.</summary>
    private void CheckKptrSlot(HelperCall call, Register register, in RegisterState value)
    {
        bool isObject = value.Kind == RegisterKind.Typed && (value.Traits & PointerTraits.Allocated) != 0
            && (value.Traits & ~(PointerTraits.Allocated | PointerTraits.NonOwning | PointerTraits.Rcu)) == 0;
        Require(isObject || (value.Kind == RegisterKind.MapValue && !value.IsNullable), call, register, value, "a place in a map value or an object");
        long place = value.Offset + (long)value.Number.Value;
        SpecialField? field = value.Number.IsConstant ? FieldsOf(value).At(place) : null;
        if (field?.Kind is not (SpecialKind.Kptr or SpecialKind.PerCpuKptr))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {call.Name} points to no kernel pointer that owns what it points to");
        }

        call.Kptr = field;
    }

    /// <summary>What is put there.</summary>
    private void CheckKptr(HelperCall call, Register register, in RegisterState value)
    {
        if (!FitsKptr(call.Kptr!, value) || value.Offset != 0 || value.IsNullable)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{Name(register)} of {call.Name} holds {value.Describe()}, not a pointer to struct {ObjectTypes[call.Kptr!.Pointee].Name}");
        }

        if (value.ReferenceId == 0)
        {
            throw Stop.Reject(CheckFamily.References, $"{Name(register)} of {call.Name} holds {value.Describe()} that the program does not own");
        }

        call.Released = value.ReferenceId;
    }

    /// <summary>What stood there: the program's now.</summary>
    private RegisterState ExchangedKptr(SpecialField field, PointerTraits traits)
    {
        (TypeId type, bool isLocal) = PointeeOf(field);
        traits |= isLocal ? PointerTraits.Allocated | (field.Kind == SpecialKind.PerCpuKptr ? PointerTraits.PerCpu : PointerTraits.None) : PointerTraits.None;
        return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = type.Value };
    }
}
