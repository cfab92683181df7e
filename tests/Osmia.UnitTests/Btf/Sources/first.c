/* Two units that share types, one knowing more of some than the other. */
struct known_later;
struct list { struct list *next; struct list **back; };
struct pair { int a; struct known_later *later; };
union either { int number; struct pair *pair; };
enum color { RED, GREEN };
enum later;
typedef int (*callback)(struct pair *, const char *, ...);
struct differs { int only_here; struct list list; };
struct holder { struct differs *what; union either either; callback call; volatile int v[4]; enum color color : 3; unsigned rest : 5; };
struct holder first_holder;
struct differs first_differs;
struct list first_list;
struct known_later *first_later;
enum later *first_enum;

__attribute__((section("socket"))) int anchor(void *context) { return 0; }
