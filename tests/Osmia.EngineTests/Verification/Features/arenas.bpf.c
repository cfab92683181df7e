#include "features.h"

#define __arena __attribute__((address_space(1)))
struct { __uint(type, 33); __uint(map_flags, 1 << 10); __uint(max_entries, 10); } arena SEC(".maps");
extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *addr, __u32 pages, int node, __u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *p, __u32 pages) __ksym;
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } values SEC(".maps");

SEC("syscall") int ok_pages(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); if (!p) return 1; *p = 1; p[1] = p[0]; bpf_arena_free_pages(&arena, p, 1); return 0; }
SEC("syscall") int ok_unchecked(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); *p = 1; return 0; }
SEC("syscall") int ok_far(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); p[100000] = 1; return p[-5]; }
SEC("syscall") int ok_after_free(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); bpf_arena_free_pages(&arena, p, 1); return *p; }
SEC("syscall") int ok_index(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); return p[bpf_ktime_get_ns()]; }
SEC("syscall") int ok_in_arena(void *ctx) { int __arena * __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); *p = (int __arena *)p; return **p; }
SEC("tc") int no_not_sleepable(struct __sk_buff *skb) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); return p != 0; }
SEC("syscall") int no_other_map(void *ctx) { void __arena *p = bpf_arena_alloc_pages(ctx, 0, 1, -1, 0); return p != 0; }
SEC("syscall") int no_to_helper(void *ctx) { int __arena *p = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0); *p = 1; return bpf_probe_read_kernel((void *)(__arena void *)p, 4, ctx); }
