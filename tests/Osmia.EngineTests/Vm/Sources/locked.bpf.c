// A value that programs and the host change under its lock: both numbers are one at any time.
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
struct __sk_buff { __u32 len; };
struct bpf_spin_lock { __u32 val; };
static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_spin_lock)(void *lock) = (void *)93;
static long (*bpf_spin_unlock)(void *lock) = (void *)94;

struct pair { __u64 a; struct bpf_spin_lock lock; __u64 b; };
struct { __uint(type, 1); __uint(max_entries, 8); __type(key, __u32); __type(value, struct pair); } pairs SEC(".maps");

SEC("tc") int step(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct pair *pair = bpf_map_lookup_elem(&pairs, &key);
	int torn;
	if (!pair) return 2;
	bpf_spin_lock(&pair->lock);
	torn = pair->a != pair->b;
	pair->a++;
	pair->b++;
	bpf_spin_unlock(&pair->lock);
	return torn;
}
