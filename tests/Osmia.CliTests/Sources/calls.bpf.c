// SPDX-License-Identifier: MIT
// A uprobe without a binary of its own (--path gives it), with one variable of each kind that an option can set.
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __tag(text) __attribute__((btf_decl_tag(text)))
#define __uint(name, value) int (*name)[value]
#define __type(name, value) typeof(value) *name

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static void *(*bpf_ringbuf_reserve)(void *map, __u64 size, __u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;

char LICENSE[] SEC("license") = "Dual MIT/GPL";

enum level { LOW = 1, HIGH = 20 };

struct call {
	__u64 took __tag("osmia:us");
	__u32 pid;
	enum level level;
	__u32 port;
	char label[8];
};

// Of the same size as a call: only the user can tell which one it is.
struct twin {
	__u64 words[4];
};

// Named like a built-in option, which wins; --set reaches it.
const volatile __u32 count = 7;
const volatile enum level targ_level = LOW;
const volatile _Bool targ_silent = 0;
const volatile __u32 targ_ports[4] = { 80, 443 };
const volatile char targ_label[8] = "plain";

// Writable, so that it is an option as well.
__u32 scale = 1;

struct call *unused_call __attribute__((unused));
struct twin *unused_twin __attribute__((unused));

struct {
	__uint(type, 27);
	__uint(max_entries, 64 * 1024);
} calls SEC(".maps");

struct hist {
	__u32 slots[27] __tag("osmia:us");
};

struct {
	__uint(type, 2);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hist);
} sizes SEC(".maps");

SEC("uprobe/osmia_work")
int on_work(void *ctx)
{
	__u32 zero = 0;
	struct hist *hist = bpf_map_lookup_elem(&sizes, &zero);

	if (hist)
		__sync_fetch_and_add(&hist->slots[3], 1);
	if (targ_silent)
		return 0;

	struct call *call = bpf_ringbuf_reserve(&calls, sizeof(*call), 0);

	if (!call)
		return 0;

	call->took = 1500;
	call->pid = bpf_get_current_pid_tgid() >> 32;
	call->level = targ_level;
	call->port = targ_ports[1] * scale + count;
	for (int i = 0; i < 8; i++)
		call->label[i] = targ_label[i];
	bpf_ringbuf_submit(call, 0);
	return 0;
}
