// SPDX-License-Identifier: MIT
// References to symbols of the kernel and of its configuration.
#include "bpf.h"

extern int LINUX_KERNEL_VERSION SEC(".kconfig");
extern _Bool LINUX_HAS_BPF_COOKIE SEC(".kconfig");
extern unsigned long CONFIG_HZ SEC(".kconfig");
extern _Bool CONFIG_BPF SEC(".kconfig");
extern char CONFIG_VETH SEC(".kconfig");
extern const char CONFIG_LOCALVERSION[10] SEC(".kconfig");
extern _Bool CONFIG_MISSING SEC(".kconfig") __attribute__((weak));
extern const void bpf_prog_put SEC(".ksyms");
extern int bpf_some_function(void *ctx) SEC(".ksyms");

SEC("?tc") int configuration(void *ctx)
{
	return LINUX_KERNEL_VERSION + LINUX_HAS_BPF_COOKIE + CONFIG_HZ + CONFIG_BPF + CONFIG_VETH + CONFIG_LOCALVERSION[1] + CONFIG_MISSING;
}

SEC("?tc") int symbol(void *ctx)
{
	return (long)&bpf_prog_put;
}

SEC("?tc") int function(void *ctx)
{
	return bpf_some_function(ctx);
}

SEC("tc") int none(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
