#include "features.h"

struct bpf_spin_lock { __u32 val; };
struct bpf_res_spin_lock { __u32 val; };
struct bpf_list_head { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_list_node { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_rb_root { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_rb_node { __u64 opaque[4]; } __attribute__((aligned(8)));
struct bpf_refcount { __u32 opaque[1]; } __attribute__((aligned(4)));

extern void *bpf_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_percpu_obj_new_impl(__u64 id, void *meta) __ksym;
extern void bpf_percpu_obj_drop_impl(void *p, void *meta) __ksym;
extern void *bpf_refcount_acquire_impl(void *p, void *meta) __ksym;
extern int bpf_list_push_front_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern int bpf_list_push_back_impl(struct bpf_list_head *head, struct bpf_list_node *node, void *meta, __u64 off) __ksym;
extern struct bpf_list_node *bpf_list_pop_front(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_pop_back(struct bpf_list_head *head) __ksym;
extern struct bpf_list_node *bpf_list_front(struct bpf_list_head *head) __ksym;
extern int bpf_rbtree_add_impl(struct bpf_rb_root *root, struct bpf_rb_node *node, _Bool (*less)(struct bpf_rb_node *, const struct bpf_rb_node *), void *meta, __u64 off) __ksym;
extern struct bpf_rb_node *bpf_rbtree_remove(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern struct bpf_rb_node *bpf_rbtree_first(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_root(struct bpf_rb_root *root) __ksym;
extern struct bpf_rb_node *bpf_rbtree_left(struct bpf_rb_root *root, struct bpf_rb_node *node) __ksym;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock *lock) __ksym;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock *lock) __ksym;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock *lock, unsigned long *flags) __ksym;
extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern struct task_struct *bpf_task_from_pid(__s32 pid) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern struct cgroup *bpf_cgroup_from_id(__u64 id) __ksym;
extern void bpf_cgroup_release(struct cgroup *cgroup) __ksym;

struct plain { __u64 a, b; };
struct element { __u64 key; struct bpf_list_node list; struct bpf_rb_node tree; struct bpf_refcount count; };
struct single { __u64 key; struct bpf_list_node list; };
struct leaf { struct bpf_rb_node tree; __u64 key; };
struct counted { struct bpf_refcount count; __u64 key; };

#define NEW(t) ((struct t *)bpf_obj_new_impl(__builtin_btf_type_id(*(struct t *)0, 0), 0))
#define DROP(p) bpf_obj_drop_impl(p, 0)
#define container(p, t, m) ((struct t *)((void *)(p) - __builtin_offsetof(struct t, m)))
#define private(name) SEC(".data." #name) __attribute__((aligned(8)))

private(A) struct bpf_spin_lock lock;
private(A) struct bpf_list_head head __contains(single, list);
private(A) struct bpf_rb_root root __contains(leaf, tree);
private(B) struct bpf_spin_lock other_lock;
private(B) struct bpf_list_head elements __contains(element, list);
private(C) struct bpf_res_spin_lock first_res;
private(D) struct bpf_res_spin_lock second_res;

SEC("tc") int ok_new(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; p->a = 1; p->b = p->a; DROP(p); return 0; }
SEC("tc") int no_new_kept(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; p->a = 1; return 0; }
SEC("tc") int no_new_null(struct __sk_buff *skb) { struct plain *p = NEW(plain); p->a = 1; if (p) DROP(p); return 0; }
SEC("tc") int no_new_beyond(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; ((volatile __u64 *)p)[2] = 1; DROP(p); return 0; }
SEC("tc") int no_drop_twice(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; DROP(p); DROP(p); return 0; }
SEC("tc") int no_use_after_drop(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; DROP(p); return p->a; }
SEC("tc") int no_drop_moved(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; DROP((void *)p + 8); return 0; }
SEC("tc") int no_drop_task(struct __sk_buff *skb) { struct task_struct *t = bpf_task_from_pid(1); if (!t) return 0; DROP(t); return 0; }
SEC("tc") int no_touch_node(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; ((volatile struct single *)p)->list.opaque[0] = 1; DROP(p); return 0; }
SEC("tc") int no_new_unknown_type(struct __sk_buff *skb) { struct plain *p = bpf_obj_new_impl(skb->len, 0); if (p) DROP(p); return 0; }
SEC("tc") int no_new_number_type(struct __sk_buff *skb) { void *p = bpf_obj_new_impl(__builtin_btf_type_id(*(int *)0, 0), 0); if (p) DROP(p); return 0; }
SEC("tc") int no_object_is_task(struct __sk_buff *skb) { struct plain *p = NEW(plain); struct task_struct *t; if (!p) return 0; t = bpf_task_acquire((void *)p); if (t) bpf_task_release(t); DROP(p); return 0; }

SEC("tc") int ok_percpu(struct __sk_buff *skb) { struct plain *p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0); if (!p) return 0; bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int no_percpu_touched(struct __sk_buff *skb) { struct plain *p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0); if (!p) return 0; p->a = 1; bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int no_percpu_node(struct __sk_buff *skb) { void *p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct single *)0, 0), 0); if (!p) return 0; bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int no_percpu_drop_plain(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int no_percpu_dropped_plain(struct __sk_buff *skb) { struct plain *p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0); if (!p) return 0; DROP(p); return 0; }

SEC("tc") int ok_counted(struct __sk_buff *skb) { struct counted *p = NEW(counted), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); DROP(p); q->key = 1; DROP(q); return 0; }
SEC("tc") int no_counted_kept(struct __sk_buff *skb) { struct counted *p = NEW(counted), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); DROP(p); return 0; }
SEC("tc") int no_not_counted(struct __sk_buff *skb) { struct plain *p = NEW(plain), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); DROP(p); if (q) DROP(q); return 0; }

