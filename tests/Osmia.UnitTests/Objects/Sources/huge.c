// SPDX-License-Identifier: MIT
// A hundred programs that share one function of a quarter of a million instructions.
#include "bpf.h"

static noinline int huge(void)
{
	int n = 0;

	asm volatile(".rept 250000\n%0 += 1\n.endr" : "+r"(n));
	return n;
}

#define PROGRAM(name) SEC("xdp") int name(void *ctx) { return huge(); }
#define TEN(name) PROGRAM(name##0) PROGRAM(name##1) PROGRAM(name##2) PROGRAM(name##3) PROGRAM(name##4) \
	PROGRAM(name##5) PROGRAM(name##6) PROGRAM(name##7) PROGRAM(name##8) PROGRAM(name##9)

TEN(a) TEN(b) TEN(c) TEN(d) TEN(e) TEN(f) TEN(g) TEN(h) TEN(i) TEN(j)
