/* SPDX-License-Identifier: MIT */
/* What the sources of the object tests share; no system header is needed. */
typedef unsigned char __u8;
typedef unsigned int __u32;
typedef unsigned long long __u64;

#define SEC(name) __attribute__((section(name), used))
#define __uint(name, number) int (*name)[number]
#define __type(name, the_type) __typeof__(the_type) *name
#define __array(name, element) __typeof__(element) *name[]
#define noinline __attribute__((noinline))

static void *(*const bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*const bpf_trace_printk)(const char *text, __u32 size, ...) = (void *)6;
static long (*const bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
static long (*const bpf_loop)(__u32 count, void *callback, void *context, __u64 flags) = (void *)181;
