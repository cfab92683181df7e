/* What needs more than a few hand-written instructions: a user ring buffer, storage maps, two rings, a loop the kernel stops. */
#include "../../../../samples/include/osmia_helpers.h"

char LICENSE[] SEC("license") = "GPL";

static long (*const bpf_user_ringbuf_drain)(void *map, void *callback, void *context, __u64 flags) = (void *)209;
static long (*const bpf_dynptr_read)(void *to, __u32 size, const void *from, __u32 offset, __u64 flags) = (void *)201;
static long (*const bpf_ringbuf_output)(void *ring, void *data, __u64 size, __u64 flags) = (void *)130;

struct {
	__uint(type, 31); /* user_ringbuf */
	__uint(max_entries, 4096);
} orders SEC(".maps");

struct {
	__uint(type, 27); /* ringbuf */
	__uint(max_entries, 65536);
} first SEC(".maps");

struct {
	__uint(type, 27);
	__uint(max_entries, 65536);
} second SEC(".maps");

#define STORAGE(name, number)                                                                                          \
	struct {                                                                                                       \
		__uint(type, number);                                                                                  \
		__uint(map_flags, 1);                                                                                  \
		__type(key, int);                                                                                      \
		__type(value, __u64);                                                                                  \
	} name SEC(".maps")

STORAGE(of_task, 29);
STORAGE(of_inode, 28);
STORAGE(of_cgroup, 32);
STORAGE(of_socket, 24);

__u64 taken, sum;

static long take(void *order, void *context)
{
	__u64 number = 0;

	if (bpf_dynptr_read(&number, sizeof(number), order, 0, 0) == 0) {
		taken++;
		sum += number;
	}
	return 0;
}

SEC("tc")
int drain(struct __sk_buff *skb)
{
	return bpf_user_ringbuf_drain(&orders, take, 0, 0);
}

SEC("tc")
int send(struct __sk_buff *skb)
{
	__u64 number = 1;

	bpf_ringbuf_output(&first, &number, sizeof(number), 0);
	number = 2;
	bpf_ringbuf_output(&second, &number, sizeof(number), 0);
	return 0;
}
