// SPDX-License-Identifier: MIT
// Values of the configuration of every size: where each stands in its map is the loader's choice.
#include "../../Objects/Sources/bpf.h"

#define kconfig __attribute__((section(".kconfig"), weak))
enum libbpf_tristate { TRI_NO, TRI_YES, TRI_MODULE };

extern char CONFIG_LETTER kconfig;
extern _Bool CONFIG_SWITCH kconfig;
extern int LINUX_KERNEL_VERSION kconfig;
extern unsigned short CONFIG_SHORT kconfig;
extern unsigned long CONFIG_HZ_AND_MORE kconfig;
extern const char CONFIG_TEXT[7] kconfig;
extern const char CONFIG_AAA[7] kconfig;
extern enum libbpf_tristate CONFIG_STATE kconfig;
extern __u64 CONFIG_ANOTHER kconfig;

SEC("tc") int reads(void *context)
{
	return CONFIG_LETTER + CONFIG_SWITCH + LINUX_KERNEL_VERSION + CONFIG_SHORT + CONFIG_HZ_AND_MORE + CONFIG_TEXT[3] + CONFIG_AAA[1] + CONFIG_STATE + CONFIG_ANOTHER;
}

char LICENSE[] SEC("license") = "GPL";
