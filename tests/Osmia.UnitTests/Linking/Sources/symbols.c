// SPDX-License-Identifier: MIT
// One use of a symbol of the kernel in each program.
#include "core.h"

#define ksym __attribute__((section(".ksyms")))
#define weak __attribute__((weak))
#define kconfig __attribute__((section(".kconfig")))
#define hide __attribute__((visibility("hidden")))

struct state { int number; } core;
struct state___old { int number; } core;
struct module_state { int field; } core;
struct in_both { int kernel; } core;
enum module_color { MODULE_RED, MODULE_BLUE };

extern int kernel_sum(struct state *, long) ksym;
extern int kernel_sum___flavour(struct state *one, long two) ksym;
extern int kernel_summ(struct state *one, long two) ksym;
extern int kernel_both(struct state *one) ksym;
extern int kernel_both___two(struct state *one) ksym weak;
extern int module_sum(int one) ksym;
extern int weak_sum(int one) ksym weak;
extern const struct state kernel_state ksym;
extern const struct module_state module_state ksym;
extern const struct state kernel_stat ksym;
extern const struct state kernel_number ksym;
extern const struct state weak_state ksym weak;
extern const void table ksym;
extern const void tabel ksym;
extern const void twice ksym;
extern const void weak_table ksym weak;
extern int elsewhere(int one);
extern unsigned long CONFIG_SIZE kconfig weak;
extern _Bool CONFIG_ON kconfig weak;

hide int hidden_number = 1;
int visible_number = 1;

hide noinline int hidden(int n) { asm volatile("" : "+r"(n)); return n + hidden_number; }
noinline int visible(int n) { asm volatile("" : "+r"(n)); return n + visible_number; }

PROGRAM(kernel_function) { return kernel_sum(context, 1); }
PROGRAM(types) { return kernel_sum(context, CONFIG_SIZE) + CONFIG_ON + hidden(1) + visible(2); }
PROGRAM(module_function) { return module_sum(1); }
PROGRAM(flavour) { return kernel_sum___flavour(context, 1); }
PROGRAM(kernel_variable) { return (__u64)&kernel_state; }
PROGRAM(module_variable) { return (__u64)&module_state; }
PROGRAM(address) { return (__u64)&table; }
PROGRAM(weak_function) { return &weak_sum ? weak_sum(1) : 0; }
PROGRAM(weak_other_shape) { return &kernel_both___two ? kernel_both___two(context) : 0; }
PROGRAM(weak_variables) { return (__u64)&weak_state + (__u64)&weak_table; }
PROGRAM(missing_function) { return kernel_summ(context, 1); }
PROGRAM(missing_variable) { return (__u64)&kernel_stat; }
PROGRAM(missing_address) { return (__u64)&tabel; }
PROGRAM(another_shape) { return kernel_both(context); }
PROGRAM(another_type) { return (__u64)&kernel_number; }
PROGRAM(ambiguous_address) { return (__u64)&twice; }
PROGRAM(another_object) { return elsewhere(1); }
PROGRAM(module_field) { return ((struct module_state *)context)->field; }
PROGRAM(module_enum) { return enum_value(enum module_color, MODULE_BLUE); }
PROGRAM(kernel_first) { return ((struct in_both *)context)->kernel; }
PROGRAM(module_absent) { return ((struct module_state *)context)->field; }
