#include "common.h"

struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, int); __type(value, __u64); } hash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_STACK_TRACE); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 160); } stacks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(max_entries, 4); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
char buffer[64];

STATIC int copies(__u32 i, void *ctx) { bpf_copy_from_user(buffer, 8, (void *)(long)i); return 0; }
GLOBAL int copies_global(int i) { return bpf_copy_from_user(buffer, 8, (void *)(long)i); }
GLOBAL int calls_copies(int i) { return copies_global(i); }

SEC("syscall") int ok_copy(void *ctx) { bpf_copy_from_user(buffer, 8, ctx); return 0; }
SEC("uprobe.s") int ok_uprobe(void *ctx) { bpf_copy_from_user(buffer, 8, (void *)1); return 0; }
SEC("uprobe") int bad_uprobe(void *ctx) { bpf_copy_from_user(buffer, 8, (void *)1); return 0; }
SEC("kprobe/x") int bad_kprobe(void *ctx) { bpf_copy_from_user(buffer, 8, (void *)1); return 0; }
SEC("tc") int bad_tc(void *ctx) { bpf_copy_from_user(buffer, 8, (void *)1); return 0; }
SEC("uprobe.s") int ok_in_callback(void *ctx) { bpf_loop(10, copies, 0, 0); return 0; }
SEC("uprobe") int bad_in_callback(void *ctx) { bpf_loop(10, copies, 0, 0); return 0; }
SEC("uprobe.s") int ok_in_global(void *ctx) { return copies_global(1) & 0; }
SEC("uprobe") int bad_in_global(void *ctx) { return copies_global(1) & 0; }
SEC("uprobe") int bad_in_global_below(void *ctx) { return calls_copies(1) & 0; }
SEC("uprobe.s") int ok_map(void *ctx) { int k = 0; return !bpf_map_lookup_elem(&hash, &k); }
SEC("uprobe.s") int bad_map(void *ctx) { return bpf_get_stackid(ctx, &stacks, 0) > 0; }
SEC("uprobe.s") int bad_perf(void *ctx) { bpf_perf_event_output(ctx, &events, 0, buffer, 8); return 0; }
SEC("syscall") int ok_sys_bpf(void *ctx) { union { char b[128]; } a = {}; return bpf_sys_bpf(0, &a, 64) & 1; }
SEC("syscall") int ok_kallsyms(void *ctx) { __u64 a; static const char n[] = "jiffies"; return bpf_kallsyms_lookup_name(n, sizeof n, 0, &a) & 1; }
