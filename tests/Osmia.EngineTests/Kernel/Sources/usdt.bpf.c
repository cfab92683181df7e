#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/usdt.bpf.h>

char LICENSE[] SEC("license") = "GPL";

__u64 hits, guarded_hits, last_wide, cookie;
__s64 last_narrow, last_constant, guarded_sum;
int count;

SEC("usdt/probed:probed:plain")
int BPF_USDT(plain, int narrow, long wide, int constant)
{
    hits++;
    last_narrow = narrow;
    last_wide = wide;
    last_constant = constant;
    count = bpf_usdt_arg_cnt(ctx);
    cookie = bpf_usdt_cookie(ctx);
    return 0;
}

SEC("usdt/probed:probed:guarded")
int BPF_USDT(guarded, int value)
{
    guarded_hits++;
    guarded_sum += value;
    return 0;
}
