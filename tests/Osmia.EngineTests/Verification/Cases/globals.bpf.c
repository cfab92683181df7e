#include "common.h"

#define TAG(x) __attribute__((btf_decl_tag("arg:" #x)))
struct pair { __u64 a, b; };
struct pt_regs { unsigned long r15; };
typedef struct pt_regs bpf_user_pt_regs_t;
struct bpf_perf_event_data { struct pt_regs regs; __u64 sample_period; };
struct opaque;
enum color { RED, BLUE };
struct task_struct { int pid; int tgid; } __attribute__((preserve_access_index));
struct cgroup { int level; } __attribute__((preserve_access_index));
struct not_there_at_all { int x; } __attribute__((preserve_access_index));
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, struct pair); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
__u64 table[4];

#define CALL(type, name, f, args) SEC(type) int name(struct __sk_buff *ctx) { struct pair p = {}; int r = f args; OPAQUE(r); return 0; }
GLOBAL int number(int x, unsigned long y, enum color c) { asm volatile(""); return x + y + c; }
CALL("tc", ok_number, number, (1, ctx->len, RED))
CALL("tc", bad_number_pointer, number, ((long)hidden((long)&p), 1, RED))
GLOBAL int memory(struct pair *x) { asm volatile(""); return x ? x->a + x->b : 0; }
CALL("tc", ok_memory, memory, (&p))
CALL("tc", ok_memory_null, memory, (hidden(0)))
CALL("tc", bad_memory_number, memory, (hidden(ctx->len)))
CALL("tc", bad_memory_short, memory, (hidden((long)&p + 8)))
CALL("tc", bad_memory_context, memory, (hidden((long)ctx)))
GLOBAL int memory_unchecked(struct pair *x) { asm volatile(""); return x->a; }
CALL("tc", bad_memory_unchecked, memory_unchecked, (&p))
GLOBAL int memory_past(struct pair *x TAG(nonnull)) { asm volatile(""); return (&x->b)[1]; }
CALL("tc", bad_memory_past, memory_past, (&p))
GLOBAL int nonnull(struct pair *x TAG(nonnull)) { asm volatile(""); return x->a; }
CALL("tc", ok_nonnull, nonnull, (&p))
SEC("tc") int bad_nonnull_maybe(struct __sk_buff *ctx) { int k = 0; return nonnull(bpf_map_lookup_elem(&hash, &k)) ? 0 : 0; }
SEC("tc") int ok_maybe(struct __sk_buff *ctx) { int k = 0; return memory(bpf_map_lookup_elem(&hash, &k)) ? 0 : 0; }
GLOBAL int by_type(struct __sk_buff *skb) { asm volatile(""); return skb->len; }
CALL("tc", ok_context, by_type, (ctx))
CALL("tc", bad_context_memory, by_type, ((void *)&p))
CALL("tc", bad_context_null, by_type, (hidden(0)))
GLOBAL int by_tag(void *skb TAG(ctx)) { asm volatile(""); return ((struct __sk_buff *)skb)->len; }
CALL("tc", ok_context_tag, by_tag, (ctx))
GLOBAL int by_tag_other(struct xdp_md *skb TAG(ctx)) { asm volatile(""); return 0; }
CALL("tc", bad_context_tag_other, by_tag_other, (hidden((long)ctx)))
GLOBAL int opaque(struct opaque *x) { asm volatile(""); return 0; }
CALL("tc", bad_opaque, opaque, ((void *)&p))
GLOBAL int opaque_void(void *x) { asm volatile(""); return 0; }
CALL("tc", bad_void, opaque_void, (&p))
GLOBAL int by_value(struct pair x) { asm volatile(""); return x.a; }
GLOBAL int nullable(struct pair *x TAG(nullable)) { asm volatile(""); return x ? x->a : 0; }
CALL("tc", bad_nullable_alone, nullable, (&p))
GLOBAL int unknown_tag(struct pair *x TAG(unheard)) { asm volatile(""); return 0; }
CALL("tc", bad_unknown_tag, unknown_tag, (&p))
GLOBAL int tag_on_number(int x TAG(nonnull)) { asm volatile(""); return x; }
CALL("tc", bad_tag_on_number, tag_on_number, (1))
GLOBAL int array(__u64 (*x)[4] TAG(nonnull)) { asm volatile(""); return (*x)[3]; }
CALL("tc", ok_array, array, (&table))
CALL("tc", bad_array_short, array, ((void *)&p))
GLOBAL int text(const char *x TAG(nonnull)) { asm volatile(""); return *x; }
CALL("tc", ok_char, text, ((char *)&p))
GLOBAL struct pair *returns_pointer(int x) { asm volatile(""); return 0; }
SEC("tc") int bad_returns_pointer(struct __sk_buff *ctx) { void *r = returns_pointer(1); OPAQUE(r); return 0; }
GLOBAL void returns_nothing(struct pair *x TAG(nonnull)) { asm volatile(""); x->a = 1; }
SEC("tc") int bad_returns_nothing(struct __sk_buff *ctx) { struct pair p = {}; returns_nothing(&p); return p.b; }
GLOBAL int leaks(int x) { asm volatile(""); __u64 *r = bpf_ringbuf_reserve(&ring, 8, 0); return r != 0; }
CALL("tc", bad_leaks, leaks, (1))
GLOBAL int never_called(int x) { asm volatile(""); return *(volatile int *)(long)x; }
SEC("tc") int ok_lazy(struct __sk_buff *ctx) { return 0; }
SEC("tc") int ok_lazy_dead(struct __sk_buff *ctx) { __u32 zero = 0; if (zero) return leaks(1); return 0; }
GLOBAL int inner(int x) { asm volatile(""); return x + 1; }
GLOBAL int outer(int x) { asm volatile(""); return inner(x) + 1; }
CALL("tc", ok_chain, outer, (1))
GLOBAL int outer_bad(int x) { asm volatile(""); return leaks(x); }
CALL("tc", bad_chain, outer_bad, (1))
SEC("tc") int bad_result_index(struct __sk_buff *ctx) { table[inner(1)] = 1; return 0; }
SEC("tc") int ok_result_checked(struct __sk_buff *ctx) { unsigned i = inner(1); if (i < 4) table[i] = 1; return 0; }
GLOBAL int with_reference(struct pair *x) { asm volatile(""); return x ? x->a : 0; }
SEC("tc") int ok_reference_over(struct __sk_buff *ctx) { void *r = bpf_ringbuf_reserve(&ring, 16, 0); if (!r) return 0; __builtin_memset(r, 0, 16); int n = with_reference(r); bpf_ringbuf_discard(r, 0); return n & 0; }
GLOBAL int pulls(struct __sk_buff *skb) { asm volatile(""); return bpf_skb_pull_data(skb, 0); }
SEC("tc") int bad_packet_after(struct __sk_buff *ctx) { char *d = (void *)(long)ctx->data; if (d + 1 > (char *)(long)ctx->data_end) return 0; pulls(ctx); return *(volatile char *)d ? 0 : 0; }
SEC("tc") int ok_packet_after(struct __sk_buff *ctx) { char *d = (void *)(long)ctx->data; if (d + 1 > (char *)(long)ctx->data_end) return 0; by_type(ctx); return *(volatile char *)d ? 0 : 0; }
GLOBAL int trusted(struct task_struct *t TAG(trusted)) { asm volatile(""); return t->pid; }
SEC("raw_tp/sys_enter") int ok_trusted(void *ctx) { int r = trusted((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
SEC("raw_tp/sys_enter") int bad_trusted_null(void *ctx) { int r = trusted(hidden(0)); OPAQUE(r); return 0; }
SEC("raw_tp/sys_enter") int bad_trusted_memory(void *ctx) { __u64 x[8] = {}; return trusted((void *)x) & 0; }
GLOBAL int trusted_nullable(struct task_struct *t TAG(trusted) TAG(nullable)) { asm volatile(""); return t ? t->pid : 0; }
SEC("raw_tp/sys_enter") int ok_trusted_nullable(void *ctx) { int r = trusted_nullable((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
SEC("raw_tp/sys_enter") int ok_trusted_nullable_null(void *ctx) { int r = trusted_nullable(hidden(0)); OPAQUE(r); return 0; }
GLOBAL int trusted_nullable_unchecked(struct task_struct *t TAG(trusted) TAG(nullable)) { asm volatile(""); return t->pid; }
SEC("raw_tp/sys_enter") int bad_trusted_nullable_unchecked(void *ctx) { int r = trusted_nullable_unchecked((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
GLOBAL int trusted_wrong(struct cgroup *t TAG(trusted)) { asm volatile(""); return t->level; }
SEC("raw_tp/sys_enter") int bad_trusted_wrong(void *ctx) { int r = trusted_wrong((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
GLOBAL int trusted_unknown(struct not_there_at_all *t TAG(trusted)) { asm volatile(""); return 0; }
SEC("raw_tp/sys_enter") int bad_trusted_unknown(void *ctx) { int r = trusted_unknown((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
GLOBAL int trusted_nonnull(struct task_struct *t TAG(trusted) TAG(nonnull)) { asm volatile(""); return t->pid; }
SEC("raw_tp/sys_enter") int bad_trusted_nonnull(void *ctx) { int r = trusted_nonnull((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
GLOBAL int untrusted(struct task_struct *t TAG(untrusted)) { asm volatile(""); return t->pid; }
SEC("raw_tp/sys_enter") int ok_untrusted(void *ctx) { int r = untrusted((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
SEC("raw_tp/sys_enter") int ok_untrusted_number(void *ctx) { int r = untrusted(hidden(1234)); OPAQUE(r); return 0; }
GLOBAL int untrusted_writes(struct task_struct *t TAG(untrusted)) { asm volatile(""); t->pid = 1; return 0; }
SEC("raw_tp/sys_enter") int bad_untrusted_writes(void *ctx) { int r = untrusted_writes((void *)bpf_get_current_task_btf()); OPAQUE(r); return 0; }
GLOBAL int untrusted_memory(int *t TAG(untrusted)) { asm volatile(""); OPAQUE(t); return t[77]; }
SEC("raw_tp/sys_enter") int ok_untrusted_memory(void *ctx) { int r = untrusted_memory(hidden(1)); OPAQUE(r); return 0; }
GLOBAL int untrusted_void(void *t TAG(untrusted)) { asm volatile(""); return *(char *)t; }
SEC("raw_tp/sys_enter") int ok_untrusted_void(void *ctx) { int r = untrusted_void(hidden(1)); OPAQUE(r); return 0; }
GLOBAL int untrusted_memory_writes(int *t TAG(untrusted)) { asm volatile(""); OPAQUE(t); *t = 1; return 0; }
SEC("raw_tp/sys_enter") int bad_untrusted_memory_writes(void *ctx) { int r = untrusted_memory_writes(hidden(1)); OPAQUE(r); return 0; }
GLOBAL int six_is_too_many(int a, int b, int c, int d, int e) { asm volatile(""); return a + b + c + d + e; }
CALL("tc", ok_five, six_is_too_many, (1, 2, 3, 4, 5))
GLOBAL int recursive(int x);
GLOBAL int recursive(int x) { asm volatile(""); return x > 1 ? recursive(x - 1) + number(x, 1, RED) : 0; }
CALL("tc", bad_recursive, recursive, (3))
GLOBAL int stack_heavy(int x) { asm volatile(""); char b[300]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); return x; }
SEC("tc") int bad_stack_chain(struct __sk_buff *ctx) { char b[300]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); return stack_heavy(1) & 0; }
STATIC int of_static(struct pair *x) { return x->a; }
GLOBAL int calls_static(struct pair *x TAG(nonnull)) { asm volatile(""); return of_static(x); }
CALL("tc", ok_calls_static, calls_static, (&p))
GLOBAL int registers(struct pt_regs *r TAG(ctx)) { asm volatile(""); return 0; }
SEC("kprobe/x") int ok_kprobe_registers(struct pt_regs *ctx) { return registers(ctx); }
GLOBAL int registers_typedef(bpf_user_pt_regs_t *r) { asm volatile(""); return 0; }
SEC("kprobe/x") int ok_kprobe_typedef(void *ctx) { return registers_typedef(ctx); }
GLOBAL int raw_arguments(__u64 *r TAG(ctx)) { asm volatile(""); return r[0] & 1; }
SEC("raw_tp/sys_enter") int ok_raw_tp_context(void *ctx) { return raw_arguments(ctx); }
GLOBAL int raw_struct(struct bpf_raw_tracepoint_args *r) { asm volatile(""); return r->args[0] & 1; }
SEC("raw_tp/sys_enter") int ok_raw_tp_struct(void *ctx) { return raw_struct(ctx); }
GLOBAL int perf_context(struct bpf_perf_event_data *r TAG(ctx)) { asm volatile(""); return r->sample_period & 1; }
SEC("perf_event") int ok_perf_context(void *ctx) { return perf_context(ctx); }
GLOBAL int tracepoint_context(__u64 *r TAG(ctx)) { asm volatile(""); return r[1] & 1; }
SEC("tracepoint/sched/sched_switch") int ok_tracepoint_context(void *ctx) { return tracepoint_context(ctx); }
GLOBAL int xdp_context(struct xdp_md *r) { asm volatile(""); return r->rx_queue_index; }
SEC("xdp") int ok_xdp_context(struct xdp_md *ctx) { return xdp_context(ctx); }
GLOBAL int looks(const struct bpf_dynptr *d) { asm volatile(""); char b[8]; return bpf_dynptr_read(b, 8, d, 0, 0); }
SEC("tc") int ok_dynptr(struct __sk_buff *ctx) { struct bpf_dynptr d; bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &d); int r = looks(&d); OPAQUE(r); bpf_ringbuf_discard_dynptr(&d, 0); return 0; }
SEC("tc") int bad_dynptr_uninitialised(struct __sk_buff *ctx) { struct bpf_dynptr d; int r = looks(&d); OPAQUE(r); return 0; }
GLOBAL int submits(struct bpf_dynptr *d) { asm volatile(""); bpf_ringbuf_submit_dynptr(d, 0); return 0; }
SEC("tc") int bad_dynptr_submits(struct __sk_buff *ctx) { struct bpf_dynptr d; bpf_ringbuf_reserve_dynptr(&ring, 8, 0, &d); int r = submits(&d); OPAQUE(r); bpf_ringbuf_discard_dynptr(&d, 0); return 0; }
