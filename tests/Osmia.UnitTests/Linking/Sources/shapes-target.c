// SPDX-License-Identifier: MIT
// Stands for a kernel: the names of shapes.c, moved, widened, renamed and gone.
struct leaf { char pad[4]; int a; int pad2; int b; };
struct row { int before; struct leaf cells[5]; int after; };
enum small { SMALL_A = 7, SMALL_B };
enum huge { HUGE_A = 3, HUGE_B = 0x300000001ULL };
enum negative { MINUS = -77, PLUS = 55 };

struct table {
	long added;
	struct row rows[6];
	struct leaf grid[3][4];
	struct leaf *pointers[8];
	char pad;
	char name[32];
	int tail[];
};

struct numbers {
	char pad[3];
	unsigned char u8;
	unsigned int u16;
	unsigned long u32;
	unsigned long long u64;
	signed char s8;
	int s16;
	int s32;
	long s64;
	_Bool flag;
	enum small choice;
	float real;
	int qualified;
	void *pointer;
	void *pointer_number;
	int array[8];
	int array_gone[2];
	struct leaf inner;
	struct { union { struct { int zero; int one; }; struct { long l; int two; int three; }; }; };
	union { long x; struct { int y; int deep; }; };
	unsigned to_array[2];
	unsigned shrinks;
	short shrinks_signed;
	void *to_pointer;
	long choice_grows;
};

struct bits {
	unsigned a : 2;
	unsigned b : 20;
	int c : 9;
	unsigned long long d : 50;
	unsigned short e : 5;
	unsigned char f : 1;
	long pad;
	int plain;
	int becomes_bits : 11;
	unsigned was_bits;
	unsigned gap : 25;
	unsigned crosses : 7;
};

union choice { long first; struct leaf pair; int number; unsigned wide; };
struct holder { int pad; union choice choice; };
struct far { char pad[40000]; int value; };
struct flavoured { int new_name; };
struct same_offset { int field; };
struct same_offset___copy { int field; int more; };
struct other_size { int pad; unsigned field; };
struct other_size___copy { int pad; unsigned long long pad2; unsigned field; };
struct kinds_differ { struct leaf *field; };
typedef struct leaf leaf_alias;
typedef long number_alias;
typedef struct { long pad; int kept; } unnamed_alias;
typedef void (*callback)(struct leaf *, int);
typedef int (*callback_differs)(struct leaf *, int);
typedef int array_alias[9];
typedef struct leaf *pointer_alias;

struct table table;
struct numbers numbers;
struct bits bits;
union choice choice;
struct holder holder;
struct far far;
struct flavoured flavoured;
struct same_offset same_offset;
struct same_offset___copy same_copy;
struct other_size other_size;
struct other_size___copy other_copy;
struct kinds_differ kinds_differ;
leaf_alias aliased;
number_alias number;
unnamed_alias unnamed;
callback called;
callback_differs called_too;
array_alias arrayed;
pointer_alias pointed;
enum small small;
enum huge huge;
enum negative negative;
