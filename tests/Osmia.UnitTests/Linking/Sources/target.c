// SPDX-License-Identifier: MIT
// Stands for a kernel: the same names as in local.c, laid out in another way.

enum color { RED = 1, GREEN = 77 };
enum large { LARGE = 0x123456789abcdefULL, SMALL = 9 };

struct thing {
	long added;
	int stays;
	int more[3];
	int moves;
	union {
		struct { char pad[4]; int inner; };
		long ignored;
	};
	struct { struct { union { unsigned other; int either; }; }; };
	int gap;
	int array[8];
	unsigned before : 4;
	unsigned flags : 7;
	int narrow : 9;
	unsigned long long wide : 40;
	int renamed_;
	int rename;
	unsigned long grows;
	long grows_signed;
	struct thing *next;
	const char *text;
} thing;

struct shaped { char extra; int number; struct thing *pointer; enum color *tint; } shaped;
struct twice { int field; } first;
struct twice___v2 { long pad; int field; } second;
typedef struct { long pad; int member; } alias;
alias aliased;
enum color color;
enum large large;
typedef int function_type(struct thing *, int);
function_type *function;
