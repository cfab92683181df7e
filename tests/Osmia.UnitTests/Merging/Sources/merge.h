/* SPDX-License-Identifier: MIT */
/* What the sources of one object say to each other. */
#include "../../Objects/Sources/bpf.h"

#define __weak __attribute__((weak))
#define __hidden __attribute__((visibility("hidden")))

struct pair { __u32 first; __u64 second; };

struct shared_map {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct pair);
};
