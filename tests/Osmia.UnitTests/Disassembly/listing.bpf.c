// A program with a subprogram, a map, a global and a loop, to see how a listing prints them.
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))

struct {
	int (*type)[1];
	__u32 *key;
	__u64 *value;
	int (*max_entries)[4];
} sums SEC(".maps");

const volatile __u32 rounds = 3;

static void *(*const lookup)(void *map, const void *key) = (void *)1;

struct context {
	__u32 length;
	__u32 mark;
};

__attribute__((noinline)) int mix(__u32 first, __u32 second)
{
	return first * 31 + (second ^ 7);
}

SEC("socket") int sum(struct context *ctx)
{
	__u32 key = ctx->length & 3;
	__u64 *slot = lookup(&sums, &key);

	if (!slot)
		return 0;
	for (__u32 i = 0; i < rounds; i++)
		*slot += mix(ctx->mark, i);
	return *slot > 0x123456789ULL;
}

char LICENSE[] SEC("license") = "GPL";
