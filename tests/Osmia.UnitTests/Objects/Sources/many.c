// SPDX-License-Identifier: MIT
// Ten thousand variables and a thousand functions that each use some: reading takes time in proportion.
#include "bpf.h"

#define TEN(use, name) use(name##0) use(name##1) use(name##2) use(name##3) use(name##4) \
	use(name##5) use(name##6) use(name##7) use(name##8) use(name##9)
#define HUNDRED(use, name) TEN(use, name##0) TEN(use, name##1) TEN(use, name##2) TEN(use, name##3) TEN(use, name##4) \
	TEN(use, name##5) TEN(use, name##6) TEN(use, name##7) TEN(use, name##8) TEN(use, name##9)
#define THOUSAND(use, name) HUNDRED(use, name##0) HUNDRED(use, name##1) HUNDRED(use, name##2) HUNDRED(use, name##3) \
	HUNDRED(use, name##4) HUNDRED(use, name##5) HUNDRED(use, name##6) HUNDRED(use, name##7) HUNDRED(use, name##8) HUNDRED(use, name##9)
#define VARIABLE(name) int name = 1;
#define FUNCTION(name) SEC("xdp") int run##name(void *ctx) { return k##name++ + l##name; }

THOUSAND(VARIABLE, a) THOUSAND(VARIABLE, b) THOUSAND(VARIABLE, c) THOUSAND(VARIABLE, d) THOUSAND(VARIABLE, e)
THOUSAND(VARIABLE, f) THOUSAND(VARIABLE, g) THOUSAND(VARIABLE, h) THOUSAND(VARIABLE, k_) THOUSAND(VARIABLE, l_)
THOUSAND(FUNCTION, _)
