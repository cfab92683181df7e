// SPDX-License-Identifier: MIT
// Symbols of the kernel that most kernels have: functions, variables by type and by address, weak ones that are missing.
#include "../../Objects/Sources/bpf.h"

#define core __attribute__((preserve_access_index))
#define weak __attribute__((weak))
#define ksym __attribute__((section(".ksyms")))

struct task_struct { int pid; } core;
struct rq { unsigned int nr_running; } core;
struct bpf_iter_num { __u64 state[1]; } __attribute__((aligned(8)));
struct sk_buff { unsigned int len; } core;
struct __sk_buff;
struct absent_type { int a; };

extern void bpf_rcu_read_lock(void) ksym;
extern void bpf_rcu_read_unlock(void) ksym;
extern struct task_struct *bpf_task_from_pid(int pid) ksym;
extern void bpf_task_release(struct task_struct *task) ksym;
extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) ksym weak;
extern int *bpf_iter_num_next(struct bpf_iter_num *) ksym weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) ksym weak;
extern void *bpf_cast_to_kern_ctx(void *object) ksym;
extern int bpf_no_such_function(int number) ksym weak;
extern const void __init_begin ksym;
extern const void no_such_symbol ksym weak;
extern const struct absent_type no_such_variable ksym weak;

__u64 address;
int number;

SEC("syscall") int functions(void *context)
{
	struct task_struct *task;

	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	task = bpf_task_from_pid(1);
	if (task) {
		number = task->pid;
		bpf_task_release(task);
	}
	return 0;
}

SEC("syscall") int iterator(void *context)
{
	struct bpf_iter_num it;
	int *next, sum = 0;

	bpf_iter_num_new(&it, 1, 5);
	while ((next = bpf_iter_num_next(&it)))
		sum += *next;
	bpf_iter_num_destroy(&it);
	return sum;
}

SEC("tc") int cast(struct __sk_buff *context)
{
	struct sk_buff *buffer = bpf_cast_to_kern_ctx(context);

	return buffer->len;
}

SEC("tp_btf/task_newtask") int guarded(__u64 *context)
{
	if (&bpf_no_such_function)
		return bpf_no_such_function(1);
	return 0;
}

SEC("syscall") int addresses(void *context)
{
	address = (__u64)&__init_begin;
	return &no_such_symbol ? 1 : &no_such_variable ? 2 : 3;
}

SEC("?tc") int locks(void *context)
{
	bpf_rcu_read_lock();
	bpf_rcu_read_unlock();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
