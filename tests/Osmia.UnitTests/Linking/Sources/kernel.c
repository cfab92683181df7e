// SPDX-License-Identifier: MIT
// A kernel of our own, as far as its types go.
struct state { int number; struct state *next; };
struct in_both { int kernel; };

struct state kernel_state = { 1 };
int kernel_number = 2;

int kernel_sum(struct state *one, long two) { return one->number + two; }
int kernel_both(struct state *one, int two) { return one->number - two; }
struct in_both both = { 1 };
