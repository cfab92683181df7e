/* SPDX-License-Identifier: MIT */
/*
 * The types the samples use, written by hand instead of a full vmlinux.h.
 *
 * Context and map types are kernel UAPI: their layouts never change and they are read as they stand. Kernel-internal
 * structures carry only the members the samples read; `core_struct` makes clang record each access, and the loader
 * moves the offset to where the running kernel keeps the member (CO-RE).
 */
#ifndef OSMIA_TYPES_H
#define OSMIA_TYPES_H

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;

/* Network byte order. The runner shows __be16 as a port and __be32 as an IPv4 address. */
typedef __u16 __be16;
typedef __u32 __be32;

typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)

#define core_struct __attribute__((preserve_access_index))

/* ---- maps ---- */

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERF_EVENT_ARRAY = 4,
	BPF_MAP_TYPE_PERCPU_HASH = 5,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_STACK_TRACE = 7,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_LRU_PERCPU_HASH = 10,
	BPF_MAP_TYPE_LPM_TRIE = 11,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* bpf_map_update_elem flags */
#define BPF_ANY 0ULL
#define BPF_NOEXIST 1ULL
#define BPF_EXIST 2ULL

/* map creation flag: an LPM trie demands it */
#define BPF_F_NO_PREALLOC 1U

/* bpf_perf_event_output flag: the buffer of the CPU the program runs on */
#define BPF_F_CURRENT_CPU 0xffffffffULL

/* ---- contexts of network programs ---- */

enum xdp_action {
	XDP_ABORTED = 0,
	XDP_DROP = 1,
	XDP_PASS = 2,
	XDP_TX = 3,
	XDP_REDIRECT = 4,
};

struct xdp_md {
	__u32 data;
	__u32 data_end;
	__u32 data_meta;
	__u32 ingress_ifindex;
	__u32 rx_queue_index;
	__u32 egress_ifindex;
};

struct __sk_buff {
	__u32 len;
	__u32 pkt_type;
	__u32 mark;
	__u32 queue_mapping;
	__u32 protocol;
	__u32 vlan_present;
	__u32 vlan_tci;
	__u32 vlan_proto;
	__u32 priority;
	__u32 ingress_ifindex;
	__u32 ifindex;
	__u32 tc_index;
	__u32 cb[5];
	__u32 hash;
	__u32 tc_classid;
	__u32 data;
	__u32 data_end;
	__u32 napi_id;
	__u32 family;
	__u32 remote_ip4;
	__u32 local_ip4;
	__u32 remote_ip6[4];
	__u32 local_ip6[4];
	__u32 remote_port;
	__u32 local_port;
	__u32 data_meta;
};

struct bpf_sock_addr {
	__u32 user_family;
	__u32 user_ip4;
	__u32 user_ip6[4];
	__u32 user_port; /* network order, in the low 16 bits */
	__u32 family;
	__u32 type;
	__u32 protocol;
	__u32 msg_src_ip4;
	__u32 msg_src_ip6[4];
};

/* ---- contexts of tracing programs ---- */

struct trace_entry {
	unsigned short type;
	unsigned char flags;
	unsigned char preempt_count;
	int pid;
} core_struct;

struct trace_event_raw_sys_enter {
	struct trace_entry ent;
	long id;
	unsigned long args[6];
} core_struct;

struct trace_event_raw_sys_exit {
	struct trace_entry ent;
	long id;
	long ret;
} core_struct;

/* Registers of the interrupted code as a perf_event program sees them, x86-64. */
struct pt_regs {
	unsigned long r15;
	unsigned long r14;
	unsigned long r13;
	unsigned long r12;
	unsigned long bp;
	unsigned long bx;
	unsigned long r11;
	unsigned long r10;
	unsigned long r9;
	unsigned long r8;
	unsigned long ax;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long cs;
	unsigned long flags;
	unsigned long sp;
	unsigned long ss;
};

struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};

/* ---- kernel structures ---- */

#define TASK_COMM_LEN 16

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long env_end;
} core_struct;

struct task_struct {
	unsigned int __state;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	char comm[TASK_COMM_LEN];
} core_struct;

/* Before Linux 5.14 the state was a long of another name; the part after "___" is not part of the type's name. */
struct task_struct___before_5_14 {
	long state;
} core_struct;

#define TASK_RUNNING 0

struct irqaction {
	const char *name;
} core_struct;

#endif
