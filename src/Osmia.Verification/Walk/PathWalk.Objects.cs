using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Domains;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.KernelTypes;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Objects of the program's own types: allocated, counted, kept in lists and trees under a lock.
internal sealed partial class PathWalk
{
    private readonly Dictionary<int, SpecialFields> _objectFields = [];
    private readonly Dictionary<(TypeId Holder, int Offset), GraphRoot> _roots = [];

    private bool MaySleep => _scope.IsSleepable || _state.IsSleepingCallback;

    private BtfTypes ObjectTypes => _scope.ObjectTypes ?? throw Stop.Reject(CheckFamily.Encoding, "objects of the program need its BTF");

    /// <summary>In the function that a tree calls to compare nodes, where its lock stays taken.</summary>
    private bool IsInTreeCallback => _state.Current is { CallbackReturns: not null, CallSlot: >= 0 } frame && _code[frame.CallSlot].IsKfuncCall;

    /// <summary>Special fields of what a pointer points to.</summary>
    private SpecialFields FieldsOf(in RegisterState value)
    {
        if (value.Kind == RegisterKind.MapValue)
        {
            return _scope.FieldsOf(_scope.Maps[value.Map]);
        }

        if (!value.IsLocalObject)
        {
            return SpecialFields.None;
        }

        if (!_objectFields.TryGetValue(value.Type, out SpecialFields? known))
        {
            _objectFields[value.Type] = known = SpecialFields.Of(ObjectTypes, new TypeId(value.Type));
        }

        return known;
    }

    private bool HasLock(in RegisterState value) => FieldsOf(value).Lock is not null;

