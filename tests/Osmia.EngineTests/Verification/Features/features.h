// What the feature programs share: types of the kernel by name (CO-RE finds the rest), helpers and kernel functions.
// Programs whose names begin with ok_ are accepted, those with no_ refused, by the kernel and by us.
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;

#define SEC(name) __attribute__((section(name), used))
#define __ksym __attribute__((section(".ksyms")))
#define __uint(name, val) int (*name)[val]
#define __type(name, val) typeof(val) *name
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __contains(name, node) __attribute__((btf_decl_tag("contains:" #name ":" #node)))
#define noinline __attribute__((noinline))
#define barrier_var(var) asm volatile("" : "+r"(var))

char _license[] SEC("license") = "GPL";

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct task_struct { int pid; int tgid; struct task_struct *group_leader; struct task_struct *real_parent; };
struct cgroup { int level; };
struct cpumask { unsigned long bits[1]; };
struct bpf_cpumask { struct cpumask cpumask; };
struct cgroup_subsys_state { struct cgroup *cgroup; };
struct vm_area_struct { unsigned long vm_start; };
struct kmem_cache { unsigned int size; };
struct dma_buf { unsigned long size; };
struct sk_buff { unsigned int len; };
struct nf_conn { unsigned int timeout; };
struct nf_conn___init { unsigned int timeout; };
struct bpf_key { int has_ref; };
struct sock { int unused; };
struct bpf_iter__task { void *meta; struct task_struct *task; };
#pragma clang attribute pop

struct __sk_buff { __u32 len; __u32 pkt_type; __u32 mark; __u32 queue_mapping; __u32 protocol; __u32 a[14]; __u32 data; __u32 data_end; };
struct xdp_md { __u32 data; __u32 data_end; __u32 data_meta; };
struct bpf_dynptr { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_iter_num { __u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_bits { __u64 opaque[2]; } __attribute__((aligned(8)));
struct bpf_iter_task { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_iter_task_vma { __u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_css { __u64 opaque[3]; } __attribute__((aligned(8)));
struct bpf_iter_css_task { __u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_kmem_cache { __u64 opaque[1]; } __attribute__((aligned(8)));
struct bpf_iter_dmabuf { __u64 opaque[1]; } __attribute__((aligned(8)));

static void *(*bpf_map_lookup_elem)(void *map, const void *key) = (void *)1;
static long (*bpf_map_update_elem)(void *map, const void *key, const void *value, __u64 flags) = (void *)2;
static __u64 (*bpf_ktime_get_ns)(void) = (void *)5;
static long (*bpf_tail_call)(void *ctx, void *map, __u32 index) = (void *)12;
static __u64 (*bpf_get_current_pid_tgid)(void) = (void *)14;
static long (*bpf_skb_pull_data)(void *skb, __u32 len) = (void *)39;
static long (*bpf_spin_lock)(void *lock) = (void *)93;
static long (*bpf_spin_unlock)(void *lock) = (void *)94;
static long (*bpf_probe_read_kernel)(void *dst, __u32 size, const void *src) = (void *)113;
static void *(*bpf_ringbuf_reserve)(void *map, __u64 size, __u64 flags) = (void *)131;
static void (*bpf_ringbuf_submit)(void *data, __u64 flags) = (void *)132;
static long (*bpf_copy_from_user)(void *dst, __u32 size, const void *user) = (void *)148;
static struct task_struct *(*bpf_get_current_task_btf)(void) = (void *)158;
static void *(*bpf_per_cpu_ptr)(const void *p, __u32 cpu) = (void *)153;
static void *(*bpf_this_cpu_ptr)(const void *p) = (void *)154;
static void *(*bpf_kptr_xchg)(void *place, void *p) = (void *)194;
static long (*bpf_dynptr_from_mem)(void *data, __u32 size, __u64 flags, struct bpf_dynptr *p) = (void *)197;
static long (*bpf_ringbuf_reserve_dynptr)(void *map, __u32 size, __u64 flags, struct bpf_dynptr *p) = (void *)198;
static void (*bpf_ringbuf_submit_dynptr)(struct bpf_dynptr *p, __u64 flags) = (void *)199;
static void (*bpf_ringbuf_discard_dynptr)(struct bpf_dynptr *p, __u64 flags) = (void *)200;
static long (*bpf_dynptr_read)(void *dst, __u32 len, const struct bpf_dynptr *p, __u32 offset, __u64 flags) = (void *)201;
static long (*bpf_dynptr_write)(const struct bpf_dynptr *p, __u32 offset, void *src, __u32 len, __u64 flags) = (void *)202;
static void *(*bpf_dynptr_data)(const struct bpf_dynptr *p, __u32 offset, __u32 len) = (void *)203;
static long (*bpf_user_ringbuf_drain)(void *map, void *callback, void *ctx, __u64 flags) = (void *)209;

extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern void bpf_local_irq_save(unsigned long *flags) __ksym;
extern void bpf_local_irq_restore(unsigned long *flags) __ksym;
