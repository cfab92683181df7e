#include "features.h"

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern struct cgroup *bpf_cgroup_acquire(struct cgroup *cgroup) __ksym;
extern struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgroup, int level) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgroup) __ksym;
extern long bpf_task_under_cgroup(struct task_struct *task, struct cgroup *ancestor) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *mask) __ksym;
extern _Bool bpf_cpumask_test_cpu(__u32 cpu, const struct cpumask *mask) __ksym;
extern _Bool bpf_cpumask_empty(const struct cpumask *mask) __ksym;
extern __u32 bpf_cpumask_first(const struct cpumask *mask) __ksym;
extern int bpf_cpumask_populate(struct cpumask *mask, void *src, unsigned long src__sz) __ksym;
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern void *bpf_rdonly_cast(const void *obj, __u32 id) __ksym;
extern int bpf_strcmp(const char *a, const char *b) __ksym;
extern int bpf_strnlen(const char *a, unsigned long size) __ksym;
extern struct bpf_key *bpf_lookup_user_key(__s32 serial, __u64 flags) __ksym;
extern struct bpf_key *bpf_lookup_system_key(__u64 id) __ksym;
extern void bpf_key_put(struct bpf_key *key) __ksym;
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID, PIDTYPE_PGID, PIDTYPE_SID, PIDTYPE_MAX };
extern int bpf_send_signal_task(struct task_struct *task, int sig, enum pid_type type, __u64 value) __ksym;
extern struct kmem_cache *bpf_get_kmem_cache(__u64 addr) __ksym;
extern int bpf_copy_from_user_str(void *dst, __u32 dst__sz, const void *src, __u64 flags) __ksym;
extern int bpf_xdp_pull_data(struct xdp_md *ctx, __u32 len) __ksym;
extern void bpf_throw(__u64 cookie) __ksym;

struct bpf_sock_tuple { __u32 saddr, daddr; __u16 sport, dport; };
struct bpf_ct_opts { int netns_id; int error; __u8 l4proto; __u8 dir; __u8 reserved[2]; };
extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple__sz, struct bpf_ct_opts *opts, __u32 opts__sz) __ksym;
extern struct nf_conn___init *bpf_skb_ct_alloc(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple__sz, struct bpf_ct_opts *opts, __u32 opts__sz) __ksym;
extern struct nf_conn *bpf_ct_insert_entry(struct nf_conn___init *ct) __ksym;
extern void bpf_ct_release(struct nf_conn *ct) __ksym;
extern void bpf_ct_set_timeout(struct nf_conn___init *ct, __u32 timeout) __ksym;

SEC("tc") int ok_acquire_release(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_task_release(task);
	return 0;
}

SEC("tc") int no_reference_kept(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	return task ? 1 : 0;
}

SEC("tc") int no_release_null(struct __sk_buff *skb)
{
	bpf_task_release(bpf_task_from_pid(1));
	return 0;
}

SEC("tc") int no_release_twice(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_task_release(task);
	bpf_task_release(task);
	return 0;
}

SEC("tc") int no_use_after_release(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_task_release(task);
	return task->pid;
}

SEC("tc") int ok_read_member(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	int pid;
	if (!task)
		return 0;
	pid = task->pid;
	bpf_task_release(task);
	return pid;
}

SEC("tc") int no_write_member(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	task->pid = 3;
	bpf_task_release(task);
	return 0;
}

SEC("tc") int no_release_other_type(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_cgroup_release((void *)task);
	return 0;
}

SEC("tc") int no_release_moved(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (!task)
		return 0;
	bpf_task_release((void *)task + 8);
	return 0;
}

SEC("tc") int no_release_stack(struct __sk_buff *skb)
{
	struct { __u64 a[4]; } task = {};
	bpf_task_release((void *)&task);
	return 0;
}

