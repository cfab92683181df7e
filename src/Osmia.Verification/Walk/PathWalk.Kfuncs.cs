using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Calls of kernel functions: who may call them, what they do to the state, what they leave in r0.
internal sealed partial class PathWalk
{
    private const int MaximumPerCpuObject = 512;

    private int CallKfunc(Instruction instruction)
    {
        if (instruction.Immediate == 0)
        {
            // A function the linker left out: reached, it does nothing.
            ForgetCallerSaved();
            return Slot + 1;
        }

        KfuncPrototype kfunc = _scope.Kfuncs.Of(instruction);
        RequireCallable(kfunc);
        if (!IsAllowedWithLock(kfunc.Special, kfunc.Name))
        {
            RequireNoLock($"{kfunc.Name} is called");
        }

        var call = new KfuncCall(kfunc);
        PathState? failed = kfunc.Special is SpecialKfunc.ResilientLock or SpecialKfunc.ResilientLockIrqSave ? _state.Copy() : null;
        for (int i = 0; i < kfunc.Parameters.Length; i++)
        {
            i += CheckKfuncArgument(call, i);
        }

        if (kfunc.Has(KfuncTraits.Releases) && call.Released == 0)
        {
            throw Stop.Reject(CheckFamily.References, $"{kfunc.Name} releases a reference, and none is passed to it");
        }

        if (failed is not null)
        {
            FailResilientLock(failed);
        }

        WalkKfuncCallback(call);
        EnterOrLeave(call);
        if (call.Released != 0)
        {
            ReleaseReference(call.Released, kfunc.Name);
        }

        GiveToGraph(call);
        if (kfunc.Special == SpecialKfunc.Throw)
        {
            return Throw();
        }

        RegisterState result = ResultOf(call);
        ForgetCallerSaved();
        this[Register.R0] = result;
        if (kfunc.Has(KfuncTraits.ChangesPacket))
        {
            ForgetPacket();
        }

        if (kfunc.Has(KfuncTraits.IteratorNext))
        {
            BranchIteration(call);
        }

        return Slot + 1;
    }

    private void RequireCallable(KfuncPrototype kfunc)
    {
        if (!kfunc.Facts.AllowsCaller(_scope.Type, _scope.AttachType))
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{_scope.Type.ToKernelName()} programs cannot call {kfunc.Name}");
        }

        switch (kfunc.Special)
        {
            case SpecialKfunc.Trap:
                throw Stop.Reject(CheckFamily.Encoding, "__bpf_trap stands where the compiler found undefined behaviour, such as a variable that is not initialised");
            case SpecialKfunc.XdpMetadata:
                throw Stop.Reject(CheckFamily.Allowance, $"{kfunc.Name} is for programs that are bound to a device");
            case SpecialKfunc.IteratorCssTaskNew when !(MaySleep || _scope.Type == ProgramType.Lsm || _scope.AttachType == AttachType.TraceIter):
                throw Stop.Reject(CheckFamily.Allowance, $"{kfunc.Name} is for lsm programs, iterators and programs that may sleep");
        }

        if (kfunc.Has(KfuncTraits.Sleeps) && !MaySleep)
        {
            throw Stop.Reject(CheckFamily.Allowance, $"{kfunc.Name} may sleep, and this program may not");
        }

