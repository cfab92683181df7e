// SPDX-License-Identifier: MIT
// Twenty programs that read fields of fourteen kernel structs: 240 CO-RE relocations. Never attached; it is read and linked.
typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long s64;

#define SEC(name) __attribute__((section(name), used))

static long (*const bpf_probe_read_kernel)(void *to, u32 size, const void *from) = (void *)113;

#define READ(object, field) \
	({ \
		u64 _value = 0; \
		bpf_probe_read_kernel(&_value, sizeof((object)->field) < 8 ? sizeof((object)->field) : 8, \
				      __builtin_preserve_access_index(&(object)->field)); \
		_value; \
	})

#define TYPES _Pragma("clang attribute push (__attribute__((preserve_access_index)), apply_to = record)")
#define END_TYPES _Pragma("clang attribute pop")

TYPES
struct super_block { u64 s_flags, s_iflags, s_magic; int s_count; u64 s_maxbytes; u64 s_blocksize; };
struct inode { u16 i_mode; u32 i_flags; u64 i_ino; s64 i_size; struct super_block *i_sb; u32 i_generation; };
struct dentry { u32 d_flags; struct dentry *d_parent; struct inode *d_inode; struct super_block *d_sb; u64 d_time; void *d_fsdata; };
struct file { u32 f_mode; u32 f_flags; s64 f_pos; struct inode *f_inode; void *private_data; void *f_security; };
struct mm_struct { u64 mmap_base, task_size, total_vm, start_code, end_code; int map_count; };
struct vm_area_struct { u64 vm_start, vm_end, vm_pgoff; struct mm_struct *vm_mm; struct file *vm_file; void *vm_private_data; };
struct cred { u32 securebits; void *security; void *user; void *user_ns; void *ucounts; void *group_info; };
struct nsproxy { void *uts_ns, *ipc_ns, *mnt_ns, *net_ns, *time_ns, *cgroup_ns; };
struct cgroup { u64 flags; int level, max_depth, nr_descendants; void *kn; void *root; };
struct signal_struct { int nr_threads; int group_exit_code; int notify_count; u32 flags; int group_stop_count; void *core_state; };
struct sock { int sk_rcvbuf, sk_sndbuf; u32 sk_priority, sk_mark; u16 sk_type, sk_protocol; };
struct sk_buff { u32 len, data_len; u16 mac_len, hdr_len; u32 priority; u16 protocol; };
struct net_device { u32 mtu, flags, group; int ifindex; u16 type, hard_header_len; };
struct task_struct {
	int pid, tgid, prio, static_prio;
	u32 flags;
	struct task_struct *real_parent;
	struct mm_struct *mm;
	const struct cred *cred;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
};
END_TYPES

#define GROUP(type, a, b, c, d, e, f) \
	static __attribute__((always_inline)) u64 read_##type(const struct type *object) \
	{ \
		return READ(object, a) + READ(object, b) + READ(object, c) + READ(object, d) + READ(object, e) + READ(object, f); \
	}

GROUP(task_struct, pid, tgid, flags, real_parent, mm, signal)
GROUP(super_block, s_flags, s_iflags, s_magic, s_count, s_maxbytes, s_blocksize)
GROUP(inode, i_mode, i_flags, i_ino, i_size, i_sb, i_generation)
GROUP(dentry, d_flags, d_parent, d_inode, d_sb, d_time, d_fsdata)
GROUP(file, f_mode, f_flags, f_pos, f_inode, private_data, f_security)
GROUP(mm_struct, mmap_base, task_size, total_vm, start_code, end_code, map_count)
GROUP(vm_area_struct, vm_start, vm_end, vm_pgoff, vm_mm, vm_file, vm_private_data)
GROUP(cred, securebits, security, user, user_ns, ucounts, group_info)
GROUP(nsproxy, uts_ns, ipc_ns, mnt_ns, net_ns, time_ns, cgroup_ns)
GROUP(cgroup, flags, level, max_depth, nr_descendants, kn, root)
GROUP(signal_struct, nr_threads, group_exit_code, notify_count, flags, group_stop_count, core_state)
GROUP(sock, sk_rcvbuf, sk_sndbuf, sk_priority, sk_mark, sk_type, sk_protocol)
GROUP(sk_buff, len, data_len, mac_len, hdr_len, priority, protocol)
GROUP(net_device, mtu, flags, group, ifindex, type, hard_header_len)

#define PROGRAM(name, first, second) \
	SEC("raw_tp/sched_switch") int name(u64 *context) \
	{ \
		return (int)(read_##first((const struct first *)context[0]) ^ read_##second((const struct second *)context[1])); \
	}

PROGRAM(p01, task_struct, super_block)
PROGRAM(p02, inode, dentry)
PROGRAM(p03, file, mm_struct)
PROGRAM(p04, vm_area_struct, cred)
PROGRAM(p05, nsproxy, cgroup)
PROGRAM(p06, signal_struct, sock)
PROGRAM(p07, sk_buff, net_device)
PROGRAM(p08, task_struct, inode)
PROGRAM(p09, super_block, file)
PROGRAM(p10, dentry, vm_area_struct)
PROGRAM(p11, mm_struct, nsproxy)
PROGRAM(p12, cred, signal_struct)
PROGRAM(p13, cgroup, sk_buff)
PROGRAM(p14, sock, net_device)
PROGRAM(p15, task_struct, mm_struct)
PROGRAM(p16, inode, file)
PROGRAM(p17, sk_buff, sock)
PROGRAM(p18, task_struct, cred)
PROGRAM(p19, dentry, super_block)
PROGRAM(p20, nsproxy, signal_struct)

char object_license[] SEC("license") = "GPL";