SEC("tc") int ok_acquire_again(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_task_from_pid(1), *other;
	if (!task)
		return 0;
	other = bpf_task_acquire(task);
	bpf_task_release(task);
	if (other)
		bpf_task_release(other);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_trusted_argument(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0], *kept = bpf_task_acquire(task);
	if (kept)
		bpf_task_release(kept);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_cgroup_test(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	struct cgroup *cgroup = bpf_cgroup_from_id(1);
	if (!cgroup)
		return 0;
	bpf_task_under_cgroup(task, cgroup);
	bpf_cgroup_release(cgroup);
	return 0;
}

SEC("tp_btf/task_newtask") int no_cgroup_null(__u64 *ctx)
{
	struct task_struct *task = (void *)ctx[0];
	bpf_task_under_cgroup(task, (void *)0);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_current_task(__u64 *ctx)
{
	struct task_struct *kept = bpf_task_acquire(bpf_get_current_task_btf());
	if (kept)
		bpf_task_release(kept);
	return 0;
}

SEC("raw_tp/task_newtask") int no_raw_tracepoint(__u64 *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("kprobe/do_exit") int no_kprobe(void *ctx)
{
	struct task_struct *task = bpf_task_from_pid(1);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("kprobe/do_exit") int ok_kprobe_common(void *ctx)
{
	return bpf_strcmp("a", "b");
}

SEC("tp_btf/task_newtask") int ok_cpumask(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	if (!mask)
		return 0;
	bpf_cpumask_set_cpu(1, mask);
	bpf_cpumask_test_cpu(1, (struct cpumask *)mask);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask") int no_cpumask_leak(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	if (!mask)
		return 0;
	bpf_cpumask_set_cpu(1, mask);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_cpumask_acquire(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create(), *again;
	if (!mask)
		return 0;
	again = bpf_cpumask_acquire(mask);
	bpf_cpumask_release(mask);
	bpf_cpumask_release(again);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_cpumask_populate(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	__u64 bits = 1;
	if (!mask)
		return 0;
	bpf_cpumask_populate((struct cpumask *)mask, &bits, 8);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask") int no_cpumask_populate_long(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	__u64 bits = 1;
	if (!mask)
		return 0;
	bpf_cpumask_populate((struct cpumask *)mask, &bits, 1000);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask") int no_cpumask_populate_unbounded(__u64 *ctx)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	__u64 bits = 1;
	if (!mask)
		return 0;
	bpf_cpumask_populate((struct cpumask *)mask, &bits, ctx[1]);
	bpf_cpumask_release(mask);
	return 0;
}

SEC("tp_btf/task_newtask") int no_cpumask_is_task(__u64 *ctx)
{
	return bpf_cpumask_first((struct cpumask *)ctx[0]);
}

SEC("tp_btf/task_newtask") int no_cpumask_is_null(__u64 *ctx)
{
	return bpf_cpumask_empty((struct cpumask *)0);
}

SEC("tc") int no_cpumask_in_tc(struct __sk_buff *skb)
{
	struct bpf_cpumask *mask = bpf_cpumask_create();
	if (mask)
		bpf_cpumask_release(mask);
	return 0;
}

SEC("tc") int ok_strings(struct __sk_buff *skb)
{
	return bpf_strcmp("abc", (const char *)123) + bpf_strnlen("abc", skb->len);
}

SEC("tc") int ok_kernel_context(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx(skb);
	return kernel->len;
}

SEC("tc") int no_kernel_context_moved(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx((void *)skb + 8);
	return kernel->len;
}

SEC("tc") int no_kernel_context_of_number(struct __sk_buff *skb)
{
	struct sk_buff *kernel = bpf_cast_to_kern_ctx((void *)8);
	return kernel->len;
}

SEC("tp_btf/task_newtask") int no_kernel_context_of_tracing(__u64 *ctx)
{
	return bpf_cast_to_kern_ctx(ctx) != 0;
}

SEC("tc") int ok_cast(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_rdonly_cast((void *)(long)skb->len, __builtin_btf_type_id(*(struct task_struct *)0, 1));
	return task->pid;
}

SEC("tc") int no_cast_written(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_rdonly_cast((void *)(long)skb->len, __builtin_btf_type_id(*(struct task_struct *)0, 1));
	task->pid = 1;
	return 0;
}

SEC("tc") int ok_cast_void(struct __sk_buff *skb)
{
	char *bytes = bpf_rdonly_cast((void *)(long)skb->len, 0);
	return bytes[100000 & 0x7fff];
}

SEC("tc") int no_cast_void_written(struct __sk_buff *skb)
{
	char *bytes = bpf_rdonly_cast((void *)(long)skb->len, 0);
	bytes[0] = 1;
	return 0;
}

SEC("tc") int no_cast_unknown(struct __sk_buff *skb)
{
	return bpf_rdonly_cast(skb, skb->len) != 0;
}

SEC("tc") int no_cast_trusted(struct __sk_buff *skb)
{
	struct task_struct *task = bpf_rdonly_cast((void *)(long)skb->len, __builtin_btf_type_id(*(struct task_struct *)0, 1));
	task = bpf_task_acquire(task);
	if (task)
		bpf_task_release(task);
	return 0;
}

SEC("syscall") int ok_sleeping_kfunc(void *ctx)
{
	struct bpf_key *key = bpf_lookup_user_key(1, 0);
	if (key)
		bpf_key_put(key);
	return 0;
}

SEC("tc") int no_sleeping_kfunc(struct __sk_buff *skb)
{
	struct bpf_key *key = bpf_lookup_user_key(1, 0);
	if (key)
		bpf_key_put(key);
	return 0;
}

SEC("tc") int ok_system_key(struct __sk_buff *skb)
{
	struct bpf_key *key = bpf_lookup_system_key(1);
	if (key)
		bpf_key_put(key);
	return 0;
}

SEC("tp_btf/task_newtask") int ok_signal(__u64 *ctx)
{
	return bpf_send_signal_task((struct task_struct *)ctx[0], 1, 1, 0) != 0 ? 0 : 0;
}

SEC("tp_btf/task_newtask") int no_signal_null(__u64 *ctx)
{
	bpf_send_signal_task((void *)0, 1, 1, 0);
	return 0;
}

SEC("tc") int ok_kmem_cache(struct __sk_buff *skb)
{
	struct kmem_cache *cache = bpf_get_kmem_cache(5);
	return cache ? cache->size : 0;
}

SEC("syscall") int ok_user_text(void *ctx)
{
	char text[16];
	bpf_copy_from_user_str(text, sizeof(text), ctx, 0);
	return 0;
}

SEC("syscall") int no_user_text_long(void *ctx)
{
	char text[16];
	bpf_copy_from_user_str(text, 600, ctx, 0);
	return 0;
}

SEC("tc") int ok_conntrack(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = {};
	struct nf_conn *ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple), &opts, 12);
	if (ct)
		bpf_ct_release(ct);
	return 0;
}

SEC("tc") int ok_conntrack_insert(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = {};
	struct nf_conn___init *fresh = bpf_skb_ct_alloc(skb, &tuple, sizeof(tuple), &opts, 12);
	struct nf_conn *ct;
	if (!fresh)
		return 0;
	bpf_ct_set_timeout(fresh, 10);
	ct = bpf_ct_insert_entry(fresh);
	if (ct)
		bpf_ct_release(ct);
	return 0;
}

SEC("tc") int no_conntrack_release_fresh(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = {};
	struct nf_conn___init *fresh = bpf_skb_ct_alloc(skb, &tuple, sizeof(tuple), &opts, 12);
	if (fresh)
		bpf_ct_release((void *)fresh);
	return 0;
}

SEC("tc") int no_conntrack_insert_twice(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = {};
	struct nf_conn *ct = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple), &opts, 12);
	if (!ct)
		return 0;
	ct = bpf_ct_insert_entry((void *)ct);
	if (ct)
		bpf_ct_release(ct);
	return 0;
}

SEC("tc") int no_conntrack_short(struct __sk_buff *skb)
{
	struct bpf_sock_tuple tuple = {};
	struct bpf_ct_opts opts = {};
	struct nf_conn *ct = bpf_skb_ct_lookup(skb, &tuple, 600, &opts, 12);
	if (ct)
		bpf_ct_release(ct);
	return 0;
}

SEC("xdp") int ok_pull(struct xdp_md *ctx)
{
	void *data, *end;
	bpf_xdp_pull_data(ctx, 64);
	data = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	return data + 8 <= end ? *(char *)data & 1 : 1;
}

SEC("xdp") int no_pull_old_packet(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + 8 > end)
		return 1;
	bpf_xdp_pull_data(ctx, 64);
	return *(char *)data & 1;
}

noinline int pulls(struct xdp_md *ctx) { return bpf_xdp_pull_data(ctx, 64); }

SEC("xdp") int no_pull_in_global(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	if (data + 8 > end)
		return 1;
	pulls(ctx);
	return *(char *)data & 1;
}
