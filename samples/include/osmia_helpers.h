/* SPDX-License-Identifier: MIT */
/*
 * What a BPF program in C needs besides types: how to name sections and maps, the kernel's helper functions, byte
 * order, kernel memory, and the tags `osmia run` reads to print records and maps well.
 */
#ifndef OSMIA_HELPERS_H
#define OSMIA_HELPERS_H

#include "osmia_types.h"

#define SEC(name) __attribute__((section(name), used))
#define __always_inline inline __attribute__((always_inline))

/* Members of a map definition: numbers travel as array lengths and types as pointers, so all of it is in BTF. */
#define __uint(name, number) int (*name)[number]
#define __type(name, the_type) __typeof__(the_type) *name
#define __array(name, element) __typeof__(element) *name[]

/*
 * A note in BTF. `osmia run` knows on a ring or perf buffer map: osmia:event=STRUCT; on a global counter: osmia:lost;
 * on a member: osmia:ns, osmia:us, osmia:ip4, osmia:ip6, osmia:mac, osmia:port, osmia:ksym, osmia:usym, osmia:hex,
 * osmia:skip.
 */
#define __tag(text) __attribute__((btf_decl_tag(text)))

/* Keeps a structure that no code or map names in the object's BTF. */
#define EVENT_TYPE(type) const struct type *unused_##type __attribute__((unused))

/* ---- helper functions, called by number ---- */

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static long (*const bpf_map_delete_elem)(void *map, const void *key) = (void *)3;
static __u64 (*const bpf_ktime_get_ns)(void) = (void *)5;
static __u32 (*const bpf_get_smp_processor_id)(void) = (void *)8;
static long (*const bpf_tail_call)(void *ctx, void *prog_array, __u32 index) = (void *)12;
static __u64 (*const bpf_get_current_pid_tgid)(void) = (void *)14;
static __u64 (*const bpf_get_current_uid_gid)(void) = (void *)15;
static long (*const bpf_get_current_comm)(void *buffer, __u32 size) = (void *)16;
static long (*const bpf_perf_event_output)(void *ctx, void *map, __u64 flags, void *data, __u64 size) = (void *)25;
static __u64 (*const bpf_get_current_task)(void) = (void *)35;
static __u64 (*const bpf_get_current_cgroup_id)(void) = (void *)80;
static long (*const bpf_probe_read_user)(void *to, __u32 size, const void *from) = (void *)112;
static long (*const bpf_probe_read_kernel)(void *to, __u32 size, const void *from) = (void *)113;
static long (*const bpf_probe_read_user_str)(void *to, __u32 size, const void *from) = (void *)114;
static long (*const bpf_probe_read_kernel_str)(void *to, __u32 size, const void *from) = (void *)115;
static void *(*const bpf_ringbuf_reserve)(void *ring, __u64 size, __u64 flags) = (void *)131;
static void (*const bpf_ringbuf_submit)(void *record, __u64 flags) = (void *)132;
static void (*const bpf_ringbuf_discard)(void *record, __u64 flags) = (void *)133;
static __u64 (*const bpf_get_attach_cookie)(void *ctx) = (void *)174;

/* ---- who runs ---- */

static __always_inline __u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline __u32 current_uid(void)
{
	return (__u32)bpf_get_current_uid_gid();
}

/* ---- kernel memory ---- */

/* One member of a kernel structure, wherever the running kernel keeps it; zero when it cannot be read. */
#define core_read(pointer, member)                                                                  \
	({                                                                                          \
		__typeof__((pointer)->member) value_;                                               \
		bpf_probe_read_kernel(&value_, sizeof(value_), &(pointer)->member);                 \
		value_;                                                                             \
	})

/* Does the running kernel have this member? Decided when the object is loaded (relocation kind 2). */
#define core_has(member_access) __builtin_preserve_field_info(member_access, 2)

/* Tracing programs with typed arguments (tp_btf) get them as 64-bit words. */
#define trace_arg(context, index, type) ((type)((context)[index]))

/* ---- byte order (BPF objects here are little-endian) ---- */

#define bpf_htons(x) ((__be16)__builtin_bswap16(x))
#define bpf_ntohs(x) ((__u16)__builtin_bswap16(x))
#define bpf_htonl(x) ((__be32)__builtin_bswap32(x))
#define bpf_ntohl(x) ((__u32)__builtin_bswap32(x))

/* ---- small things ---- */

/* Stops clang from merging or moving memory accesses across this point. */
#define barrier() __asm__ volatile("" ::: "memory")

#define atomic_add(pointer, amount) ((void)__sync_fetch_and_add(pointer, amount))

/* The largest n with 2^n <= value; 0 for 0. Slot n of a `slots` array counts values in [2^n, 2^(n+1)). */
static __always_inline __u32 log2_of(__u64 value)
{
	__u32 result = 0;

#pragma unroll
	for (int shift = 32; shift > 0; shift >>= 1) {
		if (value >> shift) {
			value >>= shift;
			result += shift;
		}
	}

	return result;
}

#define count_in_slot(slots, value)                                                                 \
	do {                                                                                        \
		__u32 slot_ = log2_of(value);                                                       \
		if (slot_ >= sizeof(slots) / sizeof((slots)[0]))                                    \
			slot_ = sizeof(slots) / sizeof((slots)[0]) - 1;                             \
		atomic_add(&(slots)[slot_], 1);                                                     \
	} while (0)

#endif
