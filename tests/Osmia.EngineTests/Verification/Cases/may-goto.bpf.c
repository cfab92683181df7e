#include "common.h"

__u64 table[64];
#define may_go(label) asm volatile goto("may_goto %l[" #label "]" :::: label)
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } ring SEC(".maps");

SEC("tc") int ok_plain(struct __sk_buff *skb) { for (;;) { may_go(out); } out: return 0; }
SEC("tc") int bad_index_masked(struct __sk_buff *skb) { __u64 i = 0; for (;; i++) { may_go(out); table[i & 63] = 1; } out: return i & 1; }
SEC("tc") int ok_index_checked(struct __sk_buff *skb) { for (__u64 i = 0; i < 64; i++) { may_go(out); table[i] = 1; } out: return 0; }
SEC("tc") int bad_index(struct __sk_buff *skb) { __u64 i = 0; for (;; i++) { may_go(out); table[i] = 1; } out: return 0; }
SEC("tc") int ok_condition(struct __sk_buff *skb) { __u32 x = skb->len; while (x != 1) { may_go(out); x = x & 1 ? x * 3 + 1 : x / 2; } out: return 0; }
SEC("tc") int bad_reserve(struct __sk_buff *skb) { for (;;) { may_go(out); __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); if (p) *p = 1; } out: return 0; }
SEC("tc") int ok_reserve_submit(struct __sk_buff *skb) { for (;;) { may_go(out); __u64 *p = bpf_ringbuf_reserve(&ring, 8, 0); if (p) bpf_ringbuf_submit(p, 0); } out: return 0; }
SEC("tc") int ok_nested(struct __sk_buff *skb) { __u32 n = 0; for (;;) { may_go(out); for (;;) { may_go(next); n++; } next:; } out: return n & 1; }
SEC("tc") int ok_no_loop(struct __sk_buff *skb) { may_go(out); table[0] = 1; out: return 0; }
STATIC int search(__u64 wanted) { __u64 i = 0; for (;; i++) { may_go(out); if (i < 64 && table[i] == wanted) return i; } out: return -1; }
SEC("tc") int bad_function(struct __sk_buff *skb) { return search(skb->len) == 3; }
SEC("tc") int ok_pointer_kept(struct __sk_buff *skb) { __u64 *p = table; for (;;) { may_go(out); *p = 1; } out: return 0; }
SEC("tc") int bad_pointer_moves(struct __sk_buff *skb) { __u64 *p = table; for (;; p++) { may_go(out); *(volatile __u64 *)p = 1; } out: return 0; }
SEC("tc") int ok_stack_full(struct __sk_buff *skb) { char b[504]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); for (;;) { may_go(out); } out: return 0; }
SEC("tc") int ok_stack_room(struct __sk_buff *skb) { char b[480]; __builtin_memset(b, 0, sizeof b); bpf_trace_printk(b, 8); for (;;) { may_go(out); } out: return 0; }
SEC("tc") int ok_spilled_counter(struct __sk_buff *skb) { volatile __u64 n = 0; for (;;) { may_go(out); n++; } out: return n & 1; }
