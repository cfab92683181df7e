// SPDX-License-Identifier: MIT
// What a program believes of the kernel's types; target.c says how they are. Each program returns one answer.
#include "core.h"

struct thing {
	int stays;
	int moves;
	struct { int inner; };
	union { int either; int other; };
	int array[4];
	unsigned flags : 3;
	int narrow : 5;
	unsigned long long wide : 33;
	int renamed;
	unsigned grows;
	int grows_signed;
	struct thing *next;
	const char *text;
} core;

struct thing___old { int vanished; int moves; } core;
struct absent { int field; } core;
struct thinga { int field; } core;
enum color___near { GREENER };
struct shaped { int number; struct thing *pointer; enum color *tint; } core;
struct shaped___other { long number; } core;
struct twice { int field; } core;
typedef struct { int member; } core alias;
enum color { RED = 1, GREEN = 2, GONE = 3 };
enum large { LARGE = 1, SMALL = 2 };
typedef int function_type(struct thing *, int);

#define THING ((struct thing *)context)

PROGRAM(moved) { return THING->moves; }
PROGRAM(stayed) { return THING->stays; }
PROGRAM(nested) { return THING->inner; }
PROGRAM(in_union) { return THING->other; }
PROGRAM(element) { return THING->array[2]; }
PROGRAM(pointer) { return THING->next->moves; }
PROGRAM(flavour) { return ((struct thing___old *)context)->moves; }
PROGRAM(flavour_field) { return exists(((struct thing___old *)context)->vanished); }
PROGRAM(flavour_gone) { return ((struct thing___old *)context)->vanished; }
PROGRAM(nearest_type) { return ((struct thinga *)context)->field; }
PROGRAM(nearest_enumerator) { return enum_value(enum color___near, GREENER); }
PROGRAM(renamed) { return THING->renamed; }
PROGRAM(absent) { return ((struct absent *)context)->field; }
PROGRAM(grown) { return THING->grows; }
PROGRAM(grown_store) { THING->grows = 5; return 0; }
PROGRAM(grown_signed) { return THING->grows_signed; }
PROGRAM(ambiguous) { return ((struct twice *)context)->field; }
PROGRAM(through_typedef) { return ((alias *)context)->member; }

PROGRAM(offset_moves) { return byte_offset(THING->moves); }
PROGRAM(size_grows) { return byte_size(THING->grows); }
PROGRAM(size_array) { return byte_size(THING->array); }
PROGRAM(exists_stays) { return exists(THING->stays); }
PROGRAM(exists_renamed) { return exists(THING->renamed); }
PROGRAM(signed_stays) { return is_signed(THING->stays); }
PROGRAM(signed_grows) { return is_signed(THING->grows); }
PROGRAM(flags_offset) { return byte_offset(THING->flags); }
PROGRAM(flags_size) { return byte_size(THING->flags); }
PROGRAM(flags_signed) { return is_signed(THING->flags); }
PROGRAM(flags_left) { return left_shift(THING->flags); }
PROGRAM(flags_right) { return right_shift(THING->flags); }
PROGRAM(narrow_signed) { return is_signed(THING->narrow); }
PROGRAM(narrow_offset) { return byte_offset(THING->narrow); }
PROGRAM(narrow_left) { return left_shift(THING->narrow); }
PROGRAM(narrow_right) { return right_shift(THING->narrow); }
PROGRAM(wide_size) { return byte_size(THING->wide); }
PROGRAM(wide_offset) { return byte_offset(THING->wide); }
PROGRAM(wide_left) { return left_shift(THING->wide); }
PROGRAM(wide_right) { return right_shift(THING->wide); }
PROGRAM(moves_left) { return left_shift(THING->moves); }
PROGRAM(moves_right) { return right_shift(THING->moves); }

PROGRAM(local_id) { return id_local(struct thing); }
PROGRAM(target_id) { return id_target(struct thing); }
PROGRAM(target_id_absent) { return id_target(struct absent); }
PROGRAM(type_thing) { return type_exists(struct thing); }
PROGRAM(type_absent) { return type_exists(struct absent); }
PROGRAM(type_function) { return type_exists(function_type); }
PROGRAM(size_thing) { return type_size(struct thing); }
PROGRAM(size_absent) { return type_size(struct absent); }
PROGRAM(color_exists) { return enum_exists(enum color, GREEN); }
PROGRAM(color_gone) { return enum_exists(enum color, GONE); }
PROGRAM(color_value) { return enum_value(enum color, GREEN); }
PROGRAM(color_gone_value) { return enum_value(enum color, GONE); }
PROGRAM(large_value) { return enum_value(enum large, LARGE); }
PROGRAM(large_small) { return enum_value(enum large, SMALL); }
