#include "contract.h"

extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u64 start, __u64 end) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern _Bool bpf_dynptr_is_rdonly(const struct bpf_dynptr *p) __ksym;
extern __u64 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *dst, __u64 dst_off, struct bpf_dynptr *src, __u64 src_off, __u64 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *p, __u64 offset, __u64 size, __u8 value) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u64 offset, void *buffer, __u64 size) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u64 offset, void *buffer, __u64 size) __ksym;
extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, __u64 flags, struct bpf_dynptr *p) __ksym;

struct { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32); __type(value, char[64]); } memory SEC(".maps");
struct { __uint(type, 27); __uint(max_entries, 4096); } ring SEC(".maps");

SEC("tc") int adjust_and_size(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	__u32 key = 0;
	char *value = bpf_map_lookup_elem(&memory, &key);
	__u64 word = 0x0102030405060708, read = 0;
	if (!value) return 0;
	out[0] = bpf_dynptr_from_mem(value, 64, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	out[2] = bpf_dynptr_adjust(&p, 8, 40);
	out[3] = bpf_dynptr_size(&p);
	out[4] = bpf_dynptr_write(&p, 0, &word, 8, 0);
	out[5] = *(__u64 *)(value + 8);
	out[6] = bpf_dynptr_adjust(&p, 33, 33);
	out[7] = bpf_dynptr_adjust(&p, 5, 4);
	out[8] = bpf_dynptr_adjust(&p, 0, 33);
	out[9] = bpf_dynptr_clone(&p, &q);
	out[10] = bpf_dynptr_adjust(&q, 8, 16);
	out[11] = bpf_dynptr_size(&p) * 100 + bpf_dynptr_size(&q);
	out[12] = bpf_dynptr_write(&q, 0, &word, 8, 0);
	out[13] = bpf_dynptr_write(&q, 1, &word, 8, 0);
	out[14] = bpf_dynptr_read(&read, 8, &p, 8, 0);
	out[15] = read;
	out[16] = bpf_dynptr_is_null(&p) * 2 + bpf_dynptr_is_rdonly(&p);
	out[17] = bpf_dynptr_memset(&p, 4, 8, 0x5a);
	out[18] = bpf_dynptr_memset(&p, 30, 8, 0x5a);
	out[19] = bpf_dynptr_copy(&q, 0, &p, 4, 4);
	out[20] = bpf_dynptr_copy(&q, 6, &p, 4, 4);
	out[21] = *(__u64 *)(value + 8);
	out[22] = *(__u64 *)(value + 16);
	return 1;
}

SEC("tc") int failed_is_null(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	__u32 key = 0;
	__u64 word = 1;
	char *value = bpf_map_lookup_elem(&memory, &key);
	if (!value) return 0;
	out[0] = bpf_dynptr_from_mem(value, 64, 1, &p);
	out[1] = bpf_dynptr_is_null(&p) * 2 + bpf_dynptr_is_rdonly(&p);
	out[2] = bpf_dynptr_size(&p);
	out[3] = bpf_dynptr_write(&p, 0, &word, 8, 0);
	out[4] = bpf_dynptr_read(&word, 8, &p, 0, 0);
	out[5] = bpf_dynptr_data(&p, 0, 8) != 0;
	out[6] = bpf_dynptr_adjust(&p, 0, 0);
	out[7] = bpf_dynptr_clone(&p, &q);
	out[8] = bpf_dynptr_is_null(&q);
	out[9] = bpf_dynptr_memset(&p, 0, 1, 1);
	return 1;
}

SEC("tc") int packet(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	char buffer[16] = {};
	__u64 word = 0;
	char *slice;
	out[0] = bpf_dynptr_from_skb(skb, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	out[2] = bpf_dynptr_is_rdonly(&p);
	slice = bpf_dynptr_slice(&p, 12, buffer, 8);
	out[3] = slice ? *(__u64 *)slice : -1;
	slice = bpf_dynptr_slice(&p, 60, buffer, 8);
	out[4] = slice != 0;
	out[5] = bpf_dynptr_read(&word, 8, &p, 4, 0);
	out[6] = word;
	word = 0x1122334455667788;
	out[7] = bpf_dynptr_write(&p, 20, &word, 8, 0);
	out[8] = bpf_dynptr_write(&p, 20, &word, 8, 4);
	out[9] = bpf_dynptr_adjust(&p, 14, 40);
	out[10] = bpf_dynptr_read(&word, 8, &p, 6, 0);
	out[11] = word;
	slice = bpf_dynptr_slice_rdwr(&p, 0, buffer, 4);
	if (slice) { slice[0] = 0x46; out[12] = slice == buffer; }
	out[13] = bpf_dynptr_from_skb(skb, 1, &q);
	out[14] = bpf_dynptr_is_null(&q);
	out[15] = bpf_dynptr_read(&word, 8, &p, 20, 0);
	return 2;
}

SEC("socket") int packet_read_only(struct __sk_buff *skb)
{
	struct bpf_dynptr p;
	char buffer[16] = {};
	__u64 word = 7;
	char *slice;
	out[0] = bpf_dynptr_from_skb(skb, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	out[2] = bpf_dynptr_is_rdonly(&p);
	out[3] = bpf_dynptr_write(&p, 0, &word, 8, 0);
	slice = bpf_dynptr_slice(&p, 2, buffer, 8);
	out[4] = slice ? *(__u64 *)slice : -1;
	return 3;
}

SEC("xdp") int frame(struct xdp_md *xdp)
{
	struct bpf_dynptr p, q;
	char buffer[16] = {};
	__u64 word = 0;
	char *slice;
	out[0] = bpf_dynptr_from_xdp(xdp, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	slice = bpf_dynptr_slice_rdwr(&p, 12, buffer, 8);
	if (slice) out[2] = *(__u64 *)slice;
	out[3] = bpf_dynptr_read(&word, 8, &p, 60, 0);
	out[4] = bpf_dynptr_write(&p, 0, &word, 8, 1);
	out[5] = bpf_dynptr_write(&p, 0, &word, 8, 0);
	out[6] = bpf_dynptr_from_xdp(xdp, 1, &q);
	out[7] = bpf_dynptr_copy(&p, 0, &p, 12, 8);
	out[8] = bpf_dynptr_memset(&p, 40, 4, 0xee);
	return 1;
}

SEC("tc") int record(struct __sk_buff *skb)
{
	struct bpf_dynptr p, q;
	__u64 word = 5;
	__u64 *data;
	out[0] = bpf_ringbuf_reserve_dynptr(&ring, 32, 0, &p);
	out[1] = bpf_dynptr_size(&p);
	out[2] = bpf_dynptr_adjust(&p, 8, 24);
	data = bpf_dynptr_data(&p, 0, 8);
	if (data) *data = 77;
	out[3] = bpf_dynptr_read(&word, 8, &p, 0, 0);
	out[4] = word;
	bpf_ringbuf_submit_dynptr(&p, 0);
	out[5] = bpf_ringbuf_reserve_dynptr(&ring, 100000, 0, &q);
	out[6] = bpf_dynptr_is_null(&q);
	bpf_ringbuf_discard_dynptr(&q, 0);
	return 1;
}
