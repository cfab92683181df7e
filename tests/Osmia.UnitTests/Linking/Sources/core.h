/* SPDX-License-Identifier: MIT */
/* The thirteen kinds of CO-RE relocations by number, and the builtins that record them. */
#include "../../Objects/Sources/bpf.h"

#define core __attribute__((preserve_access_index))
#define byte_offset(access) __builtin_preserve_field_info(access, 0)
#define byte_size(access) __builtin_preserve_field_info(access, 1)
#define exists(access) __builtin_preserve_field_info(access, 2)
#define is_signed(access) __builtin_preserve_field_info(access, 3)
#define left_shift(access) __builtin_preserve_field_info(access, 4)
#define right_shift(access) __builtin_preserve_field_info(access, 5)
#define id_local(type) __builtin_btf_type_id(*(type *)0, 0)
#define id_target(type) __builtin_btf_type_id(*(type *)0, 1)
#define type_exists(type) __builtin_preserve_type_info(*(type *)0, 0)
#define type_size(type) __builtin_preserve_type_info(*(type *)0, 1)
#define type_matches(type) __builtin_preserve_type_info(*(type *)0, 2)
#define enum_exists(type, name) __builtin_preserve_enum_value(*(type *)name, 0)
#define enum_value(type, name) __builtin_preserve_enum_value(*(type *)name, 1)

/* One answer: an element of `answers` as long as the program, found by its place in the array. */
#define PROGRAM(name) SEC("?socket") __u64 name(void *context)

char LICENSE[] SEC("license") = "GPL";
