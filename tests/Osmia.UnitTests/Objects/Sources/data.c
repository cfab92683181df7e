// SPDX-License-Identifier: MIT
// Variables in every kind of data section.
#include "bpf.h"

enum mode { MODE_OFF, MODE_ON = 5 };
struct pair { __u32 first; __u64 second; };

int zeroed;
int counted = 41;
static int hidden = 7;
static __u64 hidden_zero;
const volatile __u32 limit = 99;
const volatile enum mode mode = MODE_ON;
const volatile char label[8] = "seven";
struct pair pair SEC(".data.pairs") = { 1, 2 };
const volatile __u32 table[3] SEC(".rodata.table") = { 10, 20, 30 };
int late SEC(".bss.late");

SEC("socket") int entry(void *ctx)
{
	static int local = 3;

	bpf_trace_printk("text %d", 8, limit, counted);
	hidden += local++;
	hidden_zero++;
	zeroed += pair.second + table[counted & 1] + label[0] + mode;
	return hidden + hidden_zero + late;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
__u32 kernel_version SEC("version") = 0x60100;
