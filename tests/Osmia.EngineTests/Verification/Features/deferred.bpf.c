#include "features.h"

struct bpf_wq { __u64 opaque[2]; } __attribute__((aligned(8)));
extern int bpf_wq_init(struct bpf_wq *wq, void *map, unsigned int flags) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, unsigned int flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *map, int *key, void *value), unsigned int flags, void *aux) __ksym;
extern int bpf_copy_from_user_str(void *dst, __u32 dst__sz, const void *src, __u64 flags) __ksym;

struct value { __u64 count; struct bpf_wq work; };
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } works SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } others SEC(".maps");
struct { __uint(type, 31); __uint(max_entries, 4096); } commands SEC(".maps");

static int count(void *map, int *key, void *value) { ((struct value *)value)->count++; return 0; }
static int sleeps(void *map, int *key, void *value) { char text[8]; bpf_copy_from_user_str(text, 8, value, 0); return 0; }
static int returns_one(void *map, int *key, void *value) { return 1; }
static int touches_beyond(void *map, int *key, void *value) { return ((volatile __u64 *)value)[30] & 0; }
#define WORK struct value *v; __u32 key = 0; v = bpf_map_lookup_elem(&works, &key); if (!v) return 0

SEC("tc") int ok_work(struct __sk_buff *skb) { WORK; bpf_wq_init(&v->work, &works, 0); bpf_wq_set_callback_impl(&v->work, count, 0, 0); bpf_wq_start(&v->work, 0); return 0; }
SEC("tc") int ok_work_sleeps(struct __sk_buff *skb) { WORK; bpf_wq_init(&v->work, &works, 0); bpf_wq_set_callback_impl(&v->work, sleeps, 0, 0); return 0; }
SEC("tc") int no_work_other_map(struct __sk_buff *skb) { WORK; bpf_wq_init(&v->work, &others, 0); return 0; }
SEC("tc") int no_work_wrong_place(struct __sk_buff *skb) { WORK; bpf_wq_init((void *)&v->count, &works, 0); return 0; }
SEC("tc") int no_work_on_stack(struct __sk_buff *skb) { struct bpf_wq w; bpf_wq_init(&w, &works, 0); return 0; }
SEC("tc") int no_work_returns_one(struct __sk_buff *skb) { WORK; bpf_wq_set_callback_impl(&v->work, returns_one, 0, 0); return 0; }
SEC("tc") int no_work_beyond(struct __sk_buff *skb) { WORK; bpf_wq_set_callback_impl(&v->work, touches_beyond, 0, 0); return 0; }
SEC("tc") int no_work_touched(struct __sk_buff *skb) { WORK; return *(volatile __u64 *)&v->work; }

static long look(struct bpf_dynptr *p, void *ctx) { char b[4]; return bpf_dynptr_read(b, 4, p, 0, 0) ? 1 : 0; }
static long submits(struct bpf_dynptr *p, void *ctx) { bpf_ringbuf_discard_dynptr(p, 0); return 0; }
static long overwrites(struct bpf_dynptr *p, void *ctx) { static char data[8]; return bpf_dynptr_from_mem(data, 8, 0, p) & 1; }
static long reads(struct bpf_dynptr *p, void *ctx) { return ((volatile struct bpf_dynptr *)p)->opaque[0] & 1; }
static long takes(struct bpf_dynptr *p, void *ctx) { char *d = bpf_dynptr_data(p, 0, 4); return d ? d[3] & 1 : 0; }
SEC("tc") int ok_drain(struct __sk_buff *skb) { return bpf_user_ringbuf_drain(&commands, look, 0, 0); }
SEC("tc") int ok_drain_data(struct __sk_buff *skb) { return bpf_user_ringbuf_drain(&commands, takes, 0, 0); }
SEC("tc") int no_drain_submits(struct __sk_buff *skb) { return bpf_user_ringbuf_drain(&commands, submits, 0, 0); }
SEC("tc") int no_drain_overwrites(struct __sk_buff *skb) { return bpf_user_ringbuf_drain(&commands, overwrites, 0, 0); }
SEC("tc") int no_drain_reads(struct __sk_buff *skb) { return bpf_user_ringbuf_drain(&commands, reads, 0, 0); }
