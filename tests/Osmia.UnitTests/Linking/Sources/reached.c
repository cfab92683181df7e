// SPDX-License-Identifier: MIT
// Ways to a field that no kernel has. Programs named reached_* come to it on every way, the others do not or cannot be decided.
#include "core.h"

struct no_such_type { int field; int other; } core;
#define GONE ((struct no_such_type *)context)
#define weak __attribute__((weak))

extern int bpf_no_such_function(int number) __attribute__((section(".ksyms"))) weak;
static int (*const bpf_get_prandom_u32)(void) = (void *)7;
const volatile _Bool chosen = 0;
int variable;

static noinline int reads(struct no_such_type *context) { asm volatile(""); return context->field; }
noinline int reads_global(long n) { asm volatile(""); return ((struct no_such_type *)n)->field; }
static noinline int reads_sometimes(struct no_such_type *context, int n) { asm volatile("" : "+r"(n)); return n ? context->field : 2; }

PROGRAM(reached_at_once) { return GONE->field; }
PROGRAM(reached_both_ways) { if (bpf_get_prandom_u32()) return GONE->field; variable++; return GONE->other + 1; }
PROGRAM(reached_in_call) { variable = 1; return reads((void *)context) + 1; }
PROGRAM(reached_in_global) { return reads_global((long)&variable) + 1; }
PROGRAM(reached_after_loop) { for (int i = 0; i < 10; i++) variable += bpf_get_prandom_u32(); return GONE->field; }
PROGRAM(reached_by_wrong_guard) { if (!exists(GONE->field)) return GONE->field; return 0; }
PROGRAM(reached_weak_call) { return bpf_no_such_function(1); }

PROGRAM(guarded) { return exists(GONE->field) ? GONE->field : 1; }
PROGRAM(guarded_by_type) { if (type_exists(struct no_such_type)) return GONE->field; return 1; }
PROGRAM(guarded_by_size) { if (type_size(struct no_such_type) > 4) return GONE->field; return 1; }
PROGRAM(guarded_by_symbol) { return &bpf_no_such_function ? bpf_no_such_function(1) : 1; }
PROGRAM(guarded_in_call) { return exists(GONE->field) ? reads((void *)context) : 1; }
PROGRAM(guarded_far) { long n = exists(GONE->field); n = (n << 3) + 2; asm volatile("" ::: "memory"); if (n == 10) return GONE->field; return 1; }
PROGRAM(chosen_by_constant) { if (chosen) return GONE->field; return 1; }
PROGRAM(perhaps) { if (bpf_get_prandom_u32()) return GONE->field; return 1; }
PROGRAM(perhaps_in_call) { return reads_sometimes((void *)context, bpf_get_prandom_u32()); }
PROGRAM(perhaps_in_loop) { for (int i = 0; i < bpf_get_prandom_u32() && i < 10; i++) variable += GONE->field; return 1; }
