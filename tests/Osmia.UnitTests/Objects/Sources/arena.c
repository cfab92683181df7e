// SPDX-License-Identifier: MIT
// An arena with global variables of its own; needs a compiler with address spaces (clang 19).
#include "bpf.h"

#define __ulong(name, value) enum { name##__unique = value } name
#define arena_data __attribute__((address_space(1)))

struct {
	__uint(type, 33);
	__uint(map_flags, 1 << 10);
	__uint(max_entries, 16);
	__ulong(map_extra, 0x100000000000ULL);
} arena SEC(".maps");

int arena_data first = 41;
__u64 arena_data second;
int arena_data *where;

SEC("syscall") int adds(void *context)
{
	/* A program must name the arena it uses. */
	asm volatile("" :: "r"(&arena));
	first += 1;
	second = first * 2;
	where = &first;
	return first;
}

char LICENSE[] SEC("license") = "GPL";
