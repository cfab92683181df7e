using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Locks in map values and objects, and other fields that only the kernel may touch.
internal sealed partial class PathWalk
{
    private bool IsLocked => _state.Locks.Count > 0;

    /// <param name="what">What is done, in the words of a message.</param>
    private void RequireNoLock(string what)
    {
        if (IsLocked)
        {
            throw Stop.Reject(CheckFamily.References, $"{what} while a lock is held: unlock before");
        }
    }

    /// <summary>A lock is taken or given back by a pointer to its place.</summary>
    private void UseLock(in RegisterState value, string name, SpecialKind kind, bool isTaken)
    {
        SpecialField field = FieldAt(value, name, kind == SpecialKind.ResilientLockIrq ? SpecialKind.ResilientLock : kind);
        var held = new HeldLock(kind, value.Id, OwnerOf(value));
        if (IsInTreeCallback)
        {
            throw Stop.Reject(CheckFamily.References, $"{name}: locks stay as they are while a tree compares nodes");
        }

        if (isTaken)
        {
            if (IsLocked && (kind == SpecialKind.SpinLock || _state.Locks.Exists(other => other.Kind == SpecialKind.SpinLock)))
            {
                throw Stop.Reject(CheckFamily.References, $"{name}: a lock is taken while another is held");
            }

            if (_state.Locks.Exists(other => other.Id == held.Id && other.Owner == held.Owner))
            {
                throw Stop.Reject(CheckFamily.References, $"{name}: the lock at offset {field.Offset} is held already");
            }

            _state.Locks.Add(held);
            return;
        }

        if (!IsLocked)
        {
            throw Stop.Reject(CheckFamily.References, $"{name}: no lock is held");
        }

        if (_state.Locks[^1] != held)
        {
            throw Stop.Reject(CheckFamily.References, _state.Locks.Contains(held) ? $"{name}: locks are given back in another order than they were taken" : $"{name}: another lock is held than the one that is given back");
        }

        _state.Locks.RemoveAt(_state.Locks.Count - 1);
        ForgetNonOwning();
    }

    /// <summary>The map's index, or the complement of an object's type: with the pointer's id it says whose lock it is.</summary>
    private static int OwnerOf(in RegisterState value) => value.Kind == RegisterKind.MapValue ? value.Map : ~value.Type;

    /// <summary>The field of a kind that a pointer must point at exactly.</summary>
    private SpecialField FieldAt(in RegisterState value, string name, SpecialKind kind)
    {
        if (value.Kind == RegisterKind.Typed && value.Traits == PointerTraits.Allocated && kind is SpecialKind.SpinLock or SpecialKind.ResilientLock)
        {
            return FieldOf(value, kind, name);
        }

        if (value.Kind != RegisterKind.MapValue || value.IsNullable)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} holds {value.Describe()}, not a place in a map value");
        }

        if (!value.Number.IsConstant)
        {
            throw Stop.Reject(CheckFamily.CallArgument, $"{name} is no constant place: the field stands at one offset");
        }

        LinkedMap map = _scope.Maps[value.Map];
        long place = value.Offset + (long)value.Number.Value;
        SpecialField? field = _scope.FieldsOf(map).First(kind);
        return field is not null && field.Offset == place
            ? field
            : throw Stop.Reject(CheckFamily.CallArgument, field is null
                ? $"{name}: the values of map '{map.Name}' have no {Describe(kind)}"
                : $"{name}: the {Describe(kind)} of map '{map.Name}' is at offset {field.Offset}, not {place}");
    }

    /// <summary>Bytes the kernel keeps for itself are not touched by loads, stores and helpers; kernel pointers are loaded and stored whole.</summary>
    /// <returns>The kernel pointer that stands there, if any.</returns>
    private SpecialField? RequireNotSpecial(LinkedMap map, in RegisterState pointer, string name, int offset, int size, bool isDirect)
    {
        SpecialFields fields = _scope.FieldsOf(map);
        if (!fields.Any)
        {
            return null;
        }

        long least = pointer.Offset + offset + pointer.Number.Wide.SMin;
        long most = pointer.Offset + offset + (long)Math.Min(pointer.Number.Wide.UMax, (ulong)MaximumOffset) + size;
        foreach (SpecialField field in fields.All)
        {
            if (least >= field.Offset + field.Size || field.Offset >= most)
            {
                continue;
            }

            if (!field.IsPointer || !isDirect)
            {
                throw Stop.Reject(CheckFamily.MemoryBounds, $"bytes {least} to {most} of {pointer.Describe()} ({name}) meet its {Describe(field.Kind)} at offset {field.Offset}: only the kernel touches that");
            }

            if (!pointer.Number.IsConstant || least != field.Offset || size != field.Size)
            {
                throw Stop.Reject(CheckFamily.MemoryBounds, $"bytes {least} to {most} of {pointer.Describe()} ({name}) meet its {Describe(field.Kind)} at offset {field.Offset}, which is loaded and stored whole");
            }

            return field;
        }

        return null;
    }

    private static string Describe(SpecialKind kind) => kind switch
    {
        SpecialKind.SpinLock => "bpf_spin_lock",
        SpecialKind.ResilientLock => "bpf_res_spin_lock",
        SpecialKind.Timer => "bpf_timer",
        SpecialKind.WorkQueue => "bpf_wq",
        SpecialKind.TaskWork => "bpf_task_work",
        SpecialKind.ListHead => "bpf_list_head",
        SpecialKind.ListNode => "bpf_list_node",
        SpecialKind.RbRoot => "bpf_rb_root",
        SpecialKind.RbNode => "bpf_rb_node",
        SpecialKind.Refcount => "bpf_refcount",
        SpecialKind.UserPointer => "pointer to user memory",
        _ => "kernel pointer",
    };

    /// <summary>What keeps its id when it is found not to be null: locks are told from each other by it.</summary>
    private bool KeepsId(in RegisterState pointer) => HasLock(pointer);
}
