// What the case files share. Programs whose name begins with bad_ are refused by the kernel, those with ok_ are taken.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define GLOBAL __attribute__((noinline))
#define STATIC static __attribute__((noinline))
#define OPAQUE(x) asm volatile("" : "+r"(x))

char LICENSE[] SEC("license") = "GPL";
