// SPDX-License-Identifier: MIT
// Producers for the buffer benchmarks: each run of a program sends one record of 64 bytes. They are only test-run.
#include "osmia_helpers.h"

#define BPF_RB_NO_WAKEUP 1
#define BPF_F_CURRENT_CPU 0xffffffffULL

char LICENSE[] SEC("license") = "Dual MIT/GPL";

struct record {
	__u64 sequence;
	__u64 payload[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
	__uint(key_size, 4);
	__uint(value_size, 4);
} perf SEC(".maps");

__u64 sequence = 0;

SEC("tc")
int to_ring(void *ctx)
{
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);

	if (!record)
		return 1;

	record->sequence = sequence++;
#pragma unroll
	for (int i = 0; i < 7; i++)
		record->payload[i] = i;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
	return 0;
}

SEC("tc")
int to_perf(void *ctx)
{
	struct record record = { .sequence = sequence++ };

	return bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &record, sizeof(record)) != 0;
}