        if (kfunc.Parameters.Length > 5)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"{kfunc.Name} has {kfunc.Parameters.Length} parameters, 5 can be passed");
        }
    }

    private static bool IsAllowedWithLock(SpecialKfunc special, string name) =>
        special is >= SpecialKfunc.ResilientLock and <= SpecialKfunc.ResilientUnlockIrqRestore or >= SpecialKfunc.RefcountAcquire and <= SpecialKfunc.TreeRight
        || name is "bpf_iter_num_new" or "bpf_iter_num_next" or "bpf_iter_num_destroy";

    private RegisterState ResultOf(KfuncCall call)
    {
        KfuncPrototype kfunc = call.Kfunc;
        BtfType type = kfunc.Result;
        if (KfuncParameter.IsNumberType(type))
        {
            return call.Kfunc.Special is SpecialKfunc.ResilientLock or SpecialKfunc.ResilientLockIrqSave
                ? RegisterState.Constant(0)
                : RegisterState.Bytes((int)type.Size);
        }

        if (type.Kind != BtfKind.Pointer)
        {
            return default;
        }

        RegisterState result = SpecialResult(call) ?? PlainResult(call, kfunc.Types.Resolve(type.ReferencedId));
        if (!result.IsPointer)
        {
            return result;
        }

        bool isNullable = kfunc.Has(KfuncTraits.ReturnsNullable) && !(kfunc.Special == SpecialKfunc.RefcountAcquire && call.IsOwningArgument);
        if (isNullable)
        {
            result.Traits |= PointerTraits.Nullable;
            result.Id = NewId();
        }

        if (kfunc.Has(KfuncTraits.Acquires))
        {
            // One id for both: found to be null, there is nothing to release.
            result.ReferenceId = isNullable ? result.Id : NewId();
            _state.References.Add(result.ReferenceId);
        }
        else if (kfunc.Special is SpecialKfunc.ListFront or SpecialKfunc.ListBack or SpecialKfunc.TreeFirst or SpecialKfunc.TreeRoot or SpecialKfunc.TreeLeft or SpecialKfunc.TreeRight)
        {
            MakeNonOwning(ref result);
        }

        if (result.Id == 0 && HasLock(result))
        {
            result.Id = NewId();
        }

        return result;
    }

    private RegisterState PlainResult(KfuncCall call, BtfType pointee)
    {
        KfuncPrototype kfunc = call.Kfunc;
        PointerTraits rcu = kfunc.Has(KfuncTraits.RcuProtected) ? PointerTraits.Rcu : PointerTraits.None;
        if (pointee.IsVoid)
        {
            return RegisterState.Unknown;
        }

        if (pointee.Kind != BtfKind.Struct)
        {
            bool isReadOnly = (call.ResultSize is null || call.IsResultReadOnly) && kfunc.Name != "bpf_session_cookie";
            long size = call.ResultSize ?? kfunc.Types.SizeOf(pointee.Id);
            return size > 0
                ? RegisterState.Pointer(RegisterKind.Memory, rcu | (isReadOnly ? PointerTraits.ReadOnly : PointerTraits.None)) with { MemorySize = (int)size, ReferenceId = call.Reference }
                : throw Stop.Reject(CheckFamily.CallArgument, $"{kfunc.Name} returns a pointer to something without a size");
        }

        PointerTraits traits = kfunc.Special == SpecialKfunc.GetKmemCache ? PointerTraits.Untrusted : rcu;
        if (kfunc.Has(KfuncTraits.IteratorNext))
        {
            traits |= (IteratorSlot(call).Traits & PointerTraits.Rcu) != 0 ? PointerTraits.Rcu : PointerTraits.Trusted;
        }

        return RegisterState.Pointer(RegisterKind.Typed, traits) with { Type = pointee.Id.Value };
    }

    private RegisterState? SpecialResult(KfuncCall call)
    {
        switch (call.Kfunc.Special)
        {
            case SpecialKfunc.ObjectNew or SpecialKfunc.PerCpuNew:
                return NewObject(call);
            case SpecialKfunc.RefcountAcquire:
                return RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Allocated) with { Type = call.ObjectType };
            case SpecialKfunc.ListPopFront or SpecialKfunc.ListPopBack or SpecialKfunc.ListFront or SpecialKfunc.ListBack
                or SpecialKfunc.TreeRemove or SpecialKfunc.TreeFirst or SpecialKfunc.TreeRoot or SpecialKfunc.TreeLeft or SpecialKfunc.TreeRight:
                return NodeOf(call);
            case SpecialKfunc.CastToKernelContext:
                return RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Trusted) with { Type = KernelContext().Value };
            case SpecialKfunc.ReadOnlyCast:
                return CastReadOnly(call);
            case SpecialKfunc.DynptrSlice or SpecialKfunc.DynptrSliceWritable:
                return SliceOf(call);
            default:
                return null;
        }
    }

    private TypeId KernelContext()
    {
        BtfType kernel = _scope.Kfuncs.Types.Resolve(_scope.Kfuncs.Context.Kernel);
        return kernel.Kind == BtfKind.Struct ? kernel.Id
            : throw Stop.Reject(CheckFamily.CallArgument, $"the context of {_scope.Type.ToKernelName()} programs stands for no structure of the kernel");
    }

    private RegisterState CastReadOnly(KfuncCall call)
    {
        BtfType type = _scope.Kfuncs.Types[(int)Math.Min(call.Constant, int.MaxValue)];
        if (call.Constant == 0)
        {
            // Memory of any size: reads of what is not there give 0.
            return RegisterState.Pointer(RegisterKind.Memory, PointerTraits.ReadOnly | PointerTraits.Untrusted);
        }

        type = _scope.Kfuncs.Types.Resolve(type.Id);
        return type.Kind is BtfKind.Struct
            ? RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Untrusted) with { Type = type.Id.Value }
            : throw Stop.Reject(CheckFamily.CallArgument, $"the target's type {call.Constant} in r2 of {call.Kfunc.Name} is no structure");
    }

    /// <summary>Gives up a reference: what points to it is no pointer any longer.</summary>
    private void ReleaseReference(int reference, string name)
    {
        if (!_state.References.Remove(reference))
        {
            throw Stop.Reject(CheckFamily.References, $"{name} releases something that was released before");
        }

        _state.ForEachRegister((ref RegisterState other) =>
        {
            if (other.ReferenceId == reference)
            {
                other = RegisterState.Unknown;
            }
        });
    }

    /// <summary>One call while it is looked at.</summary>
    private sealed class KfuncCall(KfuncPrototype kfunc)
    {
        public KfuncPrototype Kfunc { get; } = kfunc;

        /// <summary>The reference of an argument that holds one.</summary>
        public int Reference { get; set; }

        /// <summary>The reference the call gives up.</summary>
        public int Released { get; set; }

        public bool HasConstant { get; set; }

        public ulong Constant { get; set; }

        public long? ResultSize { get; set; }

        public bool IsResultReadOnly { get; set; }

        public bool HasProgram { get; set; }

        public int? Map { get; set; }

        /// <summary>Which of the maps that a map of maps may hold.</summary>
        public int MapInstance { get; set; }

        /// <summary>The first initialised dynptr among the arguments.</summary>
        public RegisterState Dynptr { get; set; }

        /// <summary>Frame and first slot of the iterator.</summary>
        public (int Frame, int Slot) Iterator { get; set; }

        /// <summary>First slot of the function to call back.</summary>
        public int Callback { get; set; }

        public bool HasCallback { get; set; }

        /// <summary>The reference that a list or tree takes over.</summary>
        public int GivenReference { get; set; }

        /// <summary>Type, in the object's BTF, of what is passed or handed out.</summary>
        public int ObjectType { get; set; }

        /// <summary>A refcounted object that the program owns was passed, which is not null.</summary>
        public bool IsOwningArgument { get; set; }

        /// <summary>The list or tree.</summary>
        public SpecialField? Root { get; set; }

        /// <summary>The type, in the object's BTF, of what the list or tree is in.</summary>
        public TypeId RootHolder { get; set; }
    }
}
