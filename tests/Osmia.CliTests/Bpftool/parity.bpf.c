// Programs and maps of many types, for the comparison of `osmia ... -j` with `bpftool ... -j`.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum color { RED, GREEN = 5 };

struct point
{
    int x;
    unsigned long long y;
    char name[8];
    enum color color;
    _Bool set;
    unsigned char low : 3, high : 5;
};

struct key
{
    unsigned int a;
    unsigned short b;
    short c;
};

struct
{
    __uint(type, BPF_MAP_TYPE_HASH);
    __uint(max_entries, 16);
    __type(key, struct key);
    __type(value, struct point);
} par_points SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 4);
    __type(key, unsigned int);
    __type(value, unsigned long long);
} par_array SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
    __uint(max_entries, 2);
    __type(key, unsigned int);
    __type(value, unsigned int);
} par_percpu SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_LRU_HASH);
    __uint(max_entries, 8);
    __uint(key_size, 4);
    __uint(value_size, 3);
} par_plain SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_LPM_TRIE);
    __uint(max_entries, 8);
    __uint(map_flags, BPF_F_NO_PREALLOC);
    __uint(key_size, 8);
    __uint(value_size, 4);
} par_trie SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_QUEUE);
    __uint(max_entries, 4);
    __uint(value_size, 4);
} par_queue SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_STACK);
    __uint(max_entries, 4);
    __uint(value_size, 4);
} par_stack SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
    __uint(max_entries, 3);
    __uint(key_size, 4);
    __uint(value_size, 4);
} par_tails SEC(".maps");

struct inner
{
    __uint(type, BPF_MAP_TYPE_ARRAY);
    __uint(max_entries, 1);
    __type(key, unsigned int);
    __type(value, unsigned int);
} par_inner SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
    __uint(max_entries, 2);
    __type(key, unsigned int);
    __array(values, struct inner);
} par_outer SEC(".maps") = { .values = { [1] = &par_inner } };

struct
{
    __uint(type, BPF_MAP_TYPE_RINGBUF);
    __uint(max_entries, 4096);
} par_ring SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    __uint(key_size, 4);
    __uint(value_size, 4);
} par_perf SEC(".maps");

struct
{
    __uint(type, BPF_MAP_TYPE_SOCKMAP);
    __uint(max_entries, 2);
    __type(key, unsigned int);
    __type(value, unsigned int);
} par_sockets SEC(".maps");

const volatile int limit = 7;
const volatile int bpf_metadata_version SEC(".rodata") = 12;
const volatile char bpf_metadata_author[] SEC(".rodata") = "parity";
int count = 3;

static __attribute__((noinline)) int twice(int value)
{
    return value * 2 + limit + bpf_metadata_version + bpf_metadata_author[0];
}

SEC("xdp")
int par_xdp(struct xdp_md *context)
{
    struct key key = {};
    struct point *found = bpf_map_lookup_elem(&par_points, &key);
    count += found ? found->x : twice(context->ingress_ifindex);
    return XDP_PASS;
}

SEC("tc")
int par_classifier_with_a_long_name(struct __sk_buff *packet)
{
    bpf_tail_call(packet, &par_tails, 1);
    unsigned int key = packet->mark;
    unsigned long long *value = bpf_map_lookup_elem(&par_array, &key);
    bpf_ringbuf_output(&par_ring, &key, sizeof(key), 0);
    bpf_perf_event_output(packet, &par_perf, BPF_F_CURRENT_CPU, &key, sizeof(key));
    return value ? (int)*value : 0;
}

SEC("tc")
int par_tail(struct __sk_buff *packet)
{
    unsigned int key = 0;
    unsigned int *value = bpf_map_lookup_elem(&par_percpu, &key);
    void *plain = bpf_map_lookup_elem(&par_plain, &key);
    bpf_map_pop_elem(&par_queue, &key);
    bpf_map_peek_elem(&par_stack, &key);
    void *inner = bpf_map_lookup_elem(&par_outer, &key);
    __u64 prefix = 0;
    void *route = bpf_map_lookup_elem(&par_trie, &prefix);
    return (value && plain && inner && route) ? 1 : 0;
}

SEC("cgroup/connect4")
int par_connect(struct bpf_sock_addr *context)
{
    return 1;
}

SEC("cgroup_skb/egress")
int par_egress(struct __sk_buff *packet)
{
    return 1;
}

SEC("tracepoint/syscalls/sys_enter_getpgid")
int par_trace(void *context)
{
    return 0;
}

SEC("raw_tp/sys_exit")
int par_raw(void *context)
{
    return 0;
}

SEC("sk_skb/stream_verdict")
int par_verdict(struct __sk_buff *packet)
{
    return SK_PASS;
}

SEC("sk_lookup")
int par_lookup(struct bpf_sk_lookup *context)
{
    return SK_PASS;
}

SEC("socket")
int par_socket(struct __sk_buff *packet)
{
    return 0;
}

SEC("flow_dissector")
int par_dissect(struct __sk_buff *packet)
{
    return 0;
}

SEC("netfilter")
int par_filter(void *context)
{
    return 1;
}

struct seq_file;

struct bpf_iter_meta
{
    struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task
{
    struct bpf_iter_meta *meta;
} __attribute__((preserve_access_index));

SEC("iter/task")
int par_walk(struct bpf_iter__task *context)
{
    return 0;
}

SEC("uprobe//bin/true:+0x1100")
int par_probe(void *context)
{
    return 0;
}

char _license[] SEC("license") = "GPL";
