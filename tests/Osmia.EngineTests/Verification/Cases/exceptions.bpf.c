#include "common.h"

extern void bpf_throw(__u64 cookie) __ksym;
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");
struct elem { __u64 count; struct bpf_spin_lock lock; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } array SEC(".maps");

SEC("tc") int ok_throw(struct __sk_buff *ctx) { bpf_throw(0); return 0; }
SEC("tc") int ok_throw_any(struct __sk_buff *ctx) { if (ctx->len > 10) bpf_throw(ctx->mark); return 0; }
SEC("cgroup_skb/ingress") int ok_throw_one(struct __sk_buff *ctx) { if (ctx->len > 10) bpf_throw(1); return 1; }
SEC("cgroup_skb/ingress") int bad_throw_seven(struct __sk_buff *ctx) { if (ctx->len > 10) bpf_throw(7); return 1; }
SEC("tc") int bad_throw_reference(struct __sk_buff *ctx) { void *r = bpf_ringbuf_reserve(&ring, 8, 0); if (!r) return 0; if (ctx->len > 10) bpf_throw(0); bpf_ringbuf_discard(r, 0); return 0; }
SEC("tc") int bad_throw_locked(struct __sk_buff *ctx) { int k = 0; struct elem *e = bpf_map_lookup_elem(&array, &k); if (!e) return 0; bpf_spin_lock(&e->lock); if (e->count > 10) bpf_throw(0); bpf_spin_unlock(&e->lock); return 0; }
STATIC int throws(__u32 x) { if (x > 10) bpf_throw(3); return x; }
SEC("tc") int ok_throw_static(struct __sk_buff *ctx) { return throws(ctx->len) & 1; }
SEC("tc") int bad_throw_static_reference(struct __sk_buff *ctx) { void *r = bpf_ringbuf_reserve(&ring, 8, 0); if (!r) return 0; throws(ctx->len); bpf_ringbuf_discard(r, 0); return 0; }
GLOBAL int throws_global(__u32 x) { if (x > 10) bpf_throw(3); return x; }
SEC("tc") int ok_throw_global(struct __sk_buff *ctx) { return throws_global(ctx->len) & 1; }
STATIC int round(__u32 i, void *c) { if (i > 5) bpf_throw(0); return 0; }
SEC("tc") int bad_throw_callback(struct __sk_buff *ctx) { bpf_loop(10, round, 0, 0); return 0; }
STATIC int below(__u32 i) { if (i > 5) bpf_throw(0); return 0; }
STATIC int deeper(__u32 i, void *c) { return below(i); }
SEC("tc") int bad_throw_below_callback(struct __sk_buff *ctx) { bpf_loop(10, deeper, 0, 0); return 0; }
STATIC int not_at_run_time(__u32 i, void *c) { return below(1); }
SEC("tc") int bad_throw_not_walked(struct __sk_buff *ctx) { bpf_loop(10, not_at_run_time, 0, 0); return 0; }
