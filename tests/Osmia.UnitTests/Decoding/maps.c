/* Key and value types as BPF tools use them. maps.btf is its .BTF section:
 * clang-19 -g -O2 -target bpf -fdebug-prefix-map=$PWD=. -c maps.c -o maps.o && llvm-objcopy-19 --dump-section .BTF=maps.btf maps.o */
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef __u32 __be32;
#define tag(x) __attribute__((btf_decl_tag(x)))

enum layer { ALL, IPV4, IPV6 };
enum rule { PASS, DENY };

struct traffic {
	__u64 packets;
	__u64 bytes;
};

struct network {
	__u32 prefixlen;
	__be32 addr;
};

struct process {
	__u32 tgid;
};

struct waits {
	__u32 slots[26] tag("osmia:us");
	char comm[16];
};

struct place {
	__u32 pid;
	__u32 pad tag("osmia:skip");
	__u64 ip tag("osmia:usym");
};

struct named {
	char name[8];
	__u64 count;
};

struct event {
	__u32 pid;
	char comm[16];
	struct {
		__u64 delta tag("osmia:ns");
		__be32 addr;
	} where;
	enum rule rule;
	char path[64];
};

struct twin_a {
	__u64 x, y, z;
};

struct twin_b {
	__u64 x, y, z;
};

struct lone {
	__u64 a[9];
};

typedef struct {
	__u32 a, b, c;
} unnamed_t;

enum layer layer;
enum rule rule;
struct traffic traffic;
struct network network;
struct process process;
struct waits waits;
struct place place;
struct named named;
struct event event;
struct twin_a twin_a;
struct twin_b twin_b;
struct lone lone;
unnamed_t unnamed;
const struct twin_b *pointed;
