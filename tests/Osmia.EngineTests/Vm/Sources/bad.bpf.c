// What programs do wrong, one each. The tests ask for the line, the slot and the registers of the trap.
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define SEC(name) __attribute__((section(name), used))
struct __sk_buff { __u32 len; __u32 a[18]; __u32 data; __u32 data_end; };
static long (*bpf_trace_printk)(const char *format, __u32 size, ...) = (void *)6;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;

volatile __u64 zero;
volatile __u64 wild = 0x123456789000;

SEC("tc") int wild_pointer(struct __sk_buff *skb)
{
	__u64 *place = (__u64 *)wild;
	return place[2]; // trap: wild
}

SEC("tc") int null_pointer(struct __sk_buff *skb)
{
	struct { __u64 a, b; } *place = (void *)zero;
	place->b = 1; // trap: null
	return 0;
}

SEC("tc") int division(struct __sk_buff *skb)
{
	return 7 / zero + 7 % zero;
}

SEC("tc") int endless(struct __sk_buff *skb)
{
	while (!zero)
		wild++; // trap: endless
	return 0;
}

static __attribute__((noinline)) __u64 deeper(__u64 n)
{
	if (zero) return n;
	return deeper(n + 1) + wild; // trap: deep
}

SEC("tc") int recursion(struct __sk_buff *skb)
{
	return deeper(1);
}

SEC("tc") int thrown(struct __sk_buff *skb)
{
	char text[] = "boom";
	bpf_trace_printk(text, sizeof(text)); // trap: thrown
	return 0;
}

SEC("tc") int good(struct __sk_buff *skb)
{
	return skb->len;
}
