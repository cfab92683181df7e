using System.Collections.Frozen;
using System.Collections.Immutable;
using Osmia.Vm.Execution;
using Osmia.Vm.Helpers;

namespace Osmia.Vm.Kfuncs;

/// <summary>A kernel function the VM has. Programs call it by a number of the engine's target.</summary>
internal sealed unsafe class VmKfunc(string name, ProgramKind kinds, delegate*<ExecutionSlot, ulong*, ulong> function, bool callsBack)
{
    public string Name { get; } = name;

    public ProgramKind Kinds { get; } = kinds;

    public delegate*<ExecutionSlot, ulong*, ulong> Function { get; } = function;

    /// <summary>It runs a function of the program before it returns.</summary>
    public bool CallsBack { get; } = callsBack;
}

/// <summary>The kernel functions of the VM: one row each. A call of any other is refused when the object is linked or loaded.</summary>
public static unsafe class VmKfuncs
{
    /// <summary>Numbers of kernel functions, apart from those of helpers and of an application's own.</summary>
    internal const int FirstId = 0x4000_0000;

    private const ProgramKind All = ProgramKind.All;

    private static readonly VmKfunc[] s_rows =
    [
        new("bpf_iter_num_new", All, &IteratorKfuncs.NumberNew, false),
        new("bpf_iter_num_next", All, &IteratorKfuncs.NumberNext, false),
        new("bpf_iter_num_destroy", All, &IteratorKfuncs.NumberDestroy, false),
        new("bpf_iter_bits_new", All, &IteratorKfuncs.BitsNew, false),
        new("bpf_iter_bits_next", All, &IteratorKfuncs.BitsNext, false),
        new("bpf_iter_bits_destroy", All, &IteratorKfuncs.BitsDestroy, false),

        new("bpf_dynptr_adjust", All, &DynptrHelpers.Adjust, false),
        new("bpf_dynptr_clone", All, &DynptrHelpers.Clone, false),
        new("bpf_dynptr_copy", All, &DynptrHelpers.Copy, false),
        new("bpf_dynptr_memset", All, &DynptrHelpers.Fill, false),
        new("bpf_dynptr_is_null", All, &DynptrHelpers.IsNull, false),
        new("bpf_dynptr_is_rdonly", All, &DynptrHelpers.IsReadOnly, false),
        new("bpf_dynptr_size", All, &DynptrHelpers.Size, false),
        new("bpf_dynptr_slice", All, &DynptrHelpers.Slice, false),
        new("bpf_dynptr_slice_rdwr", All, &DynptrHelpers.SliceForWriting, false),
        new("bpf_dynptr_from_skb", ProgramKind.Skb, &DynptrHelpers.FromPacket, false),
        new("bpf_dynptr_from_skb_meta", ProgramKind.TrafficControl, &DynptrHelpers.FromMetadata, false),
        new("bpf_dynptr_from_xdp", ProgramKind.Xdp, &DynptrHelpers.FromPacket, false),

        new("bpf_obj_new_impl", All, &ObjectKfuncs.New, false),
        new("bpf_obj_drop_impl", All, &ObjectKfuncs.Drop, false),
        new("bpf_percpu_obj_new_impl", All, &PerCpuKfuncs.New, false),
        new("bpf_percpu_obj_drop_impl", All, &ObjectKfuncs.Drop, false),
        new("bpf_refcount_acquire_impl", All, &ObjectKfuncs.Acquire, false),
        new("bpf_list_push_front_impl", All, &ObjectKfuncs.PushFront, false),
        new("bpf_list_push_back_impl", All, &ObjectKfuncs.PushBack, false),
        new("bpf_list_pop_front", All, &ObjectKfuncs.PopFront, false),
        new("bpf_list_pop_back", All, &ObjectKfuncs.PopBack, false),
        new("bpf_list_front", All, &ObjectKfuncs.Front, false),
        new("bpf_list_back", All, &ObjectKfuncs.Back, false),
        new("bpf_rbtree_add_impl", All, &ObjectKfuncs.Add, true),
        new("bpf_rbtree_remove", All, &ObjectKfuncs.Remove, false),
        new("bpf_rbtree_first", All, &ObjectKfuncs.First, false),
        new("bpf_rbtree_root", All, &ObjectKfuncs.Root, false),
        new("bpf_rbtree_left", All, &ObjectKfuncs.Left, false),
        new("bpf_rbtree_right", All, &ObjectKfuncs.Right, false),

        new("bpf_cpumask_create", All, &CpumaskKfuncs.Create, false),
        new("bpf_cpumask_acquire", All, &ObjectKfuncs.Acquire, false),
        new("bpf_cpumask_release", All, &ObjectKfuncs.Drop, false),
        new("bpf_cpumask_populate", All, &CpumaskKfuncs.Populate, false),
        new("bpf_cpumask_first", All, &CpumaskKfuncs.First, false),
        new("bpf_cpumask_first_zero", All, &CpumaskKfuncs.FirstZero, false),
        new("bpf_cpumask_first_and", All, &CpumaskKfuncs.FirstAnd, false),
        new("bpf_cpumask_any_distribute", All, &CpumaskKfuncs.First, false),
        new("bpf_cpumask_any_and_distribute", All, &CpumaskKfuncs.FirstAnd, false),
        new("bpf_cpumask_set_cpu", All, &CpumaskKfuncs.SetCpu, false),
        new("bpf_cpumask_clear_cpu", All, &CpumaskKfuncs.ClearCpu, false),
        new("bpf_cpumask_test_cpu", All, &CpumaskKfuncs.Test, false),
        new("bpf_cpumask_test_and_set_cpu", All, &CpumaskKfuncs.TestAndSet, false),
        new("bpf_cpumask_test_and_clear_cpu", All, &CpumaskKfuncs.TestAndClear, false),
        new("bpf_cpumask_setall", All, &CpumaskKfuncs.SetAll, false),
        new("bpf_cpumask_clear", All, &CpumaskKfuncs.Clear, false),
        new("bpf_cpumask_and", All, &CpumaskKfuncs.And, false),
        new("bpf_cpumask_or", All, &CpumaskKfuncs.Or, false),
        new("bpf_cpumask_xor", All, &CpumaskKfuncs.Xor, false),
        new("bpf_cpumask_equal", All, &CpumaskKfuncs.Equal, false),
        new("bpf_cpumask_intersects", All, &CpumaskKfuncs.Intersects, false),
        new("bpf_cpumask_subset", All, &CpumaskKfuncs.Subset, false),
        new("bpf_cpumask_empty", All, &CpumaskKfuncs.Empty, false),
        new("bpf_cpumask_full", All, &CpumaskKfuncs.Full, false),
        new("bpf_cpumask_copy", All, &CpumaskKfuncs.Copy, false),
        new("bpf_cpumask_weight", All, &CpumaskKfuncs.Weight, false),

        new("bpf_strcmp", All, &StringKfuncs.Compare, false),
        new("bpf_strcasecmp", All, &StringKfuncs.CompareIgnoringCase, false),
        new("bpf_strchr", All, &StringKfuncs.Find, false),
        new("bpf_strchrnul", All, &StringKfuncs.FindOrEnd, false),
        new("bpf_strnchr", All, &StringKfuncs.FindWithin, false),
        new("bpf_strrchr", All, &StringKfuncs.FindLast, false),
        new("bpf_strlen", All, &StringKfuncs.Length, false),
        new("bpf_strnlen", All, &StringKfuncs.LengthWithin, false),
        new("bpf_strspn", All, &StringKfuncs.Span, false),
        new("bpf_strcspn", All, &StringKfuncs.SpanWithout, false),
        new("bpf_strstr", All, &StringKfuncs.FindText, false),
        new("bpf_strnstr", All, &StringKfuncs.FindTextWithin, false),

        new("bpf_res_spin_lock", All, &LockKfuncs.Lock, false),
        new("bpf_res_spin_unlock", All, &LockKfuncs.Unlock, false),
        new("bpf_res_spin_lock_irqsave", All, &LockKfuncs.LockSaving, false),
        new("bpf_res_spin_unlock_irqrestore", All, &LockKfuncs.UnlockRestoring, false),

        new("bpf_wq_init", All, &TimerHelpers.InitWork, false),
        new("bpf_wq_set_callback_impl", All, &TimerHelpers.SetWork, false),
        new("bpf_wq_start", All, &TimerHelpers.StartWork, false),

        new("bpf_arena_alloc_pages", All, &HostKfuncs.TakePages, false),
        new("bpf_arena_free_pages", All, &HostKfuncs.GivePagesBack, false),
        new("bpf_map_sum_elem_count", All, &HostKfuncs.CountElements, false),
        new("bpf_rdonly_cast", All, &HostKfuncs.Same, false),
        new("bpf_rcu_read_lock", All, &HostKfuncs.Nothing, false),
        new("bpf_rcu_read_unlock", All, &HostKfuncs.Nothing, false),
        new("bpf_preempt_disable", All, &HostKfuncs.Nothing, false),
        new("bpf_preempt_enable", All, &HostKfuncs.Nothing, false),
        new("bpf_local_irq_save", All, &HostKfuncs.SaveInterrupts, false),
        new("bpf_local_irq_restore", All, &HostKfuncs.RestoreInterrupts, false),
        new("bpf_task_from_pid", All, &HostKfuncs.TaskOf, false),
        new("bpf_task_acquire", All, &HostKfuncs.Hold, false),
        new("bpf_task_release", All, &HostKfuncs.GiveBack, false),
        new("bpf_cgroup_from_id", All, &HostKfuncs.CgroupOf, false),
        new("bpf_cgroup_acquire", All, &HostKfuncs.Hold, false),
        new("bpf_cgroup_release", All, &HostKfuncs.GiveBack, false),
    ];

    private static readonly FrozenDictionary<string, int> s_ids = Enumerable.Range(0, s_rows.Length).ToFrozenDictionary(i => s_rows[i].Name, i => FirstId + i, StringComparer.Ordinal);

    /// <summary>The names, in the order of their numbers.</summary>
    public static ImmutableArray<string> Supported { get; } = [.. s_rows.Select(row => row.Name)];

    internal static VmKfunc? Find(int id) => (uint)(id - FirstId) < (uint)s_rows.Length ? s_rows[id - FirstId] : null;

    /// <summary>The number programs call a function by; null when the VM has it not.</summary>
    internal static int? NumberOf(string name) => s_ids.TryGetValue(name, out int id) ? id : null;
}
