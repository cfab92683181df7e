// What the case files share. Programs whose name begins with bad_ are refused by the kernel, those with ok_ are taken.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define GLOBAL __attribute__((noinline))
#define STATIC static __attribute__((noinline))
#define OPAQUE(x) asm volatile("" : "+r"(x))

// A pointer the compiler knows nothing of.
static inline __attribute__((always_inline)) void *hidden(long value) { OPAQUE(value); return (void *)value; }

char LICENSE[] SEC("license") = "GPL";
