// SPDX-License-Identifier: MIT
// Variables of the kernel by type. Kernels without CONFIG_KALLSYMS_ALL do not load them; they link everywhere.
#include "../../Objects/Sources/bpf.h"

#define core __attribute__((preserve_access_index))
#define ksym __attribute__((section(".ksyms")))

struct rq { unsigned int nr_running; } core;
extern const struct rq runqueues ksym;
extern const int bpf_prog_active ksym;
static void *(*const bpf_per_cpu_ptr)(const void *variable, __u32 cpu) = (void *)153;
static void *(*const bpf_this_cpu_ptr)(const void *variable) = (void *)154;

SEC("?raw_tp/sys_enter") int running(void *context)
{
	struct rq *rq = bpf_per_cpu_ptr(&runqueues, 0);

	return rq ? rq->nr_running : 0;
}

SEC("?raw_tp/sys_enter") int active(void *context)
{
	return *(int *)bpf_this_cpu_ptr(&bpf_prog_active);
}

char LICENSE[] SEC("license") = "GPL";
