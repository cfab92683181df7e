// Programs only the VM runs as they are: kernel functions that Linux gives to other program types.
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef long long __s64;
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __uint(name, val) int (*name)[val]
#define __arena __attribute__((address_space(1)))
struct __sk_buff { __u32 len; };
struct bpf_cpumask { __u64 bits[16]; };

extern void __arena *bpf_arena_alloc_pages(void *map, void __arena *address, __u32 pages, int node, __u64 flags) __ksym;
extern void bpf_arena_free_pages(void *map, void __arena *p, __u32 pages) __ksym;
extern struct bpf_cpumask *bpf_cpumask_create(void) __ksym;
extern struct bpf_cpumask *bpf_cpumask_acquire(struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_release(struct bpf_cpumask *mask) __ksym;
extern __u32 bpf_cpumask_first(struct bpf_cpumask *mask) __ksym;
extern __u32 bpf_cpumask_first_zero(struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_set_cpu(__u32 cpu, struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_clear_cpu(__u32 cpu, struct bpf_cpumask *mask) __ksym;
extern _Bool bpf_cpumask_test_cpu(__u32 cpu, struct bpf_cpumask *mask) __ksym;
extern _Bool bpf_cpumask_test_and_set_cpu(__u32 cpu, struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_setall(struct bpf_cpumask *mask) __ksym;
extern void bpf_cpumask_clear(struct bpf_cpumask *mask) __ksym;
extern _Bool bpf_cpumask_and(struct bpf_cpumask *to, struct bpf_cpumask *a, struct bpf_cpumask *b) __ksym;
extern void bpf_cpumask_or(struct bpf_cpumask *to, struct bpf_cpumask *a, struct bpf_cpumask *b) __ksym;
extern _Bool bpf_cpumask_equal(struct bpf_cpumask *a, struct bpf_cpumask *b) __ksym;
extern _Bool bpf_cpumask_subset(struct bpf_cpumask *a, struct bpf_cpumask *b) __ksym;
extern _Bool bpf_cpumask_empty(struct bpf_cpumask *mask) __ksym;
extern _Bool bpf_cpumask_full(struct bpf_cpumask *mask) __ksym;
extern __u32 bpf_cpumask_weight(struct bpf_cpumask *mask) __ksym;

struct { __uint(type, 33); __uint(map_flags, 1 << 10); __uint(max_entries, 4); } arena SEC(".maps");

__s64 out[32];
struct node { struct node __arena *next; __u64 key; };
struct node __arena *first;

SEC("tc") int build(struct __sk_buff *skb)
{
	struct node __arena *page = bpf_arena_alloc_pages(&arena, 0, 1, -1, 0);
	if (!page) return 1;
	for (int i = 0; i < 5; i++) {
		page[i].key = i * i;
		page[i].next = first;
		first = page + i;
	}

	out[0] = bpf_arena_alloc_pages(&arena, 0, 4, -1, 0) != 0;
	out[1] = bpf_arena_alloc_pages(&arena, 0, 3, -1, 0) != 0;
	return 0;
}

SEC("tc") int walk(struct __sk_buff *skb)
{
	__u64 sum = 0;
	for (struct node __arena *n = first; n; n = n->next) sum = sum * 20 + n->key;
	return sum;
}

SEC("tc") int beyond(struct __sk_buff *skb) { struct node __arena *page = first; bpf_arena_free_pages(&arena, page, 1); return page->key; }

SEC("tc") int masks(struct __sk_buff *skb)
{
	struct bpf_cpumask *a = bpf_cpumask_create(), *b = bpf_cpumask_create(), *c;
	if (!a || !b) return 1;
	out[0] = bpf_cpumask_empty(a);
	bpf_cpumask_set_cpu(1, a);
	bpf_cpumask_set_cpu(3, a);
	bpf_cpumask_set_cpu(100, a);
	out[1] = bpf_cpumask_weight(a);
	out[2] = bpf_cpumask_first(a) * 10 + bpf_cpumask_first_zero(a);
	out[3] = bpf_cpumask_test_cpu(3, a) * 2 + bpf_cpumask_test_cpu(2, a);
	out[4] = bpf_cpumask_test_and_set_cpu(3, a) * 2 + bpf_cpumask_test_and_set_cpu(2, a);
	bpf_cpumask_setall(b);
	out[5] = bpf_cpumask_full(b) * 2 + bpf_cpumask_full(a);
	out[6] = bpf_cpumask_subset(a, b) * 2 + bpf_cpumask_subset(b, a);
	bpf_cpumask_clear_cpu(1, b);
	out[7] = bpf_cpumask_and(b, a, b) * 10 + bpf_cpumask_weight(b);
	bpf_cpumask_or(b, a, b);
	out[8] = bpf_cpumask_equal(a, b);
	c = bpf_cpumask_acquire(b);
	bpf_cpumask_release(b);
	bpf_cpumask_clear(c);
	out[9] = bpf_cpumask_first(c);
	bpf_cpumask_release(c);
	bpf_cpumask_release(a);
	return 0;
}

SEC("tc") int kept(struct __sk_buff *skb) { return bpf_cpumask_create() == 0; }
