#include "common.h"

struct task_struct;
struct vm_area_struct;
struct context { __u64 sum; __u32 index; __u32 rounds; };
struct value { __u64 a[8]; };

struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } percpu SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_LRU_HASH); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } lru SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_QUEUE); __uint(max_entries, 4); __type(value, __u64); } queue SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
__u64 table[16];

STATIC int nothing(__u32 i, void *ctx) { return 0; }
STATIC int add(__u32 i, struct context *ctx) { ctx->sum += i; ctx->rounds++; return 0; }
STATIC int stop(__u32 i, struct context *ctx) { return ctx->sum > 10; }
STATIC int two(__u32 i, void *ctx) { return 2; }
STATIC int any(__u32 i, struct context *ctx) { return ctx->sum; }
STATIC int minus(__u32 i, void *ctx) { return -1; }
STATIC int checked(__u32 i, struct context *ctx) { if (ctx->index < 16) table[ctx->index++] = i; return 0; }
STATIC int masked(__u32 i, struct context *ctx) { table[ctx->index++ & 15] = i; return 0; }
STATIC int unchecked(__u32 i, struct context *ctx) { __u64 at = ctx->index++; OPAQUE(at); table[at] = i; return 0; }
STATIC int by_index(__u32 i, void *ctx) { table[i & 15] = 1; return 0; }
STATIC int by_index_unchecked(__u64 i, void *ctx) { table[i] = 1; return 0; }
STATIC int inner(__u32 i, struct context *ctx) { bpf_loop(10, add, ctx, 0); return 0; }
STATIC int third(__u32 i, struct context *ctx) { bpf_loop(10, inner, ctx, 0); return 0; }
STATIC int own_context(__u32 i, void *ctx) { struct context mine = {}; bpf_loop(i, add, &mine, 0); return mine.sum > 5; }
STATIC int reserve(__u32 i, void *ctx) { __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); return !!p; }
STATIC int reserve_submit(__u32 i, void *ctx) { __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); if (!p) return 1; *p = i; bpf_ringbuf_submit(p, 0); return 0; }
STATIC int release(__u32 i, __u64 **ctx) { if (*ctx) bpf_ringbuf_submit(*ctx, 0); *ctx = 0; return 0; }
STATIC int release_plain(__u32 i, __u64 **ctx) { bpf_ringbuf_submit(*ctx, 0); return 0; }
STATIC int forever(__u32 i, void *ctx) { while (1) bpf_get_prandom_u32(); return 0; }
STATIC int bounded(__u32 i, struct context *ctx) { for (int k = 0; k < 20; k++) { ctx->sum += k; OPAQUE(k); } return 0; }
STATIC int reads_r3(__u32 i, void *ctx) { long x; asm volatile("%0 = r3" : "=r"(x)); return x & 1; }
STATIC int frame_pointer(__u32 i, __u64 **ctx) { __u64 here = 1; *ctx = &here; return 0; }

