// SPDX-License-Identifier: MIT
// Sums up events of a .NET program inside of it: no event leaves the process, and nothing is allocated for one.
#include "osmia_helpers.h"
#include "request.h"
#include "thrown.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct operation {
	char name[32];
};

struct latency {
	__u64 count;
	__u64 failed;
	__u64 total_ns;
	__u64 longest_ns;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct operation);
	__type(value, struct latency);
} operations SEC(".maps");

struct exception {
	char type[64];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, struct exception);
	__type(value, __u64);
} counts SEC(".maps");

SEC("request/latency")
int latency(struct Request *request)
{
	struct latency none = {}, *sum;
	struct operation key;

	__builtin_memcpy(key.name, request->OperationName, sizeof(key.name));
	sum = bpf_map_lookup_elem(&operations, &key);
	if (!sum) {
		bpf_map_update_elem(&operations, &key, &none, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&operations, &key);
		if (!sum)
			return 0;
	}

	__sync_fetch_and_add(&sum->count, 1);
	__sync_fetch_and_add(&sum->total_ns, request->DurationNs);
	if (request->Status >= 500)
		__sync_fetch_and_add(&sum->failed, 1);
	if (request->DurationNs > sum->longest_ns)
		sum->longest_ns = request->DurationNs;
	return 0;
}

SEC("thrown/types")
int types(struct Thrown *thrown)
{
	__u64 one = 1, *count;
	struct exception key;

	__builtin_memcpy(key.type, thrown->ExceptionType, sizeof(key.type));
	count = bpf_map_lookup_elem(&counts, &key);
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
	return 0;
}
