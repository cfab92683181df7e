#include "contract.h"

#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))

struct bpf_list_head { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 opaque[4]; } __attribute__((aligned(8)));
struct bpf_refcount { __u32 opaque[1]; } __attribute__((aligned(4)));

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node, _Bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;

struct bpf_res_spin_lock { __u32 val; };
extern void *bpf_percpu_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
static void *(*bpf_per_cpu_ptr)(const void *p, __u32 cpu) = (void *)153;
static void *(*bpf_this_cpu_ptr)(const void *p) = (void *)154;

struct plain { __u64 a, b; };
struct single { __u64 key; struct bpf_list_node list; };
struct leaf { struct bpf_rb_node tree; __u64 key; };
struct both { __u64 key; struct bpf_list_node list; struct bpf_rb_node tree; struct bpf_refcount count; };
struct slot { struct plain __kptr *kept; __u64 other; };

struct { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32); __type(value, struct slot); } slots SEC(".maps");
struct { __uint(type, 1); __uint(max_entries, 4); __type(key, __u32); __type(value, struct slot); } hashed SEC(".maps");

#define NEW(t) ((struct t *)bpf_obj_new_impl(__builtin_btf_type_id(*(struct t *)0, 0), 0))
#define DROP(p) bpf_obj_drop_impl(p, 0)
#define container(p, t, m) ((struct t *)((void *)(p) - __builtin_offsetof(struct t, m)))
#define private(name) SEC(".data." #name) __attribute__((aligned(8)))

private(A) struct bpf_spin_lock lock;
private(A) struct bpf_list_head head __contains(single, list);
private(A) struct bpf_rb_root root __contains(leaf, tree);
private(B) struct bpf_spin_lock both_lock;
private(B) struct bpf_list_head both_head __contains(both, list);
private(B) struct bpf_rb_root both_root __contains(both, tree);

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container(a, leaf, tree)->key < container(b, leaf, tree)->key;
}

static _Bool less_both(struct bpf_rb_node *a, const struct bpf_rb_node *b)
{
	return container(a, both, tree)->key < container(b, both, tree)->key;
}

static noinline int push(__u64 key, int back)
{
	struct single *p = NEW(single);
	int result;
	if (!p) return -12;
	p->key = key;
	bpf_spin_lock(&lock);
	if (back) result = bpf_list_push_back_impl(&head, &p->list, 0, 0);
	else result = bpf_list_push_front_impl(&head, &p->list, 0, 0);
	bpf_spin_unlock(&lock);
	return result;
}

static noinline __s64 pop(int back)
{
	struct bpf_list_node *n;
	struct single *p;
	__s64 key;
	bpf_spin_lock(&lock);
	if (back) n = bpf_list_pop_back(&head);
	else n = bpf_list_pop_front(&head);
	bpf_spin_unlock(&lock);
	if (!n) return -1;
	p = container(n, single, list);
	key = p->key;
	DROP(p);
	return key;
}

SEC("tc") int lists(struct __sk_buff *skb)
{
	out[0] = push(1, 0);
	out[1] = push(2, 1);
	out[2] = push(3, 0);
	out[3] = push(4, 1);
	out[4] = pop(0);
	out[5] = pop(1);
	out[6] = pop(0);
	out[7] = pop(0);
	out[8] = pop(0);
	out[9] = pop(1);
	return 1;
}

static noinline int add(__u64 key)
{
	struct leaf *p = NEW(leaf);
	int result;
	if (!p) return -12;
	p->key = key;
	bpf_spin_lock(&lock);
	result = bpf_rbtree_add_impl(&root, &p->tree, less, 0, 0);
	bpf_spin_unlock(&lock);
	return result;
}

static noinline __s64 take_first(void)
{
	struct bpf_rb_node *n;
	struct leaf *p;
	__s64 key;
	bpf_spin_lock(&lock);
	n = bpf_rbtree_first(&root);
	if (!n) { bpf_spin_unlock(&lock); return -1; }
	n = bpf_rbtree_remove(&root, n);
	bpf_spin_unlock(&lock);
	if (!n) return -2;
	p = container(n, leaf, tree);
	key = p->key;
	DROP(p);
	return key;
}

SEC("tc") int trees(struct __sk_buff *skb)
{
	out[0] = add(50);
	out[1] = add(20);
	out[2] = add(90);
	out[3] = add(70);
	out[4] = add(20);
	out[5] = add(10);
	for (int i = 0; i < 8; i++) out[6 + i] = take_first();
	return 1;
}

SEC("tc") int counted(struct __sk_buff *skb)
{
	struct both *p = NEW(both), *q;
	struct bpf_list_node *n;
	struct bpf_rb_node *t;
	if (!p) return 0;
	p->key = 42;
	q = bpf_refcount_acquire_impl(p, 0);
	bpf_spin_lock(&both_lock);
	out[0] = bpf_list_push_back_impl(&both_head, &p->list, 0, 0);
	out[1] = bpf_rbtree_add_impl(&both_root, &q->tree, less_both, 0, 0);
	bpf_spin_unlock(&both_lock);
	bpf_spin_lock(&both_lock);
	n = bpf_list_pop_front(&both_head);
	bpf_spin_unlock(&both_lock);
	if (!n) return 2;
	p = container(n, both, list);
	out[2] = p->key;
	p->key = 43;
	DROP(p);
	bpf_spin_lock(&both_lock);
	t = bpf_rbtree_first(&both_root);
	if (!t) { bpf_spin_unlock(&both_lock); return 3; }
	t = bpf_rbtree_remove(&both_root, t);
	bpf_spin_unlock(&both_lock);
	if (!t) return 4;
	p = container(t, both, tree);
	out[3] = p->key;
	DROP(p);
	return 1;
}