    private RegisterState NewObject(KfuncCall call)
    {
        BtfType type = ObjectTypes[(int)Math.Min(call.Constant, int.MaxValue)];
        if (type.Kind != BtfKind.Struct)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"type {call.Constant} in r1 of {call.Kfunc.Name} is no structure of the object");
        }

        RegisterState made = RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Allocated) with { Type = type.Id.Value };
        if (call.Kfunc.Special == SpecialKfunc.ObjectNew)
        {
            return made;
        }

        if (type.Size > MaximumPerCpuObject || !TypeMatch.IsOfNumbers(ObjectTypes, type) || FieldsOf(made).Any)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"struct {type.Name} cannot be allocated for each CPU: those are of numbers only and have {MaximumPerCpuObject} bytes at most");
        }

        return made with { Traits = PointerTraits.Allocated | PointerTraits.PerCpu };
    }

    private static void TakeAllocated(KfuncCall call, string name, in RegisterState value)
    {
        PointerTraits wanted = call.Kfunc.Special == SpecialKfunc.PerCpuDrop ? PointerTraits.Allocated | PointerTraits.PerCpu : PointerTraits.Allocated;
        if (value.Kind != RegisterKind.Typed || value.Traits != wanted || value.ReferenceId == 0)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not an object that the program allocated and owns");
        }
    }

    private void TakeRefcounted(KfuncCall call, string name, in RegisterState value)
    {
        if (value.Kind != RegisterKind.Typed || (value.Traits & PointerTraits.Allocated) == 0 || !FieldsOf(value).Has(SpecialKind.Refcount))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not an object of the program that is counted (bpf_refcount)");
        }

        call.IsOwningArgument = (value.Traits & PointerTraits.NonOwning) == 0;
        call.ObjectType = value.Type;
    }

    private void CheckGraphRoot(KfuncCall call, SpecialKind kind, string name, in RegisterState value)
    {
        bool isOwned = value.Kind == RegisterKind.Typed && value.Traits == PointerTraits.Allocated && value.ReferenceId != 0;
        if (!isOwned && (value.Kind != RegisterKind.MapValue || value.IsNullable))
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not a {Describe(kind)} in a map value or an object the program owns");
        }

        call.Root = FieldOf(value, kind, name);
        call.RootHolder = value.Kind == RegisterKind.MapValue ? _scope.Maps[value.Map].ValueType : new TypeId(value.Type);
        (int id, int owner) = (value.Id, OwnerOf(value));
        if (!_state.Locks.Exists(held => held.Id == id && held.Owner == owner))
        {
            throw Stop.Reject(CheckFamily.References, $"{name}: the lock beside the {Describe(kind)} is not held");
        }
    }

    private void CheckGraphNode(KfuncCall call, SpecialKind kind, string name, in RegisterState value)
    {
        bool isGiven = call.Kfunc.Special is SpecialKfunc.ListPushFront or SpecialKfunc.ListPushBack or SpecialKfunc.TreeAdd;
        bool fits = isGiven
            ? value.Kind == RegisterKind.Typed && value.Traits == PointerTraits.Allocated && value.ReferenceId != 0
            : value.Kind == RegisterKind.Typed && ((value.Traits & PointerTraits.NonOwning) != 0 || value.ReferenceId != 0) && value.IsLocalObject;
        if (!fits)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not {(isGiven ? "an object the program owns" : "a node")}");
        }

        if (!isGiven && IsInTreeCallback)
        {
            throw Stop.Reject(CheckFamily.References, $"{call.Kfunc.Name} is called while the tree compares nodes");
        }

        SpecialField node = FieldOf(value, kind, name);
        GraphRoot root = RootOf(call);
        if (value.Type != root.Element.Value || node.Offset != root.NodeOffset)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} points to a {Describe(kind)} at offset {node.Offset} of struct {ObjectTypes[value.Type].Name}; the {Describe(call.Root!.Kind)} holds those at offset {root.NodeOffset} of struct {ObjectTypes[root.Element].Name}");
        }

        call.ObjectType = value.Type;
        call.GivenReference = isGiven ? value.ReferenceId : 0;
    }

    /// <summary>The field of a kind exactly where a pointer points.</summary>
    private SpecialField FieldOf(in RegisterState value, SpecialKind kind, string name)
    {
        long place = value.Offset + (long)value.Number.Value;
        return value.Number.IsConstant && FieldsOf(value).At(place) is { } field && field.Kind == kind
            ? field
            : throw Stop.Reject(CheckFamily.CallArgument, value.Number.IsConstant ? $"{name}: no {Describe(kind)} stands at offset {place}" : $"{name} is no constant place");
    }

    private GraphRoot RootOf(KfuncCall call)
    {
        (TypeId, int) place = (call.RootHolder, call.Root!.Offset);
        if (!_roots.TryGetValue(place, out GraphRoot? root))
        {
            _roots[place] = root = GraphRoot.Of(ObjectTypes, call.RootHolder, call.Root);
        }

        return root;
    }

    /// <summary>A node of the list or tree.</summary>
    private RegisterState NodeOf(KfuncCall call)
    {
        GraphRoot root = RootOf(call);
        return RegisterState.Pointer(RegisterKind.Typed, PointerTraits.Allocated) with { Type = root.Element.Value, Offset = root.NodeOffset };
    }

    /// <summary>The list or tree owns it; the program may use it while the lock is held.</summary>
    private void MakeNonOwning(ref RegisterState node)
    {
        node.ReferenceId = 0;
        node.Traits |= PointerTraits.NonOwning | (FieldsOf(node).Has(SpecialKind.Refcount) ? PointerTraits.Rcu : PointerTraits.None);
    }

    /// <summary>What was put into a list or tree is no longer the program's to release.</summary>
    private void GiveToGraph(KfuncCall call)
    {
        int reference = call.GivenReference;
        if (reference == 0)
        {
            return;
        }

        _state.References.Remove(reference);
        _state.ForEachRegister((ref RegisterState other) =>
        {
            if (other.ReferenceId == reference)
            {
                MakeNonOwning(ref other);
            }
        });
    }

    /// <summary>The lock is given back: nodes may go away.</summary>
    private void ForgetNonOwning() => _state.ForEachRegister((ref RegisterState other) =>
    {
        if ((other.Traits & PointerTraits.NonOwning) != 0)
        {
            other = RegisterState.Unknown;
        }
    });

    private void WalkKfuncCallback(KfuncCall call)
    {
        switch (call.Kfunc.Special)
        {
            case SpecialKfunc.TreeAdd:
                WalkComparison(call);
                return;
            case SpecialKfunc.WorkQueueSetCallback:
                DeferCallback(call.Callback, call.Map ?? 0, maySleep: true, new HelperCallback([CallbackParameter.ConstMap, CallbackParameter.MapKey, CallbackParameter.MapValue], new ReturnRange(0, 0)));
                return;
            default:
                if (call.HasCallback)
                {
                    throw Stop.NotModelled($"callbacks of kernel functions ({call.Kfunc.Name})");
                }

                return;
        }
    }

    /// <summary>The tree compares two nodes, any number of times, before it takes the new one.</summary>
    private void WalkComparison(KfuncCall call)
    {
        RequireFrame();
        PathState round = _state.Copy();
        round.Current.CallbackDepth++;
        round.Rounds++;
        Widen(round);
        var frame = Frame.Create(round.Frames.Count, call.Callback, Slot, new ReturnRange(0, 1));
        RegisterState node = NodeOf(call);
        MakeNonOwning(ref node);
        frame.Registers[1] = node;
        frame.Registers[2] = node;
        round.Frames.Add(frame);
        _state.Current.CallbackDepth = 0;
        Later(round, call.Callback);
    }

    private void CheckDeferredField(KfuncCall call, SpecialKind kind, string name, in RegisterState value)
    {
        FieldAt(value, name, kind);
        (call.Map, call.MapInstance) = (value.Map, value.Type);
    }

    /// <summary>All functions end at once: what they hold would be lost, and what is thrown is what the program returns.</summary>
    private int Throw()
    {
        RequireNoLock("bpf_throw is called");
        if (_state.References.Count > 0)
        {
            throw Stop.Reject(CheckFamily.References, "bpf_throw ends the program while it holds a reference: release it first");
        }

        RequireNoSection("bpf_throw is called");
        if (_state.Frames.Exists(frame => frame.CallbackReturns is not null))
        {
            throw Stop.Reject(CheckFamily.Allowance, "bpf_throw is called in a callback: exceptions leave no function of the kernel");
        }

        if (_scope.CatchesExceptions())
        {
            throw Stop.NotModelled("functions that catch exceptions");
        }

        if (_state.Frames.Count > 1 || _contract is not null)
        {
            Read(Register.R1);
        }
        else
        {
            CheckResult(Register.R1);
        }

        return PathEnds;
    }

    private void UseResilientLock(KfuncCall call, string name, in RegisterState value)
    {
        bool isTaken = call.Kfunc.Special is SpecialKfunc.ResilientLock or SpecialKfunc.ResilientLockIrqSave;
        bool isIrq = call.Kfunc.Special is SpecialKfunc.ResilientLockIrqSave or SpecialKfunc.ResilientUnlockIrqRestore;
        UseLock(value, name, isIrq ? SpecialKind.ResilientLockIrq : SpecialKind.ResilientLock, isTaken);
    }

    /// <summary>The other way: the lock was not to be had, and nothing else happened.</summary>
    private void FailResilientLock(PathState failed)
    {
        for (int i = 0; i < FirstSaved; i++)
        {
            failed.Registers[i] = default;
        }

        failed.Registers[0] = RegisterState.Of(new Scalar(Tnum.Unknown, Interval<ulong, long>.OfSigned(-MaximumError, -1), Interval<uint, int>.OfSigned(-MaximumError, -1)).Synchronize());
        Later(failed, Slot + 1);
    }

    /// <summary>A load or store through a pointer to an object of the program.</summary>
    private RegisterState AccessObject(in RegisterState pointer, string name, long place, int size, bool isWrite)
    {
        if ((pointer.Traits & PointerTraits.PerCpu) != 0)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"{name} points to an object that each CPU has its own of: resolve it with bpf_per_cpu_ptr");
        }

        bool isStale = (pointer.Traits & (PointerTraits.NonOwning | PointerTraits.Rcu)) == 0 && pointer.ReferenceId == 0;
        if ((pointer.Traits & PointerTraits.Allocated) != 0 && isStale)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"{name} points to an object of the program that may be gone");
        }

        if (isWrite && (pointer.Traits & PointerTraits.Allocated) == 0)
        {
            throw Stop.Reject(CheckFamily.Dereference, $"{name} holds {pointer.Describe()} that may be stale: it can only be read");
        }

        foreach (SpecialField field in FieldsOf(pointer).All)
        {
            if (place < field.Offset + field.Size && field.Offset < place + size)
            {
                throw Stop.Reject(CheckFamily.MemoryBounds, $"bytes {place} to {place + size} of {pointer.Describe()} ({name}) meet its {Describe(field.Kind)} at offset {field.Offset}: only the kernel touches that");
            }
        }

        FoundMember found = StructWalk.Find(ObjectTypes, new TypeId(pointer.Type), (int)place, size);
        bool isPointer = found.Kind is MemberKind.Pointer or MemberKind.PlainPointer;
        return isPointer && (pointer.Traits & PointerTraits.Allocated) == 0
            ? throw Stop.NotModelled("pointers in objects of the program that may be stale")
            : isPointer ? RegisterState.Unknown : RegisterState.Bytes(size);
    }
}
