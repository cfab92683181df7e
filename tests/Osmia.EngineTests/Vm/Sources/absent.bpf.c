// Calls of kernel functions that the VM has not, one each.
typedef unsigned int __u32;
#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
struct iterator { unsigned long long words[3]; };
extern int bpf_iter_task_new(struct iterator *it, void *task, __u32 flags) __ksym;
extern int bpf_dynptr_sise(const void *p) __ksym;

SEC("tc") int elsewhere(void *skb)
{
	struct iterator it;
	return bpf_iter_task_new(&it, 0, 0);
}

SEC("tc") int misspelt(void *skb)
{
	return bpf_dynptr_sise(skb);
}