SEC("tc") int twice_in_a_list(struct __sk_buff *skb)
{
	struct both *p = NEW(both), *q;
	struct bpf_list_node *n;
	if (!p) return 0;
	q = bpf_refcount_acquire_impl(p, 0);
	bpf_spin_lock(&both_lock);
	out[0] = bpf_list_push_back_impl(&both_head, &p->list, 0, 0);
	out[1] = bpf_list_push_back_impl(&both_head, &q->list, 0, 0);
	n = bpf_list_pop_front(&both_head);
	bpf_spin_unlock(&both_lock);
	if (n) DROP(container(n, both, list));
	bpf_spin_lock(&both_lock);
	n = bpf_list_pop_front(&both_head);
	bpf_spin_unlock(&both_lock);
	out[2] = n != 0;
	if (n) DROP(container(n, both, list));
	return 1;
}

static noinline __s64 exchange(int index, __s64 number)
{
	__u32 key = index;
	struct slot *slot = bpf_map_lookup_elem(&slots, &key);
	struct plain *p = 0, *old;
	__s64 result;
	if (!slot) return -1;
	if (number) { p = NEW(plain); if (!p) return -12; p->a = number; }
	old = bpf_kptr_xchg(&slot->kept, p);
	if (!old) return 0;
	result = old->a;
	DROP(old);
	return result;
}

SEC("tc") int kept_pointers(struct __sk_buff *skb)
{
	out[0] = exchange(0, 0);
	out[1] = exchange(0, 11);
	out[2] = exchange(1, 21);
	out[3] = exchange(0, 12);
	out[4] = exchange(0, 0);
	out[5] = exchange(0, 0);
	out[6] = exchange(1, 0);
	return 1;
}

SEC("tc") int kept_in_a_deleted_element(struct __sk_buff *skb)
{
	__u32 key = 7;
	struct slot empty = {};
	struct slot *slot;
	struct plain *p, *old;
	out[0] = bpf_map_update_elem(&hashed, &key, &empty, 0);
	slot = bpf_map_lookup_elem(&hashed, &key);
	if (!slot) return 2;
	p = NEW(plain);
	if (!p) return 3;
	p->a = 9;
	old = bpf_kptr_xchg(&slot->kept, p);
	if (old) DROP(old);
	out[1] = bpf_map_delete_elem(&hashed, &key);
	out[2] = bpf_map_update_elem(&hashed, &key, &empty, 0);
	slot = bpf_map_lookup_elem(&hashed, &key);
	if (!slot) return 4;
	old = bpf_kptr_xchg(&slot->kept, 0);
	out[3] = old != 0;
	if (old) DROP(old);
	return 1;
}

struct guarded { __u64 a; struct bpf_res_spin_lock lock; };
struct { __uint(type, 2); __uint(max_entries, 2); __type(key, __u32); __type(value, struct guarded); } guards SEC(".maps");

SEC("tc") int resilient_locks(struct __sk_buff *skb)
{
	__u32 key = 0, other = 1;
	unsigned long flags;
	struct guarded *one = bpf_map_lookup_elem(&guards, &key), *two = bpf_map_lookup_elem(&guards, &other);
	if (!one || !two) return 0;
	if (bpf_res_spin_lock(&one->lock)) return 2;
	if (bpf_res_spin_lock(&two->lock)) { bpf_res_spin_unlock(&one->lock); return 3; }
	one->a++;
	two->a += 2;
	bpf_res_spin_unlock(&two->lock);
	bpf_res_spin_unlock(&one->lock);
	if (bpf_res_spin_lock_irqsave(&one->lock, &flags)) return 4;
	one->a += 10;
	bpf_res_spin_unlock_irqrestore(&one->lock, &flags);
	out[0] = one->a;
	out[1] = two->a;
	return 1;
}

struct cpus { struct plain __percpu_kptr *parts; };
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32); __type(value, struct cpus); } parted SEC(".maps");

SEC("tc") int parts_for_cpus(struct __sk_buff *skb)
{
	__u32 key = 0;
	struct cpus *value = bpf_map_lookup_elem(&parted, &key);
	struct plain __percpu_kptr *p;
	struct plain *part;
	if (!value) return 0;
	p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0);
	if (!p) return 2;
	p = bpf_kptr_xchg(&value->parts, p);
	if (p) bpf_percpu_obj_drop_impl((void *)p, 0);
	p = value->parts;
	if (!p) return 3;
	part = bpf_this_cpu_ptr((void *)p);
	part->a = 5;
	part = bpf_per_cpu_ptr((void *)p, 0);
	out[0] = part != 0;
	part = bpf_per_cpu_ptr((void *)p, 100000);
	out[1] = part != 0;
	part = bpf_this_cpu_ptr((void *)p);
	out[2] = part->a + part->b;
	p = bpf_kptr_xchg(&value->parts, 0);
	if (p) bpf_percpu_obj_drop_impl((void *)p, 0);
	return 1;
}