SEC("tc") int ok_loop(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, add, &c, 0); return c.sum & 1; }
SEC("tc") int ok_loop_null_context(struct __sk_buff *skb) { bpf_loop(100, nothing, 0, 0); return 0; }
SEC("tc") int ok_loop_unknown_count(struct __sk_buff *skb) { struct context c = {}; bpf_loop(skb->len, add, &c, 0); return 0; }
SEC("tc") int ok_loop_stop(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, stop, &c, 0); return 0; }
SEC("tc") int bad_loop_returns_two(struct __sk_buff *skb) { bpf_loop(100, two, 0, 0); return 0; }
SEC("tc") int bad_loop_returns_any(struct __sk_buff *skb) { struct context c = { .sum = skb->len }; bpf_loop(100, any, &c, 0); return 0; }
SEC("tc") int bad_loop_returns_minus(struct __sk_buff *skb) { bpf_loop(100, minus, 0, 0); return 0; }
SEC("tc") int ok_loop_checked(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, checked, &c, 0); return 0; }
SEC("tc") int ok_loop_masked(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, masked, &c, 0); return 0; }
SEC("tc") int bad_loop_unchecked(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, unchecked, &c, 0); return 0; }
SEC("tc") int ok_loop_unchecked_few(struct __sk_buff *skb) { struct context c = {}; bpf_loop(8, unchecked, &c, 0); return 0; }
SEC("tc") int ok_loop_index(struct __sk_buff *skb) { bpf_loop(100, by_index, 0, 0); return 0; }
SEC("tc") int bad_loop_index_unchecked(struct __sk_buff *skb) { bpf_loop(8, by_index_unchecked, 0, 0); return 0; }
SEC("tc") int ok_loop_nested(struct __sk_buff *skb) { struct context c = {}; bpf_loop(100, third, &c, 0); return 0; }
SEC("tc") int ok_loop_own_context(struct __sk_buff *skb) { bpf_loop(100, own_context, 0, 0); return 0; }
SEC("tc") int bad_loop_reserve(struct __sk_buff *skb) { bpf_loop(100, reserve, 0, 0); return 0; }
SEC("tc") int ok_loop_reserve_submit(struct __sk_buff *skb) { bpf_loop(100, reserve_submit, 0, 0); return 0; }
SEC("tc") int ok_loop_release(struct __sk_buff *skb) { __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); if (!p) return 0; bpf_loop(100, release, &p, 0); if (p) bpf_ringbuf_submit(p, 0); return 0; }
SEC("tc") int bad_loop_release_plain(struct __sk_buff *skb) { __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); if (!p) return 0; bpf_loop(100, release_plain, &p, 0); return 0; }
SEC("tc") int ok_loop_constant_once(struct __sk_buff *skb) { struct context c = {}; bpf_loop(1, add, &c, 0); return 0; }
SEC("tc") int ok_loop_zero(struct __sk_buff *skb) { bpf_loop(0, two, 0, 0); return 0; }
SEC("tc") int bad_loop_forever(struct __sk_buff *skb) { bpf_loop(10, forever, 0, 0); return 0; }
SEC("tc") int ok_loop_bounded(struct __sk_buff *skb) { struct context c = {}; bpf_loop(10, bounded, &c, 0); return 0; }
SEC("tc") int bad_loop_reads_r3(struct __sk_buff *skb) { bpf_loop(10, reads_r3, 0, 0); return 0; }
SEC("tc") int bad_loop_context_number(struct __sk_buff *skb) { bpf_loop(10, nothing, (void *)(long)skb->len, 0); return 0; }
SEC("tc") int bad_loop_context_map_value(struct __sk_buff *skb) { __u32 k = 9; void *v = bpf_map_lookup_elem(&hash, &k); if (!v) return 0; bpf_loop(10, nothing, v, 0); return 0; }
SEC("tc") int bad_loop_flags_pointer_count(struct __sk_buff *skb) { __u64 x = 0; bpf_loop((long)&x, nothing, 0, 0); return 0; }
SEC("tc") int bad_loop_no_function(struct __sk_buff *skb) { bpf_loop(10, (void *)1, 0, 0); return 0; }
SEC("tc") int bad_loop_frame_pointer(struct __sk_buff *skb) { __u64 zero = 0, *p = &zero; bpf_loop(10, frame_pointer, &p, 0); return *p; }
SEC("tc") int ok_result_used(struct __sk_buff *skb) { long n = bpf_loop(10, nothing, 0, 0); return n > 0; }
SEC("tc") int bad_result_index(struct __sk_buff *skb) { long n = bpf_loop(10, nothing, 0, 0); table[n] = 1; return 0; }
SEC("tc") int ok_call_in_loop(struct __sk_buff *skb) { struct context c = {}; for (int i = 0; i < 5; i++) { bpf_loop(10, add, &c, 0); OPAQUE(i); } return 0; }

STATIC int recursive(__u32 i, void *ctx);
STATIC int recursive(__u32 i, void *ctx) { bpf_loop(10, recursive, ctx, 0); return 0; }
SEC("tc") int bad_recursive(struct __sk_buff *skb) { bpf_loop(10, recursive, 0, 0); return 0; }

GLOBAL int visible(__u32 i, void *ctx) { return 0; }
SEC("tc") int bad_global_callback(struct __sk_buff *skb) { bpf_loop(10, visible, 0, 0); return 0; }

STATIC int big_stack(__u32 i, void *ctx) { char b[400]; __builtin_memset(b, 0, sizeof b); OPAQUE(i); bpf_trace_printk(b, 8); return 0; }
SEC("tc") int bad_stack(struct __sk_buff *skb) { char b[200]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); bpf_loop(10, big_stack, 0, 0); return 0; }
SEC("tc") int ok_stack(struct __sk_buff *skb) { char b[50]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); bpf_loop(10, big_stack, 0, 0); return 0; }
SEC("kprobe/x") int ok_stack_private(void *ctx) { char b[200]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); bpf_loop(10, big_stack, 0, 0); return 0; }

STATIC long each(void *map, __u32 *key, struct value *value, struct context *ctx) { ctx->sum += *key + value->a[7]; value->a[0] = 1; return 0; }
STATIC long each_writes_key(void *map, __u32 *key, struct value *value, void *ctx) { *key = 1; return 0; }
STATIC long each_past_value(void *map, __u32 *key, struct value *value, void *ctx) { return value->a[8] & 1; }
STATIC long each_past_key(void *map, __u64 *key, struct value *value, void *ctx) { return *key & 1; }
STATIC long each_deletes(void *map, __u32 *key, struct value *value, void *ctx) { bpf_map_delete_elem(map, key); return 0; }
STATIC long each_updates(void *map, __u32 *key, struct value *value, void *ctx) { __u32 k = 3; bpf_map_update_elem(map, &k, value, 0); return 1; }
STATIC long each_two(void *map, __u32 *key, struct value *value, void *ctx) { return 2; }
STATIC long each_nested(void *map, __u32 *key, struct value *value, struct context *ctx) { bpf_for_each_map_elem(&array, each, ctx, 0); return 0; }

