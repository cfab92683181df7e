// SPDX-License-Identifier: MIT
// Two objects that do not fit each other, once for each reason: CASE says which, SECOND makes the second object.
#include "merge.h"

#if CASE == 1 /* two strong functions */
noinline int same(int value)
{
	volatile int result = value;
	return result;
}
#define USE same(1)

#elif CASE == 2 /* two strong maps */
struct shared_map same SEC(".maps");
#define USE !bpf_map_lookup_elem(&same, &key)

#elif CASE == 3 /* two strong variables */
int same = 1;
#define USE same++

#elif CASE == 4 /* an external function with other parameters */
#ifdef SECOND
noinline int same(int value, int *place)
{
	return place ? *place + value : 0;
}
#define USE same(1, 0)
#else
extern int same(int value);
#define USE same(1)
#endif

#elif CASE == 5 /* an external map with another value */
#ifdef SECOND
struct shared_map same SEC(".maps");
#else
extern struct {
	__uint(type, 1);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, struct { __u32 first; __u64 third; });
} same SEC(".maps");
#endif
#define USE !bpf_map_lookup_elem(&same, &key)

#elif CASE == 6 /* an external map of another size */
#ifdef SECOND
struct shared_map same SEC(".maps");
#else
extern struct {
	__uint(type, 1);
	__uint(max_entries, 32);
	__type(key, __u32);
	__type(value, struct pair);
} same SEC(".maps");
#endif
#define USE !bpf_map_lookup_elem(&same, &key)

#elif CASE == 7 /* a variable and a function */
#ifdef SECOND
noinline int same(int value)
{
	volatile int result = value;
	return result;
}
#define USE same(1)
#else
extern int same;
#define USE same
#endif

#elif CASE == 8 /* a member at another place */
#ifdef SECOND
struct record { __u64 first, second; } same;
#define USE same.second
#else
extern struct record { __u32 first, second; } same;
#define USE same.second
#endif

#elif CASE == 9 /* a value of the configuration that an object defines */
#ifdef SECOND
int LINUX_KERNEL_VERSION = 1;
#else
extern int LINUX_KERNEL_VERSION SEC(".kconfig");
#endif
#define USE LINUX_KERNEL_VERSION

#elif CASE == 10 /* a struct and a union behind a pointer are of one size, and not the same */
#ifdef SECOND
union either { int number; };
noinline int same(union either *value)
{
	return value ? value->number : 0;
}
#else
struct either { int number; };
extern int same(struct either *value);
#endif
#define USE same(0)

#elif CASE == 11 /* a map in a map */
#ifdef SECOND
struct inner { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32); __type(value, __u32); };
struct { __uint(type, 12); __uint(max_entries, 4); __type(key, __u32); __array(values, struct inner); } same SEC(".maps");
#else
struct inner { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32); __type(value, __u32); };
extern struct { __uint(type, 12); __uint(max_entries, 4); __type(key, __u32); __array(values, struct inner); } same SEC(".maps");
#endif
#define USE !bpf_map_lookup_elem(&same, &key)

#else /* only the licenses differ */
#define USE key
#endif

#ifdef SECOND
SEC("socket") int second(void *ctx)
#else
SEC("socket") int first(void *ctx)
#endif
{
	__u32 key = 0;

	return USE + (key & 1);
}

#if CASE == 12 && defined(SECOND)
char LICENSE[] SEC("license") = "Dual MIT/GPL";
#else
char LICENSE[] SEC("license") = "GPL";
#endif
