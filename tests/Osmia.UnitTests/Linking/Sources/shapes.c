// SPDX-License-Identifier: MIT
// More shapes of CO-RE records; shapes-target.c says how the kernel has them. Each program holds a few records.
#include "core.h"

typedef unsigned short u16;
typedef signed char s8;
typedef _Bool boolean;

struct leaf { int a; int b; };
struct row { struct leaf cells[3]; int after; };
struct table {
	struct row rows[4];
	struct leaf grid[2][3];
	struct leaf *pointers[5];
	char name[16];
	int tail[];
} core;

struct leaf___v2 { int lost; } core;
struct row___v2 { struct leaf___v2 cells[3]; } core;
struct table___v2 { struct row___v2 rows[4]; } core;

enum small { SMALL_A, SMALL_B = 2 };
enum huge { HUGE_A = 1, HUGE_B = 0x200000000ULL };
enum negative { MINUS = -5, PLUS = 5 };

struct numbers {
	__u8 u8;
	u16 u16;
	__u32 u32;
	__u64 u64;
	s8 s8;
	short s16;
	int s32;
	long s64;
	boolean flag;
	enum small choice;
	float real;
	const volatile int qualified;
	void *pointer;
	__u64 pointer_number;
	int array[4];
	int array_gone[4];
	struct leaf inner;
	union { int one; struct { int two; int three; }; };
	struct { struct { int deep; }; };
	__u32 to_array;
	__u64 shrinks;
	int shrinks_signed;
	__u32 to_pointer;
	enum small choice_grows;
} core;

struct bits {
	__u32 a : 1;
	__u32 b : 31;
	int c : 5;
	__u64 d : 40;
	u16 e : 9;
	__u8 f : 3;
	int plain;
	int becomes_bits;
	__u32 was_bits : 6;
	__u32 crosses : 20;
} core;

union choice { int number; struct leaf pair; __u64 wide; } core;
struct holder { union choice choice; struct { int x; } *anonymous; } core;
struct far { int value; } core;
struct flavoured___one { int old_name; } core;
struct flavoured___two { int new_name; } core;
struct nowhere { int field; struct leaf inner; } core;
struct same_offset { int field; } core;
struct other_size { __u32 field; } core;
struct forward_only;
struct kinds_differ { int field; } core;
typedef struct leaf leaf_alias;
typedef int number_alias;
typedef struct { int kept; int gone; } core unnamed_alias;
typedef void (*callback)(struct leaf *, int);
typedef int (*callback_differs)(struct leaf *, int, int);
typedef int array_alias[4];
typedef struct leaf *pointer_alias;

#define T ((struct table *)context)
#define N ((struct numbers *)context)
#define B ((struct bits *)context)
#define U ((union choice *)context)
#define H ((struct holder *)context)

/* Paths through arrays. */
PROGRAM(array_nested) { return T->rows[2].cells[1].b; }
PROGRAM(array_grid) { return T->grid[1][2].a; }
PROGRAM(array_pointers) { return T->pointers[3]->b; }
PROGRAM(array_name) { return T->name[5]; }
PROGRAM(array_flexible) { return T->tail[7]; }
PROGRAM(array_after) { return T->rows[3].after; }
PROGRAM(array_whole) { return T[2].rows[1].after; }
PROGRAM(array_offset) { return byte_offset(T->rows[3].cells[2].a); }
PROGRAM(array_element_size) { return byte_size(T->rows[1].cells[2]); }
PROGRAM(array_row_size) { return byte_size(T->rows[1]); }
PROGRAM(array_rows_size) { return byte_size(T->rows); }
PROGRAM(array_out) { return N->array[3]; }
PROGRAM(array_out_exists) { return exists(N->array[3]); }
PROGRAM(array_shorter) { return N->array_gone[3]; }
PROGRAM(array_shorter_exists) { return exists(N->array_gone[3]); }

/* Loads of every width. */
PROGRAM(load_u8) { return N->u8; }
PROGRAM(load_u16) { return N->u16; }
PROGRAM(load_u32) { return N->u32; }
PROGRAM(load_u64) { return N->u64; }
PROGRAM(load_s8) { return N->s8; }
PROGRAM(load_s16) { return N->s16; }
PROGRAM(load_s32) { return N->s32; }
PROGRAM(load_s64) { return N->s64; }
PROGRAM(load_flag) { return N->flag; }
PROGRAM(load_choice) { return N->choice; }
PROGRAM(load_qualified) { return N->qualified; }
PROGRAM(load_pointer) { return (__u64)N->pointer; }
PROGRAM(load_pointer_number) { return N->pointer_number; }
PROGRAM(load_inner) { return N->inner.b; }
PROGRAM(load_one) { return N->one; }
PROGRAM(load_three) { return N->three; }
PROGRAM(load_deep) { return N->deep; }
PROGRAM(load_to_array) { return N->to_array; }
PROGRAM(load_shrinks) { return N->shrinks; }
PROGRAM(load_shrinks_signed) { return N->shrinks_signed; }
PROGRAM(load_to_pointer) { return N->to_pointer; }
PROGRAM(load_choice_grows) { return N->choice_grows; }
PROGRAM(load_far) { return ((struct far *)context)->value; }
PROGRAM(offset_far) { return byte_offset(((struct far *)context)->value); }

