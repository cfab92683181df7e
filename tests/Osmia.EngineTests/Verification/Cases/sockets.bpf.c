#include "common.h"

struct { __uint(type, BPF_MAP_TYPE_SOCKMAP); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } sockmap SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SOCKHASH); __uint(max_entries, 4); __type(key, __u32); __type(value, __u64); } sockhash SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_XSKMAP); __uint(max_entries, 4); __type(key, __u32); __type(value, __u32); } xsks SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CGROUP_STORAGE); __type(key, struct bpf_cgroup_storage_key); __type(value, __u64); } storage SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_CGROUP_STORAGE); __type(key, struct bpf_cgroup_storage_key); __type(value, __u64); } storage2 SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE); __type(key, struct bpf_cgroup_storage_key); __type(value, __u64); } percpu_storage SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_SK_STORAGE); __uint(map_flags, BPF_F_NO_PREALLOC); __type(key, int); __type(value, __u64); } sk_storage SEC(".maps");

SEC("tc") int ok_lookup(struct __sk_buff *skb) { __u32 k = 0; struct bpf_sock *s = bpf_map_lookup_elem(&sockmap, &k); if (!s) return 0; int f = s->family; bpf_sk_release(s); return f; }
SEC("tc") int bad_lookup_kept(struct __sk_buff *skb) { __u32 k = 0; struct bpf_sock *s = bpf_map_lookup_elem(&sockmap, &k); return s ? s->family : 0; }
SEC("tc") int bad_lookup_null(struct __sk_buff *skb) { __u32 k = 0; struct bpf_sock *s = bpf_map_lookup_elem(&sockhash, &k); int f = s->family; bpf_sk_release(s); return f; }
SEC("tc") int ok_lookup_hash(struct __sk_buff *skb) { __u32 k = 0; struct bpf_sock *s = bpf_map_lookup_elem(&sockhash, &k); if (s) bpf_sk_release(s); return 0; }
SEC("tc") int ok_update(struct __sk_buff *skb) { __u32 k = 0; struct bpf_sock *s = bpf_map_lookup_elem(&sockmap, &k); if (!s) return 0; bpf_map_update_elem(&sockhash, &k, s, 0); bpf_sk_release(s); return 0; }
SEC("tc") int bad_update_number(struct __sk_buff *skb) { __u32 k = 0; __u64 v = 0; bpf_map_update_elem(&sockmap, &k, &v, 0); return 0; }
SEC("tc") int ok_delete(struct __sk_buff *skb) { __u32 k = 0; bpf_map_delete_elem(&sockmap, &k); return 0; }
SEC("sockops") int ok_sockops_update(struct bpf_sock_ops *c) { __u32 k = 0; bpf_sock_map_update(c, &sockmap, &k, 0); return 0; }
SEC("sockops") int bad_sockops_element_update(struct bpf_sock_ops *c) { __u32 k = 0; struct bpf_sock *s = c->sk; if (s) bpf_map_update_elem(&sockmap, &k, s, 0); return 0; }
SEC("sk_msg") int ok_msg_redirect(struct sk_msg_md *c) { return bpf_msg_redirect_map(c, &sockmap, 0, 0); }
SEC("sk_msg") int bad_msg_redirect_hash(struct sk_msg_md *c) { return bpf_msg_redirect_map(c, &sockhash, 0, 0); }
SEC("xdp") int ok_xsk(struct xdp_md *c) { __u32 k = 0; struct bpf_xdp_sock *s = bpf_map_lookup_elem(&xsks, &k); return s ? s->queue_id & 1 : 0; }
SEC("cgroup_skb/ingress") int ok_local_storage(struct __sk_buff *skb) { __u64 *v = bpf_get_local_storage(&storage, 0); *v += 1; return 1; }
SEC("cgroup_skb/ingress") int ok_both_storages(struct __sk_buff *skb) { __u64 *v = bpf_get_local_storage(&storage, 0), *w = bpf_get_local_storage(&percpu_storage, 0); *v += *w; return 1; }
SEC("cgroup_skb/ingress") int bad_two_storages(struct __sk_buff *skb) { __u64 *v = bpf_get_local_storage(&storage, 0), *w = bpf_get_local_storage(&storage2, 0); *v += *w; return 1; }
SEC("cgroup_skb/ingress") int bad_local_storage_flags(struct __sk_buff *skb) { __u64 *v = bpf_get_local_storage(&storage, 1); *v += 1; return 1; }
SEC("cgroup_skb/ingress") int bad_local_storage_past(struct __sk_buff *skb) { __u64 *v = bpf_get_local_storage(&storage, 0); v[1] = 1; return 1; }
SEC("cgroup_skb/ingress") int bad_lookup_storage(struct __sk_buff *skb) { struct bpf_cgroup_storage_key k = {}; return !bpf_map_lookup_elem(&storage, &k); }
SEC("tc") int ok_sk_storage(struct __sk_buff *skb) { struct bpf_sock *s = skb->sk; if (!s) return 0; s = bpf_sk_fullsock(s); if (!s) return 0; __u64 *v = bpf_sk_storage_get(&sk_storage, s, 0, BPF_SK_STORAGE_GET_F_CREATE); if (v) *v = 1; return 0; }
SEC("tc") int bad_sk_storage_null(struct __sk_buff *skb) { struct bpf_sock *s = skb->sk; if (!s) return 0; s = bpf_sk_fullsock(s); __u64 *v = bpf_sk_storage_get(&sk_storage, s, 0, 0); if (v) *v = 1; return 0; }
SEC("tc") int bad_sk_storage_result(struct __sk_buff *skb) { struct bpf_sock *s = skb->sk; if (!s) return 0; s = bpf_sk_fullsock(s); if (!s) return 0; __u64 *v = bpf_sk_storage_get(&sk_storage, s, 0, 0); *v = 1; return 0; }
SEC("tc") int ok_release_common(struct __sk_buff *skb) { struct bpf_sock_tuple t = {}; struct bpf_sock *s = bpf_skc_lookup_tcp(skb, &t, sizeof t.ipv4, -1, 0); if (s) bpf_sk_release(s); return 0; }
SEC("tc") int bad_release_twice(struct __sk_buff *skb) { struct bpf_sock_tuple t = {}; struct bpf_sock *s = bpf_skc_lookup_tcp(skb, &t, sizeof t.ipv4, -1, 0); if (s) { bpf_sk_release(s); bpf_sk_release(s); } return 0; }
SEC("tc") int bad_release_borrowed(struct __sk_buff *skb) { struct bpf_sock *s = skb->sk; if (s) bpf_sk_release(s); return 0; }
SEC("tc") int ok_release_cast(struct __sk_buff *skb) { struct bpf_sock_tuple t = {}; struct bpf_sock *s = bpf_skc_lookup_tcp(skb, &t, sizeof t.ipv4, -1, 0), *f; if (!s) return 0; f = bpf_sk_fullsock(s); bpf_sk_release(f ? f : s); return 0; }
SEC("tc") int bad_use_after_release(struct __sk_buff *skb) { struct bpf_sock_tuple t = {}; struct bpf_sock *s = bpf_skc_lookup_tcp(skb, &t, sizeof t.ipv4, -1, 0), *f; if (!s) return 0; f = bpf_sk_fullsock(s); bpf_sk_release(s); return f ? f->family : 0; }
