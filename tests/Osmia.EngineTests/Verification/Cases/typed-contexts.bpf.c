#include "common.h"

#define CORE __attribute__((preserve_access_index))
struct mm_struct { void *exe_file; } CORE;
struct cgroup { int level; } CORE;
struct css_set { struct cgroup *dfl_cgrp; } CORE;
struct task_struct { int pid; struct mm_struct *mm; struct css_set *cgroups; struct task_struct *real_parent, *parent, *group_leader; char comm[16]; char *stack; } CORE;
struct seq_file { void *private; } CORE;
struct bpf_iter_meta { struct seq_file *seq; __u64 session_id; __u64 seq_num; } CORE;
struct bpf_iter__task { struct bpf_iter_meta *meta; struct task_struct *task; } CORE;
struct bpf_iter__bpf_map_elem { struct bpf_iter_meta *meta; void *map; int *key; int *value; } CORE;
struct socket { struct sock *sk; } CORE;
struct sock { struct socket *sk_socket; void *sk_data_ready; } CORE;
struct sk_buff { struct sock *sk; unsigned int len; unsigned char *head; } CORE;
struct bpf_nf_ctx { void *state; struct sk_buff *skb; } CORE;
char text[16];
#define READ(x) do { long value = (long)(x); OPAQUE(value); } while (0)

#define TASK(name, body) SEC("iter/task") int name(struct bpf_iter__task *ctx) { struct task_struct *t = ctx->task; if (!t) return 0; body; return 0; }
TASK(ok_task_field, READ(t->pid))
TASK(ok_task_leader_is_protected, bpf_get_task_stack(t->group_leader, text, 16, 0))
TASK(ok_task_parent_has_no_word, bpf_get_task_stack(t->parent, text, 16, 0))
TASK(bad_task_mm_is_no_task, bpf_get_task_stack((void *)t->mm, text, 16, 0))
TASK(bad_task_write, t->pid = 1)
TASK(bad_task_negative, READ(*(int *)((char *)t - 8)))
TASK(bad_task_variable_offset, READ(*(int *)((char *)t + (t->pid & 0xff))))
TASK(bad_task_half_pointer, READ(*(volatile int *)&t->mm))
TASK(ok_task_walk, READ(t->cgroups->dfl_cgrp->level))
TASK(ok_task_text, bpf_strncmp(t->comm, 16, "osmia"))
TASK(bad_task_text_written, bpf_get_current_comm(t->comm, 16))
TASK(bad_mm_text, bpf_strncmp((void *)t->mm, 16, "osmia"))
TASK(ok_plain_pointer, READ(t->stack[t->pid * 1000ll]))
TASK(bad_plain_pointer_written, *(volatile char *)t->stack = 1)
TASK(bad_plain_pointer_to_helper, bpf_strncmp(t->stack, 16, "osmia"))
SEC("iter/task") int bad_task_unchecked(struct bpf_iter__task *ctx) { return ctx->task->pid == 1; }
SEC("iter/task") int bad_task_unchecked_call(struct bpf_iter__task *ctx) { bpf_get_task_stack(ctx->task, text, 16, 0); return 0; }
SEC("iter/task") int ok_meta(struct bpf_iter__task *ctx) { return ctx->meta->session_id == 1; }
SEC("iter/task") int bad_result_of_iterator(struct bpf_iter__task *ctx) { return 2; }
SEC("iter/task") long bad_result_above_32_bits(struct bpf_iter__task *ctx) { return 0x100000001; }
SEC("iter/task") int bad_argument_behind(long *ctx) { return ctx[2] == 1; }
SEC("iter/task") int bad_argument_half(int *ctx) { return ctx[0] == 1; }
SEC("iter/task") int bad_argument_written(long *ctx) { ctx[0] = 1; return 0; }
SEC("iter.s/task") int bad_parent_may_be_stale(struct bpf_iter__task *ctx) { struct task_struct *t = ctx->task; if (!t) return 0; READ(t->parent); return bpf_get_task_stack(t->parent, text, 16, 0) ? 0 : 1; }

#define ELEM(name, pointer, body) SEC("iter/bpf_map_elem") int name(struct bpf_iter__bpf_map_elem *ctx) { int *p = ctx->pointer; if (!p) return 0; body; return 0; }
ELEM(ok_value_written, value, *p = 1)
ELEM(ok_value_added, value, __sync_fetch_and_add(p, 1))
ELEM(ok_value_passed, value, bpf_seq_write(ctx->meta->seq, p, 100))
ELEM(ok_key_passed, key, bpf_seq_write(ctx->meta->seq, p, 100))
ELEM(bad_key_written, key, *p = 1)
ELEM(bad_key_written_by_helper, key, bpf_get_current_comm(p, 16))
ELEM(bad_value_before, value, READ(p[-1]))
ELEM(bad_value_variable, value, READ(p[p[0] & 3]))

SEC("tp_btf/tcp_probe") int ok_cookie(__u64 *ctx) { return bpf_get_socket_cookie((void *)ctx[0]); }
SEC("tp_btf/tcp_probe") int bad_cookie_of_packet(__u64 *ctx) { return bpf_get_socket_cookie((void *)ctx[1]); }
SEC("tp_btf/tcp_probe") int bad_cookie_unchecked(__u64 *ctx) { return bpf_get_socket_cookie(((struct sk_buff *)ctx[1])->sk); }
SEC("tp_btf/tcp_probe") int ok_cookie_of_plain_walk(__u64 *ctx) { return bpf_get_socket_cookie(((struct sock *)ctx[0])->sk_socket->sk); }
SEC("kprobe") int ok_current(void *ctx) { return bpf_get_current_task_btf() ? ((struct task_struct *)bpf_get_current_task_btf())->pid : 0; }

SEC("netfilter") int ok_netfilter(struct bpf_nf_ctx *ctx) { return ctx->skb->len > 10; }
SEC("netfilter") int bad_netfilter_write(struct bpf_nf_ctx *ctx) { ctx->skb->len = 1; return 1; }
SEC("netfilter") int bad_netfilter_result(struct bpf_nf_ctx *ctx) { return 2; }

SEC("raw_tp.w/bpf_test_finish") int ok_writable(struct bpf_raw_tracepoint_args *ctx) { *(int *)ctx->args[0] = 1; return 0; }
SEC("raw_tp.w/bpf_test_finish") int bad_writable_before(struct bpf_raw_tracepoint_args *ctx) { ((int *)ctx->args[0])[-1] = 1; return 0; }
SEC("raw_tp.w/bpf_test_finish") int bad_writable_variable(struct bpf_raw_tracepoint_args *ctx) { ((int *)ctx->args[0])[ctx->args[1] & 3] = 1; return 0; }
SEC("raw_tp.w/bpf_test_finish") int bad_writable_to_helper(struct bpf_raw_tracepoint_args *ctx) { return bpf_get_current_comm((void *)ctx->args[0], 4); }
SEC("cgroup_skb/ingress") long bad_result_of_cgroup(void *ctx) { return 0x100000001; }

extern const int absent_variable __ksym __weak;
SEC("socket") int ok_absent_variable(void *ctx) { return &absent_variable ? 1 : 0; }
