namespace Osmia.Bytecode;

public static partial class KfuncTable
{
    /// <summary>One line a function:  name | traits | callers.</summary>
    /// <remarks>
    /// <para>Facts: the <c>BTF_ID_FLAGS</c> lists of Linux 6.18 (kernel/bpf/helpers.c, cpumask.c, crypto.c, arena.c, fs/bpf_fs_kfuncs.c, net/core/filter.c, net/netfilter,
    /// net/xfrm); callers and <c>sleep</c> by trial on that kernel, where the machine can load a program of the kind.</para>
    /// <para>Traits: <c>acq</c> acquires, <c>rel</c> releases, <c>null</c> may return null, <c>trusted</c>, <c>rcu</c> what kernel pointers it takes, <c>protected</c> called in an RCU
    /// section, <c>sleep</c>, <c>destructive</c>, <c>new</c>, <c>next</c>, <c>destroy</c> of iterators, <c>fast</c>, <c>chg</c> moves the packet.</para>
    /// </remarks>
    private const string Rows =
        """
        __bpf_trap                         |                       | @all
        bbr_cwnd_event                     |                       | struct_ops
        bbr_init                           |                       | struct_ops
        bbr_main                           |                       | struct_ops
        bbr_min_tso_segs                   |                       | struct_ops
        bbr_set_state                      |                       | struct_ops
        bbr_sndbuf_expand                  |                       | struct_ops
        bbr_ssthresh                       |                       | struct_ops
        bbr_undo_cwnd                      |                       | struct_ops
        bpf_arena_alloc_pages              | trusted sleep         | @all
        bpf_arena_free_pages               | trusted sleep         | @all
        bpf_arena_reserve_pages            | trusted sleep         | @all
        bpf_cast_to_kern_ctx               | fast                  | @all
        bpf_cgroup_acquire                 | acq rcu null          | @generic
        bpf_cgroup_ancestor                | acq rcu null          | @generic
        bpf_cgroup_from_id                 | acq null              | @generic
        bpf_cgroup_read_xattr              | rcu                   | @all
        bpf_cgroup_release                 | rel                   | @generic
        bpf_copy_from_user_dynptr          | sleep                 | @all
        bpf_copy_from_user_str             | sleep                 | @all
        bpf_copy_from_user_str_dynptr      | sleep                 | @all
        bpf_copy_from_user_task_dynptr     | sleep trusted         | @all
        bpf_copy_from_user_task_str        | sleep                 | @all
        bpf_copy_from_user_task_str_dynptr | sleep trusted         | @all
        bpf_cpumask_acquire                | acq trusted           | @tracing syscall struct_ops
        bpf_cpumask_and                    | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_any_and_distribute     | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_any_distribute         | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_clear                  | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_clear_cpu              | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_copy                   | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_create                 | acq null              | @tracing syscall struct_ops
        bpf_cpumask_empty                  | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_equal                  | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_first                  | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_first_and              | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_first_zero             | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_full                   | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_intersects             | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_or                     | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_populate               | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_release                | rel                   | @tracing syscall struct_ops
        bpf_cpumask_set_cpu                | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_setall                 | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_subset                 | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_test_and_clear_cpu     | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_test_and_set_cpu       | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_test_cpu               | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_weight                 | rcu                   | @tracing syscall struct_ops
        bpf_cpumask_xor                    | rcu                   | @tracing syscall struct_ops
        bpf_crypto_ctx_acquire             | acq rcu null          | syscall
        bpf_crypto_ctx_create              | acq null sleep        | syscall
        bpf_crypto_ctx_release             | rel                   | syscall
        bpf_crypto_decrypt                 | rcu                   | sched_cls sched_act xdp
        bpf_crypto_encrypt                 | rcu                   | sched_cls sched_act xdp
        bpf_ct_change_status               | trusted               | sched_cls xdp
        bpf_ct_change_timeout              | trusted               | sched_cls xdp
        bpf_ct_insert_entry                | acq null rel          | sched_cls xdp
        bpf_ct_release                     | rel                   | sched_cls xdp
        bpf_ct_set_nat_info                | trusted               | sched_cls xdp
        bpf_ct_set_status                  | trusted               | sched_cls xdp
        bpf_ct_set_timeout                 | trusted               | sched_cls xdp
        bpf_dynptr_adjust                  |                       | @all
        bpf_dynptr_clone                   |                       | @all
        bpf_dynptr_copy                    |                       | @all
        bpf_dynptr_from_skb                | trusted               | sched_cls sched_act sk_skb socket_filter netfilter @cgroup @lwt @tracing
        bpf_dynptr_from_skb_meta           | trusted               | sched_cls sched_act
        bpf_dynptr_from_xdp                |                       | xdp
        bpf_dynptr_is_null                 |                       | @all
        bpf_dynptr_is_rdonly               |                       | @all
        bpf_dynptr_memset                  |                       | @all
        bpf_dynptr_size                    |                       | @all
        bpf_dynptr_slice                   | null                  | @all
        bpf_dynptr_slice_rdwr              | null                  | @all
        bpf_get_dentry_xattr               | sleep trusted         | lsm
        bpf_get_file_xattr                 | sleep trusted         | lsm
        bpf_get_kmem_cache                 |                       | @all
        bpf_get_task_exe_file              | acq trusted null      | lsm
        bpf_iter_bits_destroy              | destroy               | @all
        bpf_iter_bits_new                  | new                   | @all
        bpf_iter_bits_next                 | next null             | @all
        bpf_iter_css_destroy               | destroy               | @all
        bpf_iter_css_new                   | new trusted protected | @all
        bpf_iter_css_next                  | next null             | @all
        bpf_iter_css_task_destroy          | destroy               | @all
        bpf_iter_css_task_new              | new trusted           | @all
        bpf_iter_css_task_next             | next null             | @all
        bpf_iter_dmabuf_destroy            | destroy sleep         | @all
        bpf_iter_dmabuf_new                | new sleep             | @all
        bpf_iter_dmabuf_next               | next null sleep       | @all
        bpf_iter_kmem_cache_destroy        | destroy sleep         | @all
        bpf_iter_kmem_cache_new            | new sleep             | @all
        bpf_iter_kmem_cache_next           | next null sleep       | @all
        bpf_iter_num_destroy               | destroy               | @all
        bpf_iter_num_new                   | new                   | @all
        bpf_iter_num_next                  | next null             | @all
        bpf_iter_task_destroy              | destroy               | @all
        bpf_iter_task_new                  | new trusted protected | @all
        bpf_iter_task_next                 | next null             | @all
        bpf_iter_task_vma_destroy          | destroy               | @all
        bpf_iter_task_vma_new              | new rcu               | @all
        bpf_iter_task_vma_next             | next null             | @all
        bpf_key_put                        | rel                   | @generic
        bpf_kfunc_call_memb_release        | rel                   | sched_cls syscall @tracing
        bpf_kfunc_call_test_release        | rel                   | sched_cls syscall @tracing
        bpf_list_back                      | null                  | @generic
        bpf_list_front                     | null                  | @generic
        bpf_list_pop_back                  | acq null              | @generic
        bpf_list_pop_front                 | acq null              | @generic
        bpf_list_push_back_impl            |                       | @generic
        bpf_list_push_front_impl           |                       | @generic
        bpf_local_irq_restore              |                       | @all
        bpf_local_irq_save                 |                       | @all
        bpf_lookup_system_key              | acq null              | @generic
        bpf_lookup_user_key                | acq null sleep        | @generic
        bpf_map_sum_elem_count             | trusted               | @all
        bpf_modify_return_test_tp          |                       | @all
        bpf_obj_drop_impl                  | rel                   | @generic
        bpf_obj_new_impl                   | acq null              | @generic
        bpf_path_d_path                    | trusted               | lsm
        bpf_percpu_obj_drop_impl           | rel                   | @generic
        bpf_percpu_obj_new_impl            | acq null              | @generic
        bpf_preempt_disable                |                       | @all
        bpf_preempt_enable                 |                       | @all
        bpf_probe_read_kernel_dynptr       |                       | @all
        bpf_probe_read_kernel_str_dynptr   |                       | @all
        bpf_probe_read_user_dynptr         |                       | @all
        bpf_probe_read_user_str_dynptr     |                       | @all
        bpf_put_file                       | rel                   | lsm
        bpf_rbtree_add_impl                |                       | @generic
        bpf_rbtree_first                   | null                  | @generic
        bpf_rbtree_left                    | null                  | @generic
        bpf_rbtree_remove                  | acq null              | @generic
        bpf_rbtree_right                   | null                  | @generic
        bpf_rbtree_root                    | null                  | @generic
        bpf_rcu_read_lock                  |                       | @all
        bpf_rcu_read_unlock                |                       | @all
        bpf_rdonly_cast                    | fast                  | @all
        bpf_refcount_acquire_impl          | acq null rcu          | @generic
        bpf_remove_dentry_xattr            | sleep trusted         | lsm
        bpf_res_spin_lock                  | null                  | @all
        bpf_res_spin_lock_irqsave          | null                  | @all
        bpf_res_spin_unlock                |                       | @all
        bpf_res_spin_unlock_irqrestore     |                       | @all
        bpf_send_signal_task               | trusted               | @generic
        bpf_session_cookie                 |                       | kprobe_session
        bpf_session_is_return              |                       | kprobe_session
        bpf_set_dentry_xattr               | sleep trusted         | lsm
        bpf_sk_assign_tcp_reqsk            | trusted               | sched_cls
        bpf_skb_ct_alloc                   | acq null              | sched_cls xdp
        bpf_skb_ct_lookup                  | acq null              | sched_cls xdp
        bpf_sock_addr_set_sun_path         |                       | @cgroup
        bpf_sock_destroy                   | trusted               | iter
        bpf_sock_ops_enable_tx_tstamp      | trusted               | @cgroup
        bpf_strcasecmp                     |                       | @all
        bpf_strchr                         |                       | @all
        bpf_strchrnul                      |                       | @all
        bpf_strcmp                         |                       | @all
        bpf_strcspn                        |                       | @all
        bpf_stream_vprintk_impl            | trusted               | @all
        bpf_strlen                         |                       | @all
        bpf_strnchr                        |                       | @all
        bpf_strnlen                        |                       | @all
        bpf_strnstr                        |                       | @all
        bpf_strrchr                        |                       | @all
        bpf_strspn                         |                       | @all
        bpf_strstr                         |                       | @all
        bpf_task_acquire                   | acq rcu null          | @generic
        bpf_task_from_pid                  | acq null              | @generic
        bpf_task_from_vpid                 | acq null              | @generic
        bpf_task_get_cgroup1               | acq rcu null          | @generic
        bpf_task_release                   | rel                   | @generic
        bpf_task_under_cgroup              | rcu                   | @generic
        bpf_task_work_schedule_resume_impl | trusted               | @all
        bpf_task_work_schedule_signal_impl | trusted               | @all
        bpf_throw                          |                       | @generic
        bpf_wq_init                        |                       | @all
        bpf_wq_set_callback_impl           |                       | @all
        bpf_wq_start                       |                       | @all
        bpf_xdp_ct_alloc                   | acq null              | sched_cls xdp
        bpf_xdp_ct_lookup                  | acq null              | sched_cls xdp
        bpf_xdp_get_xfrm_state             | acq null              | xdp
        bpf_xdp_pull_data                  | chg                   | xdp
        bpf_xdp_xfrm_state_release         | rel                   | xdp
        css_rstat_flush                    | sleep                 | @tracing
        css_rstat_updated                  |                       | @tracing
        cubictcp_acked                     |                       | struct_ops
        cubictcp_cong_avoid                |                       | struct_ops
        cubictcp_cwnd_event                |                       | struct_ops
        cubictcp_init                      |                       | struct_ops
        cubictcp_recalc_ssthresh           |                       | struct_ops
        cubictcp_state                     |                       | struct_ops
        tcp_cong_avoid_ai                  |                       | struct_ops
        tcp_reno_cong_avoid                |                       | struct_ops
        tcp_reno_ssthresh                  |                       | struct_ops
        tcp_reno_undo_cwnd                 |                       | struct_ops
        tcp_slow_start                     |                       | struct_ops
        """;
}
