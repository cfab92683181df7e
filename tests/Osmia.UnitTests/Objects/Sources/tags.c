// SPDX-License-Identifier: MIT
// Declaration tags on everything that may carry them.
#include "bpf.h"

#define tag(text) __attribute__((btf_decl_tag(text)))

struct tagged { int first; int second tag("of a member"); } tag("of a struct");
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, int); __type(value, struct tagged); } numbers SEC(".maps") tag("of a map");
int variable tag("of a variable") tag("and another");

extern void bpf_throw(__u64 cookie) __attribute__((section(".ksyms")));

noinline int callback(__u64 cookie) { return cookie; }
noinline int subprogram(void *context tag("arg:ctx")) { return context != 0; }

tag("exception_callback:callback") SEC("tc") int throws(void *context)
{
	int key = 0;
	struct tagged *found = bpf_map_lookup_elem(&numbers, &key);

	if (!found || variable)
		return subprogram(context);
	bpf_throw(77);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
