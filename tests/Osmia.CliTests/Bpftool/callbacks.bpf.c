// A congestion control that does the least the kernel asks for.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct sock;

struct tcp_congestion_ops
{
    unsigned int (*ssthresh)(struct sock *sk);
    void (*cong_avoid)(struct sock *sk, unsigned int ack, unsigned int acked);
    unsigned int (*undo_cwnd)(struct sock *sk);
    char name[16];
} __attribute__((preserve_access_index));

SEC("struct_ops/par_ssthresh")
unsigned int par_ssthresh(unsigned long long *context)
{
    return 2;
}

SEC("struct_ops/par_avoid")
void par_avoid(unsigned long long *context)
{
}

SEC("struct_ops/par_undo")
unsigned int par_undo(unsigned long long *context)
{
    return 2;
}

#ifdef WITH_LINK
SEC(".struct_ops.link")
#else
SEC(".struct_ops")
#endif
struct tcp_congestion_ops par_callbacks = {
    .ssthresh = (void *)par_ssthresh,
    .cong_avoid = (void *)par_avoid,
    .undo_cwnd = (void *)par_undo,
    .name = "osmia_par",
};

char _license[] SEC("license") = "GPL";
