#include "features.h"

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct bpf_key *bpf_lookup_user_key(__s32 serial, __u64 flags) __ksym;
extern void bpf_key_put(struct bpf_key *key) __ksym;

struct { __uint(type, 3); __uint(max_entries, 1); __uint(key_size, 4); __uint(value_size, 4); } programs SEC(".maps");

SEC("tc") int ok_rcu(struct __sk_buff *skb) { bpf_rcu_read_lock(); bpf_rcu_read_unlock(); return 0; }
SEC("tc") int no_rcu_open(struct __sk_buff *skb) { bpf_rcu_read_lock(); return 0; }
SEC("tc") int no_rcu_only_closed(struct __sk_buff *skb) { bpf_rcu_read_unlock(); return 0; }
SEC("tc") int no_rcu_nested(struct __sk_buff *skb) { bpf_rcu_read_lock(); bpf_rcu_read_lock(); bpf_rcu_read_unlock(); bpf_rcu_read_unlock(); return 0; }
SEC("tc") int no_rcu_one_way(struct __sk_buff *skb) { bpf_rcu_read_lock(); if (skb->len) bpf_rcu_read_unlock(); return 0; }
SEC("tc") int ok_rcu_both_ways(struct __sk_buff *skb) { bpf_rcu_read_lock(); if (skb->len) { bpf_rcu_read_unlock(); return 1; } bpf_rcu_read_unlock(); return 0; }
SEC("tc") int ok_preempt(struct __sk_buff *skb) { bpf_preempt_disable(); bpf_preempt_disable(); bpf_preempt_enable(); bpf_preempt_enable(); return 0; }
SEC("tc") int no_preempt_open(struct __sk_buff *skb) { bpf_preempt_disable(); bpf_preempt_disable(); bpf_preempt_enable(); return 0; }
SEC("tc") int no_preempt_only_enabled(struct __sk_buff *skb) { bpf_preempt_enable(); return 0; }
SEC("tc") int ok_irq(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); bpf_local_irq_restore(&a); return 0; }
SEC("tc") int ok_irq_nested(struct __sk_buff *skb) { unsigned long a, b; bpf_local_irq_save(&a); bpf_local_irq_save(&b); bpf_local_irq_restore(&b); bpf_local_irq_restore(&a); return 0; }
SEC("tc") int no_irq_order(struct __sk_buff *skb) { unsigned long a, b; bpf_local_irq_save(&a); bpf_local_irq_save(&b); bpf_local_irq_restore(&a); bpf_local_irq_restore(&b); return 0; }
SEC("tc") int no_irq_open(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); return 0; }
SEC("tc") int no_irq_same_place(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); bpf_local_irq_save(&a); bpf_local_irq_restore(&a); return 0; }
SEC("tc") int no_irq_not_saved(struct __sk_buff *skb) { unsigned long a = 1; bpf_local_irq_restore(&a); return 0; }
SEC("tc") int no_irq_twice(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); bpf_local_irq_restore(&a); bpf_local_irq_restore(&a); return 0; }
SEC("tc") int no_irq_read(struct __sk_buff *skb) { volatile unsigned long a; bpf_local_irq_save((void *)&a); skb->mark = a; bpf_local_irq_restore((void *)&a); return 0; }
SEC("tc") int no_irq_written(struct __sk_buff *skb) { volatile unsigned long a; bpf_local_irq_save((void *)&a); a = 1; bpf_local_irq_restore((void *)&a); return 0; }
SEC("tc") int no_irq_passed(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); bpf_probe_read_kernel(&a, 8, skb); bpf_local_irq_restore(&a); return 0; }

static unsigned long saved;
SEC("tc") int no_irq_in_map(struct __sk_buff *skb) { bpf_local_irq_save(&saved); bpf_local_irq_restore(&saved); return 0; }

static noinline int disable(void) { bpf_preempt_disable(); return 0; }
static noinline int lock(void) { bpf_rcu_read_lock(); return 0; }
static noinline int save(unsigned long *flags) { bpf_local_irq_save(flags); return 0; }
SEC("tc") int ok_preempt_in_function(struct __sk_buff *skb) { disable(); bpf_preempt_enable(); return 0; }
SEC("tc") int no_preempt_in_function(struct __sk_buff *skb) { disable(); return 0; }
SEC("tc") int ok_rcu_in_function(struct __sk_buff *skb) { lock(); bpf_rcu_read_unlock(); return 0; }
SEC("tc") int no_rcu_in_function(struct __sk_buff *skb) { lock(); return 0; }
SEC("tc") int ok_irq_in_function(struct __sk_buff *skb) { unsigned long a; save(&a); bpf_local_irq_restore(&a); return 0; }

