// SPDX-License-Identifier: MIT
// Defines the map of the others. libbpf 1.1 binds external maps only to maps of objects before them.
#include "merge.h"

struct shared_map shared SEC(".maps");

SEC("socket") int zero(void *ctx)
{
	__u32 key = 0;

	return !!bpf_map_lookup_elem(&shared, &key);
}

char LICENSE[] SEC("license") = "GPL";
