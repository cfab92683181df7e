struct list { struct list *next; struct list **back; };
struct known_later { long value; struct pair { int a; struct known_later *later; } *back; };
union either { int number; struct pair *pair; };
enum color { RED, GREEN };
enum later { LATER = 7 };
typedef int (*callback)(struct pair *, const char *, ...);
struct differs { long only_there; struct list list; };
struct holder { struct differs *what; union either either; callback call; volatile int v[4]; enum color color : 3; unsigned rest : 5; };
struct holder second_holder;
struct differs second_differs;
struct list second_list;
struct known_later second_later;
enum later second_enum = LATER;

__attribute__((section("socket"))) int anchor(void *context) { return 0; }
