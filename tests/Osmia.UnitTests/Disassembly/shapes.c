/* Code that makes clang use as many kinds of instructions as C can: all widths, signs, comparisons, atomics, jumps. */
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;
typedef signed char s8;
typedef short s16;
typedef int s32;
typedef long s64;

#define SEC(name) __attribute__((section(name), used))
#define NOINLINE __attribute__((noinline))

struct {
	int (*type)[1];
	u32 *key;
	u64 *value;
	int (*max_entries)[10];
} counts SEC(".maps");

static void *(*const lookup)(void *, const void *) = (void *)1;
static long (*const loop)(u32, void *, void *, u64) = (void *)181;
u64 load_byte(void *skb, u64 offset) asm("llvm.bpf.load.byte");
u64 load_half(void *skb, u64 offset) asm("llvm.bpf.load.half");
u64 load_word(void *skb, u64 offset) asm("llvm.bpf.load.word");

u64 total;
s32 small = -3;
const volatile u16 limit = 7;

struct fields {
	u8 a;
	u16 b;
	u32 c;
	u64 d;
	s8 e;
	s16 f;
	s32 g;
};

static NOINLINE u64 arithmetic64(u64 a, u64 b)
{
	u64 r = a + b - 5;
	r = r * b + 17;
	r /= b | 1;
	r %= (a & 0xff) | 1;
	r ^= a << 3;
	r |= b >> (a & 63);
	r &= ~(a << (b & 63));
	r += (s64)a >> 7;
	r -= (s64)b >> (a & 31);
	return -r;
}

static NOINLINE u32 arithmetic32(u32 a, u32 b)
{
	u32 r = a + b * 3;
	r /= b | 1;
	r %= (a & 0xff) | 1;
	r ^= a << 3;
	r |= b >> (a & 31);
	r += (s32)a >> 7;
	r -= (s32)b >> (a & 31);
	return -r;
}

static NOINLINE u64 memory(struct fields *p)
{
	p->a += p->b;
	p->b = 9;
	p->c = p->d;
	p->d = -1;
	p->a = 1;
	p->c ^= 0x12345678;
	return p->e + p->f + p->g + __builtin_bswap16(p->b) + __builtin_bswap32(p->c) + __builtin_bswap64(p->d);
}

static NOINLINE u64 compare(u64 a, s64 b, u32 c, s32 d)
{
	u64 r = 0;
	asm volatile("" : "+r"(r));
	if (a > (u64)b) r += 1; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (b > 3) r *= 3; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (b < (s64)a) r ^= 5; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (a <= 100) r += 9; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (c > 17) r += 1; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (d < -2) r *= 7; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (c & 8) r += 11; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (d == (s32)c) r += 13; else asm volatile("" : "+r"(r));
	asm volatile("" : "+r"(r));
	if (a != 0x123456789abcull) r += 15; else asm volatile("" : "+r"(r));
	return r;
}

static long callback(u32 index, u64 *sum)
{
	*sum += index;
	return index == 5;
}

SEC("socket") int program(void *skb)
{
	struct fields f = {1, 2, 3, 4, -1, -2, -3};
	u32 key = 0;
	u64 sum = load_byte(skb, 12) + load_half(skb, 14) + load_word(skb, 26);
	u64 *value = lookup(&counts, &key);

	asm volatile("" : : "r"(&f) : "memory");
	loop(10, callback, &sum, 0);
	if (value)
		__sync_fetch_and_add(value, 1);
	total += arithmetic64(sum, limit) + arithmetic32(sum, small) + memory(&f) + compare(sum, f.g, f.c, small);
	for (u32 i = 0; i < limit; i++)
		total ^= sum >> i;
	return total;
}
