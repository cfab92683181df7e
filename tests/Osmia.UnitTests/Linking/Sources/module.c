// SPDX-License-Identifier: MIT
// A module on the kernel of our own.
struct module_state { char pad[24]; int field; unsigned long wide; };
struct in_both { int other; int kernel; };
enum module_color { MODULE_RED = 5, MODULE_BLUE = 9 };

struct module_state module_state = { "" };
enum module_color color = MODULE_RED;
struct in_both module_both = { 1 };

int module_sum(int one) { return one; }
