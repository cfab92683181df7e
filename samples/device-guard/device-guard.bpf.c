// SPDX-License-Identifier: MIT
// Keeps a cgroup's processes from one device, and counts what each device was asked for.
#include "osmia_helpers.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

const volatile __u32 refuse_major = 0; // the device, as `ls -l /dev` shows it; 0 for none
const volatile __u32 refuse_minor = 0;

struct bpf_cgroup_dev_ctx {
	__u32 access_type; // the access wanted in the upper half, the kind of device in the lower
	__u32 major;
	__u32 minor;
};

struct device {
	__u32 major;
	__u32 minor;
};

struct answers {
	__u64 allowed;
	__u64 refused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct device);
	__type(value, struct answers);
} devices SEC(".maps");

SEC("cgroup/dev")
int guard_device(struct bpf_cgroup_dev_ctx *ctx)
{
	struct device device = { ctx->major, ctx->minor };
	bool refused = refuse_major != 0 && device.major == refuse_major && device.minor == refuse_minor;
	struct answers none = {};
	struct answers *answers;

	bpf_map_update_elem(&devices, &device, &none, BPF_NOEXIST);
	answers = bpf_map_lookup_elem(&devices, &device);
	if (answers)
		atomic_add(refused ? &answers->refused : &answers->allowed, 1);

	return refused ? 0 : 1; // 0: the call fails with EPERM
}
