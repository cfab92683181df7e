// SPDX-License-Identifier: MIT
// Relocation kind 12, which compilers have since clang 15.
#include "core.h"

struct thing;
struct shaped { int number; struct thing *pointer; enum color *tint; } core;
struct shaped___other { long number; } core;
struct shaped___part { int number; } core;
enum color { RED = 1, GREEN = 2 };
enum color___gone { GONE___gone = 3 };

PROGRAM(same) { return type_matches(struct shaped); }
PROGRAM(part) { return type_matches(struct shaped___part); }
PROGRAM(other) { return type_matches(struct shaped___other); }
PROGRAM(color) { return type_matches(enum color); }
PROGRAM(color_gone) { return type_matches(enum color___gone); }
