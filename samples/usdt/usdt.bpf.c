// SPDX-License-Identifier: MIT
// Shows what a program tells through its own probes (USDT), with the arguments wherever the compiler left them.
#include "osmia_helpers.h"
#include "osmia_usdt.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

// Records lost because the buffer was full.
__u64 lost __tag("osmia:lost") = 0;

// Sales that were taken back.
__u64 refunds = 0;

struct sale_event {
	__u32 pid;
	__u8 item;
	__u8 arguments;
	__s16 pieces;
	__s64 cents;
	__u64 cookie;
	char name[16];
};

EVENT_TYPE(sale_event);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps") __tag("osmia:event=sale_event");

SEC("usdt/shop:sale")
int sale(struct pt_regs *ctx)
{
	struct sale_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		atomic_add(&lost, 1);
		return 0;
	}

	event->pid = bpf_get_current_pid_tgid() >> 32;
	event->arguments = usdt_count(ctx);
	event->cookie = usdt_cookie(ctx);
	event->item = usdt_arg(ctx, 0);
	event->pieces = usdt_arg(ctx, 1);
	event->cents = usdt_arg(ctx, 2);
	bpf_probe_read_user_str(event->name, sizeof(event->name), (void *)usdt_arg(ctx, 3));
	bpf_ringbuf_submit(event, 0);
	return 0;
}

// The target looks at a counter in its own memory before it comes here; the kernel counts up while this is attached.
SEC("usdt/shop:refund")
int refund(struct pt_regs *ctx)
{
	if (usdt_arg(ctx, 0) >= 0)
		atomic_add(&refunds, 1);
	return 0;
}
