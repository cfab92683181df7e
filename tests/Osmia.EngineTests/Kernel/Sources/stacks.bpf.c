#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
    __uint(type, BPF_MAP_TYPE_STACK_TRACE);
    __uint(max_entries, 1024);
    __uint(key_size, 4);
    __uint(value_size, 64 * 8);
} stacks SEC(".maps");

struct {
    __uint(type, BPF_MAP_TYPE_STACK_TRACE);
    __uint(max_entries, 1024);
    __uint(map_flags, BPF_F_STACK_BUILD_ID);
    __uint(key_size, 4);
    __uint(value_size, 64 * sizeof(struct bpf_stack_build_id));
} places SEC(".maps");

struct sample {
    int user_id;
    int kernel_id;
    int place_id;
    int user_bytes;
    __u64 user[32];
};

struct {
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 256 * 1024);
} samples SEC(".maps");

// Two stacks may want the same place of a map; the one that comes again and again gets it.
static int take(void *ctx)
{
    struct sample *sample = bpf_ringbuf_reserve(&samples, sizeof(*sample), 0);

    if (!sample)
        return 0;
    sample->user_id = bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
    sample->kernel_id = bpf_get_stackid(ctx, &stacks, BPF_F_REUSE_STACKID);
    sample->place_id = bpf_get_stackid(ctx, &places, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
    sample->user_bytes = bpf_get_stack(ctx, sample->user, sizeof(sample->user), BPF_F_USER_STACK);
    bpf_ringbuf_submit(sample, 0);
    return 0;
}

SEC("perf_event")
int on_clock(void *ctx)
{
    return take(ctx);
}

const volatile int wanted;

SEC("raw_tp/sys_enter")
int on_call(void *ctx)
{
    if (bpf_get_current_pid_tgid() >> 32 != wanted)
        return 0;
    return take(ctx);
}
