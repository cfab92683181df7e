/* Layouts that a C header has to say in attributes, gaps and unnamed bit-fields. */
typedef unsigned char u8;
typedef unsigned long long u64;

struct bits { int a : 3, b : 5; unsigned c : 17; u64 d : 40; u8 e : 1, : 2, f : 5; };
struct bit_gaps { int a : 3; int : 0; int b : 4; long : 0; u8 c : 2; };
struct packed_bits { u8 a : 3; unsigned b : 29; u64 c : 33; u8 tail; } __attribute__((packed));
struct packed { u8 a; u64 b; int c; } __attribute__((packed));
struct holds_packed { u8 a; struct packed packed; int after; };
struct aligned { int a; } __attribute__((aligned(64)));
struct holds_aligned { u8 a; struct aligned aligned; u8 b; };
struct member_aligned { u8 a; int b __attribute__((aligned(32))); u8 c __attribute__((aligned(16))); };
struct short_tail { u64 a; u8 b; } __attribute__((packed, aligned(4)));
struct wide { u8 a; __int128 b; unsigned __int128 c; };
struct empty { };
struct flexible { int count; struct { int x; u8 y; } items[]; };
union packed_union { u8 a[5]; int b; } __attribute__((packed));
union aligned_union { int a; u8 b; } __attribute__((aligned(16)));
struct unions { u8 a; union aligned_union u; union packed_union p; union { int x; struct { u8 y, z; }; }; };
enum small { SMALL_A, SMALL_B } __attribute__((mode(byte)));
enum medium { MEDIUM_A, MEDIUM_B = 40000 } __attribute__((mode(HI)));
enum large { LARGE_A = 1ull << 40, LARGE_B = ~0ull };
enum large_small { LS_A = 1 } __attribute__((mode(word)));
enum negative { NEGATIVE = -5, POSITIVE = 5 };
enum { UNNAMED_CONSTANT = 42 };
struct enums { enum small s; enum medium m; enum large l; enum large_small ls; enum negative n; enum { INNER_A, INNER_B } inner; };
struct node;
typedef struct node node_t;
typedef int (*visit_t)(node_t *, const struct node *const *, int (*)(void), ...);
struct node { node_t *next; visit_t visit; int (*array[3])(int, char); int (*(*returns)(int))(long); const char *const names[2][3]; char (*row)[8]; void (*noreturn)(void); };
struct anonymous { struct { int a; struct { u8 b; } c; } d; struct { long x; } *pointer; struct { int q; } many[2]; union { int i; float f; }; };
struct again { struct again *self; struct { struct again *inner; } nested; struct other *other; };
struct other { struct again again; };
typedef struct { int x; } unnamed_t;
typedef union { int x; } unnamed_u;
typedef enum { TE_A } unnamed_e;
struct typedefs { unnamed_t t; unnamed_u u; unnamed_e e; volatile const unnamed_t *restrict p; };

#define USE(kind, name) kind name *use_##kind##_##name;
USE(struct, bits) USE(struct, bit_gaps) USE(struct, packed_bits) USE(struct, packed) USE(struct, holds_packed) USE(struct, aligned)
USE(struct, holds_aligned) USE(struct, member_aligned) USE(struct, short_tail) USE(struct, wide) USE(struct, empty) USE(struct, flexible)
USE(union, packed_union) USE(union, aligned_union) USE(struct, unions) USE(struct, enums) USE(struct, node) USE(struct, anonymous)
USE(struct, again) USE(struct, other) USE(struct, typedefs) USE(enum, small) USE(enum, medium) USE(enum, large) USE(enum, large_small)
USE(enum, negative)

__attribute__((section("socket"))) int anchor(void *context) { return 0; }