/* Stores, of registers and of numbers. */
PROGRAM(store_u8) { N->u8 = 1; return 0; }
PROGRAM(store_u16) { N->u16 = *(u16 *)context; return 0; }
PROGRAM(store_u32) { N->u32 = *(__u32 *)context; return 0; }
PROGRAM(store_u64) { N->u64 = 7; return 0; }
PROGRAM(store_s32) { N->s32 = -1; return 0; }
PROGRAM(store_s64) { N->s64 = *(long *)context; return 0; }
PROGRAM(store_pointer) { N->pointer = context; return 0; }
PROGRAM(store_nested) { T->rows[1].cells[2].a = 5; return 0; }
PROGRAM(atomic_add) { __sync_fetch_and_add(&N->u64, 1); return 0; }

/* Arithmetic on offsets, several records in one program, a guard. */
PROGRAM(address_of) { return (__u64)&N->inner.b; }
PROGRAM(address_of_element) { return (__u64)&T->rows[2].cells[1]; }
PROGRAM(address_of_array) { return (__u64)&T->name; }
PROGRAM(sum) { return N->u8 + N->u16 + N->u32 + N->u64 + (N->s32 < 0) + T->rows[0].after; }
PROGRAM(chain) { return T->pointers[0]->a + T->pointers[1]->b; }
PROGRAM(guarded) { return exists(((struct nowhere *)context)->field) ? ((struct nowhere *)context)->field : 1; }
PROGRAM(guarded_flavour)
{
	if (exists(((struct flavoured___one *)context)->old_name))
		return ((struct flavoured___one *)context)->old_name;
	return ((struct flavoured___two *)context)->new_name;
}

/* Every question about fields that are there, moved, renamed or gone. */
PROGRAM(q_offset) { return byte_offset(N->three) + byte_offset(N->deep) * 100; }
PROGRAM(q_size) { return byte_size(N->u16) + byte_size(N->inner) + byte_size(N->array) + byte_size(N->choice); }
PROGRAM(q_exists) { return exists(N->one) + exists(N->deep) * 2 + exists(((struct flavoured___one *)context)->old_name) * 4; }
PROGRAM(q_signed) { return is_signed(N->s8) + is_signed(N->u8) * 2 + is_signed(N->choice) * 4 + is_signed(N->s64) * 8; }
PROGRAM(q_left) { return left_shift(N->u8) + left_shift(N->u64) + left_shift(N->s32); }
PROGRAM(q_right) { return right_shift(N->u8) + right_shift(N->u64) + right_shift(N->s32); }
PROGRAM(gone_offset) { return byte_offset(((struct nowhere *)context)->field); }
PROGRAM(gone_size) { return byte_size(((struct nowhere *)context)->inner); }
PROGRAM(gone_signed) { return is_signed(((struct nowhere *)context)->field); }
PROGRAM(gone_left) { return left_shift(((struct flavoured___one *)context)->old_name); }
PROGRAM(gone_right) { return right_shift(((struct flavoured___one *)context)->old_name); }
PROGRAM(kinds_read) { return ((struct kinds_differ *)context)->field; }
PROGRAM(alias_lost) { return ((unnamed_alias *)context)->gone; }
PROGRAM(row_lost) { return ((struct table___v2 *)context)->rows[1].cells[2].lost; }
PROGRAM(gone_exists) { return exists(((struct nowhere *)context)->field); }
PROGRAM(kinds_differ) { return exists(((struct kinds_differ *)context)->field); }
PROGRAM(signed_differs) { return is_signed(N->shrinks_signed); }
PROGRAM(union_wide) { return U->wide; }
PROGRAM(union_pair) { return U->pair.b; }
PROGRAM(union_held) { return H->choice.pair.a; }

