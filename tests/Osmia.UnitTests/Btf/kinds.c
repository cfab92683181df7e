/* Every kind of BTF that C can make. kinds.btf is its .BTF section:
 * clang-19 -g -O2 -target bpf -mcpu=v3 -fdebug-prefix-map=$PWD=. -c kinds.c -o kinds.o &&
 * llvm-objcopy-19 --dump-section .BTF=kinds.btf kinds.o */
#define SEC(n) __attribute__((section(n), used))
#define tag(x) __attribute__((btf_decl_tag(x)))
#define type_tag __attribute__((btf_type_tag("percpu")))

enum color { RED, GREEN = 5, BLUE = 0x7fffffff };
enum signed_values { NEGATIVE = -3, POSITIVE = 3 };
enum big { HUGE_VALUE = 0x100000000ULL, SMALL = 1 };
enum signed_big { MINUS = -1LL, LARGE = 0x7fffffffffffLL };
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u32 __be32;
typedef __u16 __be16;
typedef __u64 duration tag("osmia:us");
struct forward;
union forward_union;

struct in6_addr {
	union {
		__u8 bytes[16];
		__be32 words[4];
	} in6_u;
};

struct inner {
	_Bool yes;
	char letter;
	signed char tiny;
	float single;
	double twice;
	__int128 wide;
};

struct all {
	int a : 3;
	unsigned b : 5;
	const volatile __u32 cv;
	struct forward *p;
	union forward_union *up;
	char name[16];
	int matrix[2][3];
	int (*function)(const char *, struct all *, ...);
	void (*nothing)(void);
	enum color color;
	enum big big;
	enum signed_values sign;
	enum signed_big signed_big;
	struct {
		int x;
		union {
			int y;
			float z;
		};
	};
	struct inner in;
	int type_tag *tagged;
	char *const argv[4];
	int *restrict restricted;
} tag("whole");

struct formats {
	__be32 source;
	__be16 port;
	__u16 host_port tag("osmia:port");
	__u8 mac[6] tag("osmia:mac");
	__u16 pad tag("osmia:skip");
	__u32 four tag("osmia:ip4");
	__u8 six[16] tag("osmia:ip6");
	struct in6_addr other;
	__be32 route[3];
	__u64 ns tag("osmia:ns");
	__u64 us tag("osmia:us");
	__u32 ms tag("osmia:ms");
	__u32 flags tag("osmia:hex");
	duration typed;
	__u64 kernel_ip tag("osmia:ksym");
	__u32 tgid;
	__u8 digest[8] tag("osmia:hex");
	__u64 user_ip tag("osmia:usym");
	__u8 plain[3];
	char letters[5];
};

struct prefix4 {
	__u32 prefixlen;
	__be32 addr;
};

struct prefix6 {
	__u32 prefixlen;
	__u8 addr[16];
};

struct prefix_zone {
	__u32 prefixlen;
	__u32 zone;
	__u8 addr[4] tag("osmia:ip4");
};

struct all glob SEC(".data");
struct formats formats SEC(".data");
struct prefix4 prefix4 SEC(".data");
struct prefix6 prefix6 SEC(".data");
struct prefix_zone prefix_zone SEC(".data");
static volatile int hidden SEC(".bss.x") = 0;
extern int external __attribute__((section(".ksyms")));

int sub(int x tag("arg"))
{
	return x + hidden;
}

SEC("socket") int program(struct all *context)
{
	return sub(context->matrix[1][2]) + glob.cv + external + formats.port + prefix4.addr + prefix6.addr[1] + prefix_zone.zone;
}
