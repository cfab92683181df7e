#include "features.h"

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *it, const __u64 *p, __u32 words) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *it) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *it) __ksym;
extern int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, unsigned int flags) __ksym;
extern struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym;
extern void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma *it, struct task_struct *task, __u64 addr) __ksym;
extern struct vm_area_struct *bpf_iter_task_vma_next(struct bpf_iter_task_vma *it) __ksym;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma *it) __ksym;
extern int bpf_iter_kmem_cache_new(struct bpf_iter_kmem_cache *it) __ksym;
extern struct kmem_cache *bpf_iter_kmem_cache_next(struct bpf_iter_kmem_cache *it) __ksym;
extern void bpf_iter_kmem_cache_destroy(struct bpf_iter_kmem_cache *it) __ksym;
extern int bpf_iter_dmabuf_new(struct bpf_iter_dmabuf *it) __ksym;
extern struct dma_buf *bpf_iter_dmabuf_next(struct bpf_iter_dmabuf *it) __ksym;
extern void bpf_iter_dmabuf_destroy(struct bpf_iter_dmabuf *it) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;

struct { __uint(type, 2); __uint(max_entries, 16); __type(key, __u32); __type(value, __u64); } values SEC(".maps");
static int numbers[16];

SEC("tc") int ok_empty(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_kept(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); return 0; }
SEC("tc") int no_destroyed_twice(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); bpf_iter_num_destroy(&it); bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_not_made(struct __sk_buff *skb) { struct bpf_iter_num it = {}; bpf_iter_num_next(&it); return 0; }
SEC("tc") int no_next_after_destroy(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); bpf_iter_num_destroy(&it); bpf_iter_num_next(&it); return 0; }
SEC("tc") int no_made_twice(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); bpf_iter_num_new(&it, 0, 10); bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_other_kind(struct __sk_buff *skb) { struct bpf_iter_bits it; __u64 w = 5; bpf_iter_bits_new(&it, &w, 1); bpf_iter_num_destroy((void *)&it); return 0; }
SEC("tc") int no_overwritten(struct __sk_buff *skb) { struct bpf_iter_num it; bpf_iter_num_new(&it, 0, 10); ((volatile struct bpf_iter_num *)&it)->opaque[0] = 1; bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_read(struct __sk_buff *skb) { struct bpf_iter_num it; __u64 x; bpf_iter_num_new(&it, 0, 10); x = ((volatile struct bpf_iter_num *)&it)->opaque[0]; bpf_iter_num_destroy(&it); return x; }
SEC("tc") int no_in_map(struct __sk_buff *skb) { bpf_iter_num_new((void *)numbers, 0, 10); bpf_iter_num_destroy((void *)numbers); return 0; }
SEC("tc") int ok_one(struct __sk_buff *skb) { struct bpf_iter_num it; int *v, x = 0; bpf_iter_num_new(&it, 0, 10); v = bpf_iter_num_next(&it); if (v) x = *v; bpf_iter_num_destroy(&it); return x; }
SEC("tc") int no_null(struct __sk_buff *skb) { struct bpf_iter_num it; int *v, x; bpf_iter_num_new(&it, 0, 10); v = bpf_iter_num_next(&it); x = *v; bpf_iter_num_destroy(&it); return x; }
SEC("tc") int no_element_written(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); v = bpf_iter_num_next(&it); if (v) *v = 3; bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_element_beyond(struct __sk_buff *skb) { struct bpf_iter_num it; int *v, x = 0; bpf_iter_num_new(&it, 0, 10); v = bpf_iter_num_next(&it); if (v) x = v[1]; bpf_iter_num_destroy(&it); return x; }
SEC("tc") int no_element_after_destroy(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); v = bpf_iter_num_next(&it); if (!v) { bpf_iter_num_destroy(&it); return 0; } bpf_iter_num_destroy(&it); return *v; }
SEC("tc") int ok_loop(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); while ((v = bpf_iter_num_next(&it))) skb->mark = 1; bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int ok_loop_sum(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; __u64 sum = 0; bpf_iter_num_new(&it, 0, 10); while ((v = bpf_iter_num_next(&it))) sum += *v; bpf_iter_num_destroy(&it); return sum; }
SEC("tc") int ok_loop_checked_index(struct __sk_buff *skb) { struct bpf_iter_num it; int *v, sum = 0; bpf_iter_num_new(&it, 0, 16); while ((v = bpf_iter_num_next(&it))) { int i = *v; if (i < 0 || i > 15) break; sum += numbers[i]; } bpf_iter_num_destroy(&it); return sum; }
SEC("tc") int no_loop_index(struct __sk_buff *skb) { struct bpf_iter_num it; int *v, sum = 0; bpf_iter_num_new(&it, 0, 16); while ((v = bpf_iter_num_next(&it))) sum += numbers[*v]; bpf_iter_num_destroy(&it); return sum; }
SEC("tc") int no_loop_counter_index(struct __sk_buff *skb) { struct bpf_iter_num it; int i = 0; bpf_iter_num_new(&it, 0, 16); while (bpf_iter_num_next(&it)) { numbers[i] = 1; i++; barrier_var(i); } bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int ok_nested(struct __sk_buff *skb) { struct bpf_iter_num a, b; __u64 sum = 0; bpf_iter_num_new(&a, 0, 10); while (bpf_iter_num_next(&a)) { bpf_iter_num_new(&b, 0, 10); while (bpf_iter_num_next(&b)) sum++; bpf_iter_num_destroy(&b); } bpf_iter_num_destroy(&a); return sum; }
SEC("tc") int no_nested_kept(struct __sk_buff *skb) { struct bpf_iter_num a, b; __u64 sum = 0; bpf_iter_num_new(&a, 0, 10); while (bpf_iter_num_next(&a)) { bpf_iter_num_new(&b, 0, 10); while (bpf_iter_num_next(&b)) sum++; } bpf_iter_num_destroy(&a); return sum; }
SEC("tc") int ok_break(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); while ((v = bpf_iter_num_next(&it))) if (*v == skb->len) break; bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int no_return_inside(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); while ((v = bpf_iter_num_next(&it))) if (*v == skb->len) return 1; bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int ok_lookup_in_loop(struct __sk_buff *skb) { struct bpf_iter_num it; int *v; bpf_iter_num_new(&it, 0, 10); while ((v = bpf_iter_num_next(&it))) { __u32 key = *v; __u64 *found = bpf_map_lookup_elem(&values, &key); if (found) *found += 1; } bpf_iter_num_destroy(&it); return 0; }
SEC("tc") int ok_bits(struct __sk_buff *skb) { struct bpf_iter_bits it; __u64 w = 5, sum = 0; int *v; bpf_iter_bits_new(&it, &w, 1); while ((v = bpf_iter_bits_next(&it))) sum += *v; bpf_iter_bits_destroy(&it); return sum; }
static noinline int next_of(struct bpf_iter_num *it) { int *v = bpf_iter_num_next(it); return v ? *v : -1; }
SEC("tc") int ok_in_function(struct __sk_buff *skb) { struct bpf_iter_num it; int x; bpf_iter_num_new(&it, 0, 10); x = next_of(&it); bpf_iter_num_destroy(&it); return x; }
SEC("tc") int ok_in_function_loop(struct __sk_buff *skb) { struct bpf_iter_num it; int x; bpf_iter_num_new(&it, 0, 10); do { x = next_of(&it); } while (x >= 0); bpf_iter_num_destroy(&it); return x; }
static noinline int make(struct bpf_iter_num *it) { return bpf_iter_num_new(it, 0, 3); }
SEC("tc") int ok_made_in_function(struct __sk_buff *skb) { struct bpf_iter_num it; make(&it); bpf_iter_num_destroy(&it); return 0; }

SEC("tc") int ok_tasks(struct __sk_buff *skb) { struct bpf_iter_task it; struct task_struct *t; int sum = 0; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); while ((t = bpf_iter_task_next(&it))) sum += t->pid; bpf_iter_task_destroy(&it); bpf_rcu_read_unlock(); return sum; }
SEC("tc") int ok_tasks_not_sleepable(struct __sk_buff *skb) { struct bpf_iter_task it; struct task_struct *t; int sum = 0; bpf_iter_task_new(&it, 0, 0); while ((t = bpf_iter_task_next(&it))) sum += t->pid; bpf_iter_task_destroy(&it); return sum; }
SEC("syscall") int ok_tasks_sleepable(void *ctx) { struct bpf_iter_task it; struct task_struct *t; int sum = 0; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); while ((t = bpf_iter_task_next(&it))) sum += t->pid; bpf_iter_task_destroy(&it); bpf_rcu_read_unlock(); return sum; }
SEC("syscall") int no_tasks_no_rcu(void *ctx) { struct bpf_iter_task it; bpf_iter_task_new(&it, 0, 0); bpf_iter_task_next(&it); bpf_iter_task_destroy(&it); return 0; }
SEC("syscall") int no_tasks_after_rcu(void *ctx) { struct bpf_iter_task it; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); bpf_rcu_read_unlock(); bpf_iter_task_next(&it); bpf_iter_task_destroy(&it); return 0; }
SEC("syscall") int no_tasks_other_rcu(void *ctx) { struct bpf_iter_task it; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); bpf_rcu_read_unlock(); bpf_rcu_read_lock(); bpf_iter_task_next(&it); bpf_iter_task_destroy(&it); bpf_rcu_read_unlock(); return 0; }
SEC("syscall") int ok_task_acquired(void *ctx) { struct bpf_iter_task it; struct task_struct *t, *k = 0; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); t = bpf_iter_task_next(&it); if (t) k = bpf_task_acquire(t); bpf_iter_task_destroy(&it); bpf_rcu_read_unlock(); if (k) bpf_task_release(k); return 0; }
SEC("syscall") int no_task_acquired_late(void *ctx) { struct bpf_iter_task it; struct task_struct *t, *k = 0; bpf_rcu_read_lock(); bpf_iter_task_new(&it, 0, 0); t = bpf_iter_task_next(&it); bpf_iter_task_destroy(&it); bpf_rcu_read_unlock(); if (t) k = bpf_task_acquire(t); if (k) bpf_task_release(k); return 0; }
SEC("syscall") int ok_vmas(void *ctx) { struct bpf_iter_task_vma it; struct vm_area_struct *a; unsigned long sum = 0; bpf_iter_task_vma_new(&it, bpf_get_current_task_btf(), 0); while ((a = bpf_iter_task_vma_next(&it))) sum += a->vm_start; bpf_iter_task_vma_destroy(&it); return sum; }
SEC("syscall") int ok_caches(void *ctx) { struct bpf_iter_kmem_cache it; struct kmem_cache *c; unsigned long sum = 0; bpf_iter_kmem_cache_new(&it); while ((c = bpf_iter_kmem_cache_next(&it))) sum += c->size; bpf_iter_kmem_cache_destroy(&it); return sum; }
SEC("tc") int no_caches_not_sleepable(struct __sk_buff *skb) { struct bpf_iter_kmem_cache it; bpf_iter_kmem_cache_new(&it); bpf_iter_kmem_cache_destroy(&it); return 0; }
SEC("syscall") int ok_buffers(void *ctx) { struct bpf_iter_dmabuf it; struct dma_buf *c; unsigned long sum = 0; bpf_iter_dmabuf_new(&it); while ((c = bpf_iter_dmabuf_next(&it))) sum += c->size; bpf_iter_dmabuf_destroy(&it); return sum; }
SEC("tc") int no_above_stack(struct __sk_buff *skb) { asm volatile("r1 = r10; r1 += 64; call bpf_iter_num_next" : : : "r0", "r1", "r2", "r3", "r4", "r5", "memory"); return bpf_iter_num_next(0) != 0; }
SEC("tc") int no_below_stack(struct __sk_buff *skb) { asm volatile("r1 = r10; r1 += -4096; call bpf_iter_num_next" : : : "r0", "r1", "r2", "r3", "r4", "r5", "memory"); return bpf_iter_num_next(0) != 0; }

// An iterator ends its own loop and no other: one that is made anew each round gives an outer loop no end.
#define PASS_TIME asm volatile("r0 = 0; goto +0; r0 = 1; goto +0; r0 = 2; r0 = 3; r0 = 4; r0 = 5; r0 = 6;" ::: "r0")
SEC("tc") int no_end_around(struct __sk_buff *skb) { struct bpf_iter_num it; long found; do { found = 0; asm volatile("" : "+r"(found)); PASS_TIME; bpf_iter_num_new(&it, 0, 10); while (bpf_iter_num_next(&it)) found = 1; bpf_iter_num_destroy(&it); } while (found); return 0; }
SEC("tc") int ok_ends_around(struct __sk_buff *skb) { struct bpf_iter_num it; long found, rounds = 0; do { found = 0; asm volatile("" : "+r"(found), "+r"(rounds)); PASS_TIME; bpf_iter_num_new(&it, 0, 10); while (bpf_iter_num_next(&it)) found = 1; bpf_iter_num_destroy(&it); } while (found && ++rounds < 4); return 0; }