SEC("tc") int no_tail_call_in_rcu(struct __sk_buff *skb) { bpf_rcu_read_lock(); bpf_tail_call(skb, &programs, 0); bpf_rcu_read_unlock(); return 0; }
SEC("tc") int no_tail_call_in_preempt(struct __sk_buff *skb) { bpf_preempt_disable(); bpf_tail_call(skb, &programs, 0); bpf_preempt_enable(); return 0; }
SEC("tc") int no_tail_call_in_irq(struct __sk_buff *skb) { unsigned long a; bpf_local_irq_save(&a); bpf_tail_call(skb, &programs, 0); bpf_local_irq_restore(&a); return 0; }

SEC("syscall") int ok_sleep(void *ctx) { char b[8]; bpf_copy_from_user(b, 8, ctx); return 0; }
SEC("syscall") int no_sleep_in_rcu(void *ctx) { char b[8]; bpf_rcu_read_lock(); bpf_copy_from_user(b, 8, ctx); bpf_rcu_read_unlock(); return 0; }
SEC("syscall") int no_sleep_in_preempt(void *ctx) { char b[8]; bpf_preempt_disable(); bpf_copy_from_user(b, 8, ctx); bpf_preempt_enable(); return 0; }
SEC("syscall") int no_sleep_in_irq(void *ctx) { char b[8]; unsigned long a; bpf_local_irq_save(&a); bpf_copy_from_user(b, 8, ctx); bpf_local_irq_restore(&a); return 0; }
SEC("syscall") int no_sleeping_kfunc_in_rcu(void *ctx) { struct bpf_key *k; bpf_rcu_read_lock(); k = bpf_lookup_user_key(1, 0); bpf_rcu_read_unlock(); if (k) bpf_key_put(k); return 0; }
SEC("syscall") int no_sleeping_kfunc_in_preempt(void *ctx) { struct bpf_key *k; bpf_preempt_disable(); k = bpf_lookup_user_key(1, 0); bpf_preempt_enable(); if (k) bpf_key_put(k); return 0; }
SEC("syscall") int no_sleeping_kfunc_in_irq(void *ctx) { struct bpf_key *k; unsigned long a; bpf_local_irq_save(&a); k = bpf_lookup_user_key(1, 0); bpf_local_irq_restore(&a); if (k) bpf_key_put(k); return 0; }
SEC("syscall") int ok_sleep_after_rcu(void *ctx) { char b[8]; bpf_rcu_read_lock(); bpf_rcu_read_unlock(); bpf_copy_from_user(b, 8, ctx); return 0; }

SEC("tc") int ok_loop_in_preempt(struct __sk_buff *skb) { int i, sum = 0; bpf_preempt_disable(); for (i = 0; i < 50; i++) { sum += skb->len; barrier_var(sum); } bpf_preempt_enable(); return sum; }
SEC("tc") int no_loop_disables(struct __sk_buff *skb) { int i; for (i = 0; i < 5; i++) { bpf_preempt_disable(); barrier_var(i); } bpf_preempt_enable(); return 0; }

noinline int global_sleeps(int x) { char b[8]; bpf_copy_from_user(b, 8, 0); return x; }
noinline int global_plain(int x) { return x + 1; }
SEC("syscall") int ok_global_sleeps(void *ctx) { return global_sleeps(1); }
SEC("syscall") int no_global_sleeps_in_rcu(void *ctx) { int x; bpf_rcu_read_lock(); x = global_sleeps(1); bpf_rcu_read_unlock(); return x; }
SEC("syscall") int no_global_sleeps_in_preempt(void *ctx) { int x; bpf_preempt_disable(); x = global_sleeps(1); bpf_preempt_enable(); return x; }
SEC("syscall") int ok_global_in_rcu(void *ctx) { int x; bpf_rcu_read_lock(); x = global_plain(1); bpf_rcu_read_unlock(); return x; }
noinline int global_locks(int x) { bpf_rcu_read_lock(); return x; }
SEC("tc") int no_global_locks(struct __sk_buff *skb) { int x = global_locks(1); bpf_rcu_read_unlock(); return x; }
