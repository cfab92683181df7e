#include "contract.h"

/* Linux 6.18. */
extern int bpf_dynptr_from_skb_meta(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u64 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u64 offset, void *buffer, __u64 size) __ksym;

SEC("tc") int metadata(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	char buffer[16] = {};
	__u64 word = 5;
	out[0] = bpf_dynptr_from_skb_meta(skb, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	out[2] = bpf_dynptr_is_null(&p) * 2 + bpf_dynptr_is_rdonly(&p);
	out[3] = bpf_dynptr_read(&word, 8, &p, 0, 0);
	out[4] = bpf_dynptr_write(&p, 0, &word, 8, 0);
	out[5] = bpf_dynptr_slice(&p, 0, buffer, 4) != 0;
	out[6] = bpf_dynptr_from_skb_meta(skb, 1, &q);
	out[7] = bpf_dynptr_is_null(&q);
	return 1;
}
