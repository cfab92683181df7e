#include "common.h"

struct elem { __u64 count; struct bpf_spin_lock lock; __u32 after; };
struct plain { __u64 count; __u64 other; };
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct elem); } array SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, struct plain); } plain SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __type(key, int); __type(value, int); } jumps SEC(".maps");
struct bpf_spin_lock global_lock SEC(".data.lock");
struct bpf_spin_lock other_lock SEC(".bss.other");
__u64 counter SEC(".data.lock") = 1;

STATIC int add(struct elem *e) { e->count++; return e->after; }
STATIC int lock_it(struct elem *e) { bpf_spin_lock(&e->lock); return 0; }
STATIC int unlock_it(struct elem *e) { bpf_spin_unlock(&e->lock); return 0; }
GLOBAL int visible(int x) { return x + 1; }
STATIC int body(__u32 i, void *c) { return 0; }
STATIC int body_locks(__u32 i, struct elem **e) { bpf_spin_lock(&global_lock); bpf_spin_unlock(&global_lock); return 0; }
STATIC int body_keeps(__u32 i, struct elem **e) { bpf_spin_lock(&global_lock); return 0; }

#define PROGRAM(type, name, MAP, BODY) SEC(type) int name(struct __sk_buff *skb) { int k = skb->len; struct elem *e = bpf_map_lookup_elem(&MAP, &k); if (!e) return 0; BODY; return 0; }
PROGRAM("tc", ok_lock, hash, bpf_spin_lock(&e->lock); e->count++; bpf_spin_unlock(&e->lock))
PROGRAM("tc", ok_lock_array, array, bpf_spin_lock(&e->lock); e->count++; bpf_spin_unlock(&e->lock))
PROGRAM("tc", ok_lock_unused, array, e->count++; e->after = 3)
PROGRAM("tc", bad_lock_kept, hash, bpf_spin_lock(&e->lock))
PROGRAM("tc", bad_lock_kept_one_path, hash, bpf_spin_lock(&e->lock); if (e->count > 3) return 1; bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_unlock_only, hash, bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_lock_twice, hash, bpf_spin_lock(&e->lock); bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_helper_held, hash, bpf_spin_lock(&e->lock); e->count = bpf_ktime_get_ns(); bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_prandom_held, hash, bpf_spin_lock(&e->lock); e->count = bpf_get_prandom_u32(); bpf_spin_unlock(&e->lock))
PROGRAM("tc", ok_static_held, hash, bpf_spin_lock(&e->lock); add(e); bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_global_held, hash, bpf_spin_lock(&e->lock); e->count = visible(1); bpf_spin_unlock(&e->lock))
PROGRAM("tc", bad_loop_held, hash, bpf_spin_lock(&e->lock); bpf_loop(3, body, 0, 0); bpf_spin_unlock(&e->lock))
PROGRAM("tc", ok_lock_by_function, hash, lock_it(e); e->count++; unlock_it(e))
PROGRAM("tc", bad_lock_by_function_kept, hash, lock_it(e); e->count++)
PROGRAM("tc", bad_lock_place, hash, bpf_spin_lock((void *)&e->after))
PROGRAM("tc", bad_lock_start, hash, bpf_spin_lock((void *)e))
PROGRAM("tc", bad_lock_plain, plain, bpf_spin_lock((void *)e); bpf_spin_unlock((void *)e))
PROGRAM("tc", bad_lock_read, hash, return *(volatile __u32 *)&e->lock)
PROGRAM("tc", bad_lock_write, hash, *(volatile __u32 *)&e->lock = 0)
PROGRAM("tc", bad_lock_wide_read, hash, return *(volatile __u64 *)&e->lock)
PROGRAM("tc", bad_lock_number, hash, bpf_spin_lock((void *)1))
PROGRAM("tc", bad_lock_in_loop, hash, for (int i = 0; i < 3; i++) bpf_spin_lock(&e->lock))
PROGRAM("tc", ok_lock_in_loop, hash, for (int i = 0; i < 3; i++) { bpf_spin_lock(&e->lock); e->count++; bpf_spin_unlock(&e->lock); })
PROGRAM("tc", bad_tail_held, hash, bpf_spin_lock(&e->lock); bpf_tail_call(skb, &jumps, 0); bpf_spin_unlock(&e->lock))
PROGRAM("socket", bad_socket, hash, bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock))
PROGRAM("socket", bad_socket_map, hash, e->count++)
PROGRAM("kprobe/x", bad_kprobe, hash, bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock))
PROGRAM("tracepoint/a/b", bad_tracepoint, hash, bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock))
PROGRAM("cgroup_skb/ingress", ok_cgroup, hash, bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock))
PROGRAM("tc", ok_variable_beside, hash, __u64 at = k & 7; OPAQUE(at); *((volatile __u8 *)e + at) = 1)
PROGRAM("tc", bad_variable_lock, hash, __u64 at = k & 15; OPAQUE(at); *((volatile __u8 *)e + at) = 1)
PROGRAM("tc", bad_variable_lock_arg, hash, __u64 at = k & 8; OPAQUE(at); bpf_spin_lock((void *)e + at))

SEC("tc") int bad_two_values(struct __sk_buff *skb) { int k = skb->len, j = skb->mark; struct elem *e = bpf_map_lookup_elem(&hash, &k); if (!e) return 0; struct elem *f = bpf_map_lookup_elem(&hash, &j); if (!f) return 0; bpf_spin_lock(&e->lock); bpf_spin_unlock(&f->lock); return 0; }
SEC("tc") int bad_two_at_once(struct __sk_buff *skb) { int k = skb->len, j = skb->mark; struct elem *e = bpf_map_lookup_elem(&hash, &k); if (!e) return 0; struct elem *f = bpf_map_lookup_elem(&hash, &j); if (!f) return 0; bpf_spin_lock(&e->lock); bpf_spin_lock(&f->lock); bpf_spin_unlock(&f->lock); bpf_spin_unlock(&e->lock); return 0; }
SEC("tc") int bad_two_constant_keys(struct __sk_buff *skb) { int k = 1; struct elem *e = bpf_map_lookup_elem(&array, &k); struct elem *f = bpf_map_lookup_elem(&array, &k); if (!e || !f) return 0; bpf_spin_lock(&e->lock); bpf_spin_unlock(&f->lock); return 0; }
SEC("tc") int ok_global_lock(struct __sk_buff *skb) { bpf_spin_lock(&global_lock); counter++; bpf_spin_unlock(&global_lock); return 0; }
SEC("tc") int bad_two_global_locks(struct __sk_buff *skb) { bpf_spin_lock(&global_lock); bpf_spin_unlock(&other_lock); return 0; }
SEC("tc") int bad_global_lock_read(struct __sk_buff *skb) { return *(volatile int *)&global_lock; }
SEC("tc") int ok_loop_locks(struct __sk_buff *skb) { bpf_loop(100, body_locks, 0, 0); return 0; }
SEC("tc") int bad_loop_keeps(struct __sk_buff *skb) { bpf_loop(100, body_keeps, 0, 0); return 0; }
SEC("tc") int bad_null_lock(struct __sk_buff *skb) { int k = skb->len; struct elem *e = bpf_map_lookup_elem(&hash, &k); bpf_spin_lock(&e->lock); bpf_spin_unlock(&e->lock); return 0; }
