#include "common.h"

struct elem { __u64 before; struct bpf_timer timer; __u64 after; };
struct two_level { __u32 pad; struct elem e; };
struct no_timer { __u64 a[4]; };

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct two_level); } nested SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct no_timer); } plain SEC(".maps");

#define CLOCK_MONOTONIC 1
STATIC int tick(void *map, int *key, struct elem *value) { value->after++; return 0; }
STATIC int tick_again(void *map, int *key, struct elem *value) { bpf_timer_start(&value->timer, 1000, 0); return 0; }
STATIC int tick_self(void *map, int *key, struct elem *value) { bpf_timer_set_callback(&value->timer, tick_self); bpf_timer_start(&value->timer, 1000, 0); return 0; }
STATIC int tick_one(void *map, int *key, struct elem *value) { return 1; }
STATIC int tick_any(void *map, int *key, struct elem *value) { return value->before; }
STATIC int tick_past(void *map, int *key, struct elem *value) { return (&value->after)[1]; }
STATIC int tick_deletes(void *map, int *key, struct elem *value) { bpf_map_delete_elem(map, key); return 0; }
STATIC int tick_reads_r4(void *map, int *key, struct elem *value) { long x; asm volatile("%0 = r4" : "=r"(x)); OPAQUE(x); return x ? 0 : 0; }
STATIC int tick_forever(void *map, int *key, struct elem *value) { while (1) bpf_get_prandom_u32(); return 0; }
STATIC int loop_body(__u32 i, struct elem **e) { return 0; }
STATIC int tick_loop(void *map, int *key, struct elem *value) { bpf_loop(10, loop_body, 0, 0); return 0; }

#define PROGRAM(name, MAP, BODY) SEC("tc") int name(struct __sk_buff *skb) { int k = skb->len; struct elem *e = bpf_map_lookup_elem(&MAP, &k); if (!e) return 0; BODY; return 0; }
PROGRAM(ok_timer, hash, bpf_timer_init(&e->timer, &hash, CLOCK_MONOTONIC); bpf_timer_set_callback(&e->timer, tick); bpf_timer_start(&e->timer, 1000, 0))
PROGRAM(ok_timer_array, array, bpf_timer_init(&e->timer, &array, CLOCK_MONOTONIC); bpf_timer_set_callback(&e->timer, tick_again); bpf_timer_cancel(&e->timer))
PROGRAM(ok_timer_self, hash, bpf_timer_set_callback(&e->timer, tick_self))
PROGRAM(ok_timer_deletes, hash, bpf_timer_set_callback(&e->timer, tick_deletes))
PROGRAM(ok_timer_loop, hash, bpf_timer_set_callback(&e->timer, tick_loop))
PROGRAM(bad_timer_one, hash, bpf_timer_set_callback(&e->timer, tick_one))
PROGRAM(bad_timer_any, hash, bpf_timer_set_callback(&e->timer, tick_any))
PROGRAM(bad_timer_past, hash, bpf_timer_set_callback(&e->timer, tick_past))
PROGRAM(bad_timer_reads_r4, hash, bpf_timer_set_callback(&e->timer, tick_reads_r4))
PROGRAM(bad_timer_forever, hash, bpf_timer_set_callback(&e->timer, tick_forever))
PROGRAM(bad_timer_other_map, hash, bpf_timer_init(&e->timer, &array, CLOCK_MONOTONIC))
PROGRAM(bad_timer_no_place, hash, bpf_timer_start((void *)e, 1000, 0))
PROGRAM(bad_timer_plain_map, plain, bpf_timer_start(&e->timer, 1000, 0))
PROGRAM(bad_timer_read, hash, return *(volatile __u64 *)&e->timer)
PROGRAM(bad_timer_write, hash, *(volatile __u64 *)&e->timer = 1)
PROGRAM(bad_timer_read_last, hash, return *((volatile __u8 *)&e->timer + 15))
PROGRAM(ok_timer_neighbours, hash, e->before = e->after; e->after = 3)
PROGRAM(bad_timer_helper_read, hash, bpf_trace_printk((void *)e, sizeof(*e)))
PROGRAM(ok_timer_helper_beside, hash, bpf_trace_printk((void *)&e->after, 8))
PROGRAM(bad_timer_atomic, hash, __sync_fetch_and_add((__u64 *)&e->timer, 1))
PROGRAM(bad_timer_variable, hash, __u64 at = skb->len & 31; OPAQUE(at); *((volatile __u8 *)e + at) = 1)
PROGRAM(bad_timer_as_value, hash, bpf_map_update_elem(&hash, &k, e, 0))

SEC("tc") int ok_timer_nested(struct __sk_buff *skb) { int k = 0; struct two_level *t = bpf_map_lookup_elem(&nested, &k); if (!t) return 0; bpf_timer_init(&t->e.timer, &nested, 1); t->pad = 1; return 0; }
SEC("tc") int bad_timer_null(struct __sk_buff *skb) { int k = skb->len; struct elem *e = bpf_map_lookup_elem(&hash, &k); bpf_timer_start(&e->timer, 1, 0); return 0; }
SEC("tc") int ok_update_from_stack(struct __sk_buff *skb) { int k = 0; struct elem e = {}; bpf_map_update_elem(&hash, &k, &e, 0); return 0; }
SEC("tc") int bad_timer_on_stack(struct __sk_buff *skb) { struct bpf_timer t = {}; bpf_timer_start(&t, 1, 0); return 0; }
SEC("kprobe/x") int bad_timer_tracing(void *ctx) { int k = 0; struct elem *e = bpf_map_lookup_elem(&hash, &k); if (!e) return 0; bpf_timer_start(&e->timer, 1, 0); return 0; }
SEC("kprobe/x") int bad_timer_map_tracing(void *ctx) { int k = 0; struct elem *e = bpf_map_lookup_elem(&hash, &k); return !e; }
SEC("socket") int ok_timer_socket(void *ctx) { int k = 0; struct elem *e = bpf_map_lookup_elem(&hash, &k); if (!e) return 0; bpf_timer_start(&e->timer, 1, 0); return 0; }

struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } inner1 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 2); __type(key, int); __array(values, struct inner); } outer SEC(".maps") = { .values = { &inner1 } };
SEC("tc") int ok_timer_inner(struct __sk_buff *skb) { int k = 0; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; struct elem *e = bpf_map_lookup_elem(m, &k); if (!e) return 0; bpf_timer_init(&e->timer, m, 1); return 0; }
SEC("tc") int bad_timer_two_inner(struct __sk_buff *skb) { int k = 0, j = 1; void *m = bpf_map_lookup_elem(&outer, &k); if (!m) return 0; void *n = bpf_map_lookup_elem(&outer, &j); if (!n) return 0; struct elem *e = bpf_map_lookup_elem(m, &k); if (!e) return 0; bpf_timer_init(&e->timer, n, 1); return 0; }
