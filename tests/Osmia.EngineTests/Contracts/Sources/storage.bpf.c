#include "contract.h"

struct value { __u64 a, b; };
struct { __uint(type, 29); __uint(map_flags, 1); __type(key, int); __type(value, struct value); } tasks SEC(".maps");

SEC("tc") int task_storage(struct __sk_buff *skb)
{
	struct value initial = { 5, 6 };
	struct value *v = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 0);
	out[0] = v != 0;
	v = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), &initial, 1);
	if (!v) return 0;
	out[1] = v->a * 10 + v->b;
	v->a = 7;
	v = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), &initial, 1);
	if (!v) return 0;
	out[2] = v->a * 10 + v->b;
	v = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 2);
	out[3] = v != 0;
	out[4] = bpf_task_storage_delete(&tasks, bpf_get_current_task_btf());
	out[5] = bpf_task_storage_delete(&tasks, bpf_get_current_task_btf());
	v = bpf_task_storage_get(&tasks, bpf_get_current_task_btf(), 0, 1);
	if (!v) return 0;
	out[6] = v->a * 10 + v->b;
	out[7] = bpf_task_storage_delete(&tasks, bpf_get_current_task_btf());
	return 1;
}
