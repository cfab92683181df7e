// One program that does nothing, of whatever type it is loaded as.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("socket")
int par_single(void *context)
{
    return 0;
}

char _license[] SEC("license") = "GPL";
