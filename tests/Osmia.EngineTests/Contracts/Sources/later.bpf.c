#include "contract.h"

struct bpf_timer { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_wq { __u64 opaque[2]; } __attribute__((aligned(8)));
struct later { __u64 count; struct bpf_timer timer; };
struct work { __u64 count; struct bpf_wq work; };

extern int bpf_wq_init(struct bpf_wq *wq, void *map, __u32 flags) __ksym;
extern int bpf_wq_set_callback_impl(struct bpf_wq *wq, int (*callback)(void *map, int *key, void *value), __u32 flags, void *aux) __ksym;
extern int bpf_wq_start(struct bpf_wq *wq, __u32 flags) __ksym;

struct { __uint(type, 2); __uint(max_entries, 3); __type(key, __u32); __type(value, struct later); } timers SEC(".maps");
struct { __uint(type, 1); __uint(max_entries, 3); __type(key, __u32); __type(value, struct later); } hashed SEC(".maps");
struct { __uint(type, 2); __uint(max_entries, 3); __type(key, __u32); __type(value, struct work); } works SEC(".maps");

__u64 fired;
__s64 self;

static int three_times(void *map, __u32 *key, struct later *value)
{
	value->count += 1 + *key;
	__sync_fetch_and_add(&fired, 1);
	if (value->count < 3 * (1 + *key)) bpf_timer_start(&value->timer, 1000000, 0);
	return 0;
}

static int once(void *map, __u32 *key, struct later *value) { __sync_fetch_and_add(&fired, 1); self = bpf_timer_cancel(&value->timer); return 0; }

SEC("tc") int timer_rules(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct later *value = bpf_map_lookup_elem(&timers, &key);
	if (!value) return 0;
	out[0] = bpf_timer_start(&value->timer, 0, 0);
	out[1] = bpf_timer_cancel(&value->timer);
	out[2] = bpf_timer_init(&value->timer, &timers, 5);
	out[3] = bpf_timer_init(&value->timer, &timers, 1);
	out[4] = bpf_timer_init(&value->timer, &timers, 1);
	out[5] = bpf_timer_start(&value->timer, 0, 0);
	out[6] = bpf_timer_set_callback(&value->timer, three_times);
	out[7] = bpf_timer_start(&value->timer, 0, 8);
	out[8] = bpf_timer_start(&value->timer, 1000000000000, 0);
	out[9] = bpf_timer_cancel(&value->timer);
	out[10] = bpf_timer_cancel(&value->timer);
	out[11] = bpf_timer_start(&value->timer, 0, 0);
	return 1;
}

SEC("tc") int start_timers(struct __sk_buff *skb)
{
	__u32 key = 1;
	struct later *value = bpf_map_lookup_elem(&timers, &key);
	struct later empty = {};
	if (!value) return 0;
	out[0] = bpf_timer_init(&value->timer, &timers, 1);
	bpf_timer_set_callback(&value->timer, three_times);
	out[1] = bpf_timer_start(&value->timer, 1000000, 0);
	key = 5;
	out[2] = bpf_map_update_elem(&hashed, &key, &empty, 0);
	value = bpf_map_lookup_elem(&hashed, &key);
	if (!value) return 2;
	out[3] = bpf_timer_init(&value->timer, &hashed, 7);
	bpf_timer_set_callback(&value->timer, once);
	out[4] = bpf_timer_start(&value->timer, 0, 0);
	return 1;
}

SEC("tc") int delete_with_timer(struct __sk_buff *skb)
{
	__u32 key = 6;
	struct later empty = {};
	struct later *value;
	out[0] = bpf_map_update_elem(&hashed, &key, &empty, 0);
	value = bpf_map_lookup_elem(&hashed, &key);
	if (!value) return 2;
	out[1] = bpf_timer_init(&value->timer, &hashed, 1);
	bpf_timer_set_callback(&value->timer, once);
	out[2] = bpf_timer_start(&value->timer, 50000000, 0);
	out[3] = bpf_map_delete_elem(&hashed, &key);
	return 1;
}

static int worked(void *map, int *key, void *value) { struct work *w = value; w->count += 10 + *key; __sync_fetch_and_add(&fired, 1); return 0; }

SEC("tc") int start_work(struct __sk_buff *skb)
{
	__u32 key = 2;
	struct work *value = bpf_map_lookup_elem(&works, &key);
	if (!value) return 0;
	out[0] = bpf_wq_start(&value->work, 0);
	out[1] = bpf_wq_init(&value->work, &works, 1);
	out[2] = bpf_wq_init(&value->work, &works, 0);
	out[3] = bpf_wq_init(&value->work, &works, 0);
	out[4] = bpf_wq_set_callback_impl(&value->work, worked, 0, 0);
	out[5] = bpf_wq_start(&value->work, 1);
	out[6] = bpf_wq_start(&value->work, 0);
	return 1;
}