SEC("tc") int ok_push(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; p->key = 1; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_push_unlocked(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_list_push_front_impl(&head, &p->list, 0, 0); return 0; }
SEC("tc") int no_push_other_lock(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&other_lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&other_lock); return 0; }
SEC("tc") int no_push_other_type(struct __sk_buff *skb) { struct element *p = NEW(element); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_push_not_node(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, (void *)p, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_push_twice(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_list_push_back_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int ok_use_after_push(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); p->key = 5; bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_use_after_unlock(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&lock); p->key = 5; return 0; }
SEC("tc") int no_drop_after_push(struct __sk_buff *skb) { struct single *p = NEW(single); if (!p) return 0; bpf_spin_lock(&lock); bpf_list_push_front_impl(&head, &p->list, 0, 0); bpf_spin_unlock(&lock); DROP(p); return 0; }
SEC("tc") int ok_pop(struct __sk_buff *skb) { struct bpf_list_node *n; bpf_spin_lock(&lock); n = bpf_list_pop_front(&head); bpf_spin_unlock(&lock); if (n) DROP(container(n, single, list)); return 0; }
SEC("tc") int no_pop_kept(struct __sk_buff *skb) { struct bpf_list_node *n; bpf_spin_lock(&lock); n = bpf_list_pop_back(&head); bpf_spin_unlock(&lock); return n != 0; }
SEC("tc") int no_pop_unlocked(struct __sk_buff *skb) { struct bpf_list_node *n = bpf_list_pop_front(&head); if (n) DROP(container(n, single, list)); return 0; }
SEC("tc") int ok_front(struct __sk_buff *skb) { struct bpf_list_node *n; __u64 key = 0; bpf_spin_lock(&lock); n = bpf_list_front(&head); if (n) key = container(n, single, list)->key; bpf_spin_unlock(&lock); return key; }
SEC("tc") int no_front_after_unlock(struct __sk_buff *skb) { struct bpf_list_node *n; bpf_spin_lock(&lock); n = bpf_list_front(&head); bpf_spin_unlock(&lock); return n ? container(n, single, list)->key : 0; }
SEC("tc") int no_front_dropped(struct __sk_buff *skb) { struct bpf_list_node *n; bpf_spin_lock(&lock); n = bpf_list_front(&head); if (n) DROP(container(n, single, list)); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_head_touched(struct __sk_buff *skb) { return ((volatile struct bpf_list_head *)&head)->opaque[0]; }
SEC("tc") int ok_counted_in_list(struct __sk_buff *skb) { struct element *p = NEW(element), *q; if (!p) return 0; q = bpf_refcount_acquire_impl(p, 0); bpf_spin_lock(&other_lock); bpf_list_push_front_impl(&elements, &p->list, 0, 0); bpf_spin_unlock(&other_lock); DROP(q); return 0; }
SEC("tc") int ok_counted_of_node(struct __sk_buff *skb) { struct element *p = NEW(element), *q; if (!p) return 0; bpf_spin_lock(&other_lock); bpf_list_push_front_impl(&elements, &p->list, 0, 0); q = bpf_refcount_acquire_impl(p, 0); bpf_spin_unlock(&other_lock); if (q) DROP(q); return 0; }
SEC("tc") int no_counted_of_node_null(struct __sk_buff *skb) { struct element *p = NEW(element), *q; if (!p) return 0; bpf_spin_lock(&other_lock); bpf_list_push_front_impl(&elements, &p->list, 0, 0); q = bpf_refcount_acquire_impl(p, 0); bpf_spin_unlock(&other_lock); DROP(q); return 0; }

static _Bool less(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return container(a, leaf, tree)->key < container(b, leaf, tree)->key; }
static _Bool less_unlocks(struct bpf_rb_node *a, const struct bpf_rb_node *b) { bpf_spin_unlock(&lock); return 0; }
static _Bool less_removes(struct bpf_rb_node *a, const struct bpf_rb_node *b) { bpf_rbtree_first(&root); return bpf_rbtree_remove(&root, a) != 0; }
static _Bool less_calls(struct bpf_rb_node *a, const struct bpf_rb_node *b) { return bpf_ktime_get_ns() & 1; }
SEC("tc") int ok_add(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); if (!p) return 0; p->key = 5; bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_add_unlocked(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); if (!p) return 0; bpf_rbtree_add_impl(&root, &p->tree, less, 0, 0); return 0; }
SEC("tc") int no_add_less_unlocks(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); if (!p) return 0; bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less_unlocks, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_add_less_removes(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); if (!p) return 0; bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less_removes, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_add_less_calls(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); if (!p) return 0; bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less_calls, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int no_add_other_type(struct __sk_buff *skb) { struct element *p = NEW(element); if (!p) return 0; bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int ok_add_two(struct __sk_buff *skb) { struct leaf *p = NEW(leaf), *q; if (!p) return 0; q = NEW(leaf); if (!q) { DROP(p); return 0; } bpf_spin_lock(&lock); bpf_rbtree_add_impl(&root, &p->tree, less, 0, 0); bpf_rbtree_add_impl(&root, &q->tree, less, 0, 0); bpf_spin_unlock(&lock); return 0; }
SEC("tc") int ok_remove_first(struct __sk_buff *skb) { struct bpf_rb_node *n; bpf_spin_lock(&lock); n = bpf_rbtree_first(&root); if (!n) { bpf_spin_unlock(&lock); return 0; } n = bpf_rbtree_remove(&root, n); bpf_spin_unlock(&lock); if (n) DROP(container(n, leaf, tree)); return 0; }
SEC("tc") int no_remove_kept(struct __sk_buff *skb) { struct bpf_rb_node *n; bpf_spin_lock(&lock); n = bpf_rbtree_first(&root); if (!n) { bpf_spin_unlock(&lock); return 0; } n = bpf_rbtree_remove(&root, n); bpf_spin_unlock(&lock); return n != 0; }
SEC("tc") int no_remove_null(struct __sk_buff *skb) { struct bpf_rb_node *n; bpf_spin_lock(&lock); n = bpf_rbtree_first(&root); if (!n) { bpf_spin_unlock(&lock); return 0; } n = bpf_rbtree_remove(&root, n); bpf_spin_unlock(&lock); DROP(container(n, leaf, tree)); return 0; }
SEC("tc") int no_first_after_unlock(struct __sk_buff *skb) { struct bpf_rb_node *n; bpf_spin_lock(&lock); n = bpf_rbtree_first(&root); bpf_spin_unlock(&lock); return n ? container(n, leaf, tree)->key : 0; }
SEC("tc") int ok_walk(struct __sk_buff *skb) { struct bpf_rb_node *n; __u64 key = 0; bpf_spin_lock(&lock); n = bpf_rbtree_root(&root); if (n) { key = container(n, leaf, tree)->key; n = bpf_rbtree_left(&root, n); if (n) key += container(n, leaf, tree)->key; } bpf_spin_unlock(&lock); return key; }
SEC("tc") int no_remove_owned(struct __sk_buff *skb) { struct leaf *p = NEW(leaf); struct bpf_rb_node *n; if (!p) return 0; bpf_spin_lock(&lock); n = bpf_rbtree_remove(&root, &p->tree); bpf_spin_unlock(&lock); if (n) DROP(container(n, leaf, tree)); return 0; }

SEC("tc") int ok_res(struct __sk_buff *skb) { if (bpf_res_spin_lock(&first_res)) return 1; bpf_res_spin_unlock(&first_res); return 0; }
SEC("tc") int no_res_unchecked(struct __sk_buff *skb) { bpf_res_spin_lock(&first_res); bpf_res_spin_unlock(&first_res); return 0; }
SEC("tc") int no_res_kept(struct __sk_buff *skb) { if (bpf_res_spin_lock(&first_res)) return 1; return 0; }
SEC("tc") int ok_res_two(struct __sk_buff *skb) { if (bpf_res_spin_lock(&first_res)) return 1; if (bpf_res_spin_lock(&second_res)) { bpf_res_spin_unlock(&first_res); return 1; } bpf_res_spin_unlock(&second_res); bpf_res_spin_unlock(&first_res); return 0; }
SEC("tc") int no_res_order(struct __sk_buff *skb) { if (bpf_res_spin_lock(&first_res)) return 1; if (bpf_res_spin_lock(&second_res)) { bpf_res_spin_unlock(&first_res); return 1; } bpf_res_spin_unlock(&first_res); bpf_res_spin_unlock(&second_res); return 0; }
SEC("tc") int no_res_same(struct __sk_buff *skb) { if (bpf_res_spin_lock(&first_res)) return 1; if (bpf_res_spin_lock(&first_res)) { bpf_res_spin_unlock(&first_res); return 1; } bpf_res_spin_unlock(&first_res); bpf_res_spin_unlock(&first_res); return 0; }
SEC("tc") int ok_res_irq(struct __sk_buff *skb) { unsigned long f; if (bpf_res_spin_lock_irqsave(&first_res, &f)) return 1; bpf_res_spin_unlock_irqrestore(&first_res, &f); return 0; }
SEC("tc") int no_res_irq_mixed(struct __sk_buff *skb) { unsigned long f; if (bpf_res_spin_lock_irqsave(&first_res, &f)) return 1; bpf_res_spin_unlock(&first_res); if (bpf_res_spin_lock(&first_res)) return 1; bpf_res_spin_unlock_irqrestore(&first_res, &f); return 0; }
SEC("tc") int no_res_irq_other_flags(struct __sk_buff *skb) { unsigned long f, g; bpf_local_irq_save(&g); if (bpf_res_spin_lock_irqsave(&first_res, &f)) { bpf_local_irq_restore(&g); return 1; } bpf_res_spin_unlock_irqrestore(&first_res, &g); bpf_local_irq_restore(&f); return 0; }
SEC("tc") int no_res_helper(struct __sk_buff *skb) { __u64 t; if (bpf_res_spin_lock(&first_res)) return 1; t = bpf_ktime_get_ns(); bpf_res_spin_unlock(&first_res); return t; }

struct value { struct task_struct __kptr *task; struct task_struct __kptr_untrusted *seen; struct plain __kptr *own; struct plain __percpu_kptr *each; __u64 data; };
struct { __uint(type, 2); __uint(max_entries, 4); __type(key, __u32); __type(value, struct value); } pointers SEC(".maps");
#define LOOKUP struct value *v; __u32 key = 0; v = bpf_map_lookup_elem(&pointers, &key); if (!v) return 0

SEC("tc") int ok_store(struct __sk_buff *skb) { struct task_struct *t, *old; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; old = bpf_kptr_xchg(&v->task, t); if (old) bpf_task_release(old); return 0; }
SEC("tc") int no_store_old_kept(struct __sk_buff *skb) { struct task_struct *t, *old; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; old = bpf_kptr_xchg(&v->task, t); return old != 0; }
SEC("tc") int no_store_still_used(struct __sk_buff *skb) { struct task_struct *t, *old; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; old = bpf_kptr_xchg(&v->task, t); if (old) bpf_task_release(old); bpf_task_release(t); return 0; }
SEC("tc") int no_store_null_unchecked(struct __sk_buff *skb) { struct task_struct *t, *old; LOOKUP; t = bpf_task_from_pid(1); old = bpf_kptr_xchg(&v->task, t); if (old) bpf_task_release(old); return 0; }
SEC("tc") int ok_take(struct __sk_buff *skb) { struct task_struct *old; LOOKUP; old = bpf_kptr_xchg(&v->task, 0); if (old) bpf_task_release(old); return 0; }
SEC("tc") int no_store_other_type(struct __sk_buff *skb) { struct cgroup *c; LOOKUP; c = bpf_cgroup_from_id(1); if (!c) return 0; c = bpf_kptr_xchg(&v->task, c); if (c) bpf_cgroup_release(c); return 0; }
SEC("tc") int no_store_wrong_place(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; t = bpf_kptr_xchg(&v->data, t); if (t) bpf_task_release(t); return 0; }
SEC("tc") int no_xchg_untrusted(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; t = bpf_kptr_xchg(&v->seen, t); if (t) bpf_task_release(t); return 0; }
SEC("tc") int no_store_direct(struct __sk_buff *skb) { LOOKUP; v->task = 0; return 0; }
SEC("tc") int ok_read_task(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = v->task; return t ? t->pid : 0; }
SEC("tc") int no_read_task_null(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = v->task; return t->pid; }
SEC("tc") int ok_acquire_stored(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = v->task; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t); return 0; }
SEC("syscall") int no_acquire_stored_no_rcu(void *ctx) { struct task_struct *t; LOOKUP; t = v->task; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t); return 0; }
SEC("syscall") int ok_acquire_stored_rcu(void *ctx) { struct task_struct *t, *u = 0; LOOKUP; bpf_rcu_read_lock(); t = v->task; if (t) u = bpf_task_acquire(t); bpf_rcu_read_unlock(); if (u) bpf_task_release(u); return 0; }
SEC("syscall") int no_acquire_stored_after_rcu(void *ctx) { struct task_struct *t, *u = 0; LOOKUP; bpf_rcu_read_lock(); t = v->task; bpf_rcu_read_unlock(); if (t) u = bpf_task_acquire(t); if (u) bpf_task_release(u); return 0; }
SEC("tc") int no_read_part(struct __sk_buff *skb) { LOOKUP; return *(volatile __u32 *)&v->task; }
SEC("tc") int ok_store_untrusted(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = bpf_task_from_pid(1); if (!t) return 0; v->seen = t; bpf_task_release(t); return 0; }
SEC("tc") int ok_store_untrusted_null(struct __sk_buff *skb) { LOOKUP; v->seen = 0; return 0; }
SEC("tc") int no_store_untrusted_number(struct __sk_buff *skb) { LOOKUP; *(volatile __u64 *)&v->seen = 5; return 0; }
SEC("tc") int no_store_untrusted_other(struct __sk_buff *skb) { struct cgroup *c; LOOKUP; c = bpf_cgroup_from_id(1); if (!c) return 0; v->seen = (void *)c; bpf_cgroup_release(c); return 0; }
SEC("tc") int ok_read_untrusted(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = v->seen; return t ? t->pid : 0; }
SEC("tc") int no_acquire_untrusted(struct __sk_buff *skb) { struct task_struct *t; LOOKUP; t = v->seen; if (!t) return 0; t = bpf_task_acquire(t); if (t) bpf_task_release(t); return 0; }
SEC("tc") int ok_own(struct __sk_buff *skb) { struct plain *p, *old; LOOKUP; p = NEW(plain); if (!p) return 0; old = bpf_kptr_xchg(&v->own, p); if (old) DROP(old); return 0; }
SEC("tc") int no_own_other(struct __sk_buff *skb) { struct counted *p; LOOKUP; p = NEW(counted); if (!p) return 0; p = bpf_kptr_xchg(&v->own, p); if (p) DROP(p); return 0; }
SEC("tc") int no_own_kept(struct __sk_buff *skb) { struct plain *p, *old; LOOKUP; p = NEW(plain); if (!p) return 0; old = bpf_kptr_xchg(&v->own, p); return old != 0; }
SEC("tc") int ok_own_read(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = v->own; return p ? p->a : 0; }
SEC("tc") int no_own_dropped(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = v->own; if (p) DROP(p); return 0; }
SEC("tc") int ok_each(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = bpf_percpu_obj_new_impl(__builtin_btf_type_id(*(struct plain *)0, 0), 0); if (!p) return 0; p = bpf_kptr_xchg(&v->each, p); if (p) bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int hole_each_plain(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = NEW(plain); if (!p) return 0; p = bpf_kptr_xchg(&v->each, p); if (p) bpf_percpu_obj_drop_impl(p, 0); return 0; }
SEC("tc") int ok_each_read(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = v->each; if (!p) return 0; p = bpf_this_cpu_ptr(p); return p->a; }
SEC("tc") int ok_each_of_cpu(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = v->each; if (!p) return 0; p = bpf_per_cpu_ptr(p, 0); if (p) p->a = 1; return 0; }
SEC("tc") int ok_each_of_cpu_unchecked(struct __sk_buff *skb) { struct plain *p; LOOKUP; p = v->each; if (!p) return 0; p = bpf_per_cpu_ptr(p, 0); p->a = 1; return 0; }
SEC("tc") int no_passed_to_helper(struct __sk_buff *skb) { LOOKUP; return bpf_probe_read_kernel(&v->task, 8, skb); }

SEC("syscall") int ok_own_written_in_rcu(void *ctx) { struct plain *p; LOOKUP; bpf_rcu_read_lock(); p = v->own; if (p) p->a = 1; bpf_rcu_read_unlock(); return 0; }
SEC("syscall") int no_own_written_after_rcu(void *ctx) { struct plain *p; LOOKUP; bpf_rcu_read_lock(); p = v->own; if (!p) { bpf_rcu_read_unlock(); return 0; } bpf_rcu_read_unlock(); p->a = 1; return 0; }
SEC("syscall") int no_own_read_after_rcu(void *ctx) { struct plain *p; LOOKUP; bpf_rcu_read_lock(); p = v->own; if (!p) { bpf_rcu_read_unlock(); return 0; } bpf_rcu_read_unlock(); return p->a; }
SEC("tc") int ok_atomic_in_object(struct __sk_buff *skb) { struct plain *p = NEW(plain); if (!p) return 0; p->a = 0; __sync_fetch_and_add(&p->a, 1); DROP(p); return 0; }