/* Bit-fields. */
PROGRAM(bits_a) { return byte_offset(B->a) + byte_size(B->a) * 100; }
PROGRAM(bits_a_shift) { return left_shift(B->a) + right_shift(B->a) * 100; }
PROGRAM(bits_b) { return byte_offset(B->b) + byte_size(B->b) * 100 + left_shift(B->b) + right_shift(B->b); }
PROGRAM(bits_c) { return byte_offset(B->c) + byte_size(B->c) * 100 + left_shift(B->c) + right_shift(B->c) + is_signed(B->c); }
PROGRAM(bits_d) { return byte_offset(B->d) + byte_size(B->d) * 100 + left_shift(B->d) + right_shift(B->d) + is_signed(B->d); }
PROGRAM(bits_e) { return byte_offset(B->e) + byte_size(B->e) * 100 + left_shift(B->e) + right_shift(B->e); }
PROGRAM(bits_f) { return byte_offset(B->f) + byte_size(B->f) * 100 + left_shift(B->f) + right_shift(B->f); }
PROGRAM(bits_plain) { return byte_offset(B->plain) + byte_size(B->plain) + left_shift(B->plain) + right_shift(B->plain); }
PROGRAM(bits_becomes) { return byte_offset(B->becomes_bits); }
PROGRAM(bits_becomes_size) { return byte_size(B->becomes_bits); }
PROGRAM(bits_becomes_left) { return left_shift(B->becomes_bits); }
PROGRAM(bits_becomes_right) { return right_shift(B->becomes_bits); }
PROGRAM(bits_becomes_load) { return B->becomes_bits; }
PROGRAM(bits_was) { return byte_offset(B->was_bits) + byte_size(B->was_bits) + left_shift(B->was_bits) + right_shift(B->was_bits); }
PROGRAM(bits_crosses) { return byte_offset(B->crosses) + byte_size(B->crosses) + left_shift(B->crosses) + right_shift(B->crosses); }
PROGRAM(bits_exists) { return exists(B->a) + exists(B->f); }

/* Whole types. */
PROGRAM(type_id_local) { return id_local(struct leaf) + id_local(number_alias) * 1000; }
PROGRAM(type_id_target) { return id_target(struct leaf); }
PROGRAM(type_id_union) { return id_target(union choice); }
PROGRAM(type_id_enum) { return id_target(enum small); }
PROGRAM(type_id_gone) { return id_target(struct nowhere); }
PROGRAM(type_there) { return type_exists(struct leaf) + type_exists(union choice) * 2 + type_exists(enum huge) * 4 + type_exists(leaf_alias) * 8; }
PROGRAM(type_alias) { return type_exists(number_alias) + type_exists(callback) * 2 + type_exists(callback_differs) * 4 + type_exists(array_alias) * 8 + type_exists(pointer_alias) * 16; }
PROGRAM(type_gone) { return type_exists(struct nowhere) + type_exists(unnamed_alias) * 2; }
PROGRAM(type_sizes) { return type_size(struct leaf) + type_size(union choice) + type_size(enum huge) + type_size(leaf_alias) + type_size(number_alias); }
PROGRAM(type_size_gone) { return type_size(struct nowhere); }
PROGRAM(type_size_enum) { return type_size(enum small); }
PROGRAM(alias_kept) { return ((unnamed_alias *)context)->kept; }
PROGRAM(alias_gone) { return exists(((unnamed_alias *)context)->gone); }

/* Enumerators, of 32 and of 64 bits, signed and not. */
PROGRAM(enum_there) { return enum_exists(enum small, SMALL_A) + enum_exists(enum small, SMALL_B) * 2 + enum_exists(enum huge, HUGE_B) * 4; }
PROGRAM(enum_small) { return enum_value(enum small, SMALL_B); }
PROGRAM(enum_huge) { return enum_value(enum huge, HUGE_B); }
PROGRAM(enum_shrunk) { return enum_value(enum huge, HUGE_A); }
PROGRAM(enum_negative) { return enum_value(enum negative, MINUS); }
PROGRAM(enum_plus) { return enum_value(enum negative, PLUS); }
enum lost { LOST = 4 };
PROGRAM(enum_gone) { return enum_exists(enum lost, LOST); }
PROGRAM(enum_gone_value) { return enum_value(enum lost, LOST); }

/* Several candidates of one name. */
PROGRAM(candidates_agree) { return ((struct same_offset *)context)->field; }
PROGRAM(candidates_differ) { return ((struct other_size *)context)->field; }
PROGRAM(candidates_exist) { return exists(((struct other_size *)context)->field); }
PROGRAM(candidates_size) { return byte_size(((struct other_size *)context)->field); }
PROGRAM(candidates_id) { return id_target(struct same_offset); }

/* Records in subprograms and callbacks. */
static noinline __u64 part(struct numbers *numbers, __u64 n) { asm volatile("" : "+r"(n)); return numbers->u32 + n; }
noinline __u64 whole(struct numbers *numbers, __u64 n) { asm volatile("" : "+r"(n)); return n + enum_value(enum small, SMALL_B) + part(numbers, n); }
static int each(__u32 index, void *context) { return N->u16 == index; }
PROGRAM(calls) { return whole(context, 1) + part(context, 2); }
PROGRAM(callback_loop) { return bpf_loop(3, each, context, 0); }
