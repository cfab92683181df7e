// SPDX-License-Identifier: MIT
// Global data that holds addresses.
#include "bpf.h"

const char *names[] = { "first", "second" };

SEC("socket") int entry(void *ctx)
{
	return names[0] != names[1];
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