SEC("tc") int ok_each(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&hash, each, &c, 0); return 0; }
SEC("tc") int ok_each_array(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&array, each, &c, 0); return 0; }
SEC("tc") int ok_each_percpu(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&percpu, each, &c, 0); return 0; }
SEC("tc") int ok_each_lru(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&lru, each, &c, 0); return 0; }
SEC("tc") int bad_each_queue(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&queue, each, &c, 0); return 0; }
SEC("tc") int bad_each_writes_key(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_writes_key, 0, 0); return 0; }
SEC("tc") int bad_each_past_value(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_past_value, 0, 0); return 0; }
SEC("tc") int bad_each_past_key(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_past_key, 0, 0); return 0; }
SEC("tc") int ok_each_deletes(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_deletes, 0, 0); return 0; }
SEC("tc") int ok_each_updates(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_updates, 0, 0); return 0; }
SEC("tc") int bad_each_two(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each_two, 0, 0); return 0; }
SEC("tc") int bad_each_null_context(struct __sk_buff *skb) { bpf_for_each_map_elem(&hash, each, 0, 0); return 0; }
SEC("tc") int ok_each_nested(struct __sk_buff *skb) { struct context c = {}; bpf_for_each_map_elem(&hash, each_nested, &c, 0); return 0; }

STATIC long vma(struct task_struct *task, struct vm_area_struct *area, struct context *ctx) { ctx->sum = 1; return 0; }
STATIC long vma_two(struct task_struct *task, struct vm_area_struct *area, struct context *ctx) { return 2; }
STATIC long vma_writes(struct task_struct *task, __u64 *area, struct context *ctx) { *area = 1; return 0; }
SEC("raw_tp/sys_enter") int ok_find_vma(void *ctx) { struct context c = {}; struct task_struct *t = bpf_get_current_task_btf(); bpf_find_vma(t, 0, vma, &c, 0); return 0; }
SEC("raw_tp/sys_enter") int bad_find_vma_two(void *ctx) { struct context c = {}; struct task_struct *t = bpf_get_current_task_btf(); bpf_find_vma(t, 0, vma_two, &c, 0); return 0; }
SEC("raw_tp/sys_enter") int bad_find_vma_writes(void *ctx) { struct context c = {}; struct task_struct *t = bpf_get_current_task_btf(); bpf_find_vma(t, 0, vma_writes, &c, 0); return 0; }

// What the second round is handed is what the caller's r3 holds, dead in the callback as it may be: one of two contexts comes to be 7.
#define PASS_TIME "r0 = 0; r0 = 1; r0 = 2; r0 = 3; r0 = 4; r0 = 5; r0 = 6; r0 = 7; r0 = 8;"
__attribute__((naked, used)) static int crossed(void)
{
    asm volatile("r1 = *(u64 *)(r2 - 32); r3 = *(u64 *)(r2 + 0); if r3 == 7 goto 2f; r3 = 7; *(u64 *)(r1 + 0) = r3; r1 = 0; r2 = 0;"
                 "call %[random]; if r0 == 1 goto +0; if r0 == 2 goto +0;" PASS_TIME "call %[random]; if r0 == 1 goto 1f; r0 = 0; 1:" PASS_TIME "r0 = 0; exit;"
                 "2: r0 = *(u64 *)(r3 + 0); r0 = 0; exit;" :: [random] "i"(bpf_get_prandom_u32) : "memory");
}
#define CROSSED(name, first, second) SEC("tc") __attribute__((naked)) int name(void) \
{ \
    asm volatile("r1 = 0; *(u64 *)(r10 - 8) = r1; *(u64 *)(r10 - 16) = r1; r1 = r10; r1 += -16; *(u64 *)(r10 - 40) = r1; *(u64 *)(r10 - 48) = r1;" \
                 "call %[random]; r3 = r10; if r0 == 1 goto 1f; r3 += " first "; goto 2f; 1: r3 += " second "; 2: r1 = 10; r2 = %[crossed] ll; r4 = 0; call %[loop]; r0 = 0; exit;" \
                 :: [random] "i"(bpf_get_prandom_u32), [loop] "i"(bpf_loop), [crossed] "i"(crossed) : "memory"); \
}
CROSSED(bad_loop_other_context_first, "-16", "-8")
CROSSED(bad_loop_other_context_later, "-8", "-16")
CROSSED(ok_loop_one_context, "-8", "-8")
