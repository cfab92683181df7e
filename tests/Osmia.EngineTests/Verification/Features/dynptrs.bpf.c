#include "features.h"

extern int bpf_dynptr_from_skb(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_from_skb_meta(struct __sk_buff *skb, __u64 flags, struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_from_xdp(struct xdp_md *xdp, __u64 flags, struct bpf_dynptr *p) __ksym;
extern void *bpf_dynptr_slice(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 buffer__szk) __ksym;
extern void *bpf_dynptr_slice_rdwr(const struct bpf_dynptr *p, __u32 offset, void *buffer, __u32 buffer__szk) __ksym;
extern int bpf_dynptr_adjust(const struct bpf_dynptr *p, __u32 start, __u32 end) __ksym;
extern _Bool bpf_dynptr_is_null(const struct bpf_dynptr *p) __ksym;
extern __u32 bpf_dynptr_size(const struct bpf_dynptr *p) __ksym;
extern int bpf_dynptr_clone(const struct bpf_dynptr *p, struct bpf_dynptr *clone) __ksym;
extern int bpf_dynptr_copy(struct bpf_dynptr *dst, __u32 to, struct bpf_dynptr *src, __u32 from, __u32 size) __ksym;
extern int bpf_dynptr_memset(struct bpf_dynptr *p, __u32 offset, __u32 size, __u8 value) __ksym;

struct { __uint(type, 27); __uint(max_entries, 4096); } events SEC(".maps");
struct value { char bytes[64]; };
struct { __uint(type, 2); __uint(max_entries, 1); __type(key, __u32); __type(value, struct value); } values SEC(".maps");
static char data[64];

SEC("tc") int ok_local(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; bpf_dynptr_from_mem(data, 64, 0, &p); return bpf_dynptr_read(b, 8, &p, 0, 0); }
SEC("tc") int no_local_of_stack(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8] = {}; return bpf_dynptr_from_mem(b, 8, 0, &p); }
SEC("tc") int no_local_too_long(struct __sk_buff *skb) { struct bpf_dynptr p; return bpf_dynptr_from_mem(data, 6400, 0, &p); }
SEC("tc") int ok_local_written(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8] = {}; bpf_dynptr_from_mem(data, 64, 0, &p); return bpf_dynptr_write(&p, 0, b, 8, 0); }
SEC("tc") int no_not_made(struct __sk_buff *skb) { struct bpf_dynptr p = {}; char b[8]; return bpf_dynptr_read(b, 8, &p, 0, 0); }
SEC("tc") int no_direct_read(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_mem(data, 64, 0, &p); return ((volatile struct bpf_dynptr *)&p)->opaque[0]; }
SEC("tc") int no_direct_read_second(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_mem(data, 64, 0, &p); return ((volatile struct bpf_dynptr *)&p)->opaque[1]; }
SEC("tc") int no_use_after_write(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; bpf_dynptr_from_mem(data, 64, 0, &p); ((volatile struct bpf_dynptr *)&p)->opaque[1] = 1; return bpf_dynptr_read(b, 8, &p, 0, 0); }
SEC("tc") int ok_made_again(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; bpf_dynptr_from_mem(data, 64, 0, &p); bpf_dynptr_from_mem(data, 32, 0, &p); return bpf_dynptr_read(b, 8, &p, 0, 0); }
SEC("tc") int no_read_over_itself(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_mem(data, 64, 0, &p); return bpf_dynptr_read(&p, 16, &p, 0, 0); }
SEC("tc") int no_passed_as_memory(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_mem(data, 64, 0, &p); return bpf_map_update_elem(&values, &p, data, 0); }
SEC("tc") int no_odd_place(struct __sk_buff *skb) { char room[32]; return bpf_dynptr_from_mem(data, 64, 0, (void *)(((long)room & 0) + room + 4)); }
SEC("tc") int no_second_half(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; bpf_dynptr_from_mem(data, 64, 0, &p); return bpf_dynptr_read(b, 8, (void *)&p + 8, 0, 0); }
SEC("tc") int no_in_map(struct __sk_buff *skb) { return bpf_dynptr_from_mem(data, 16, 0, (void *)data + 16); }

SEC("tc") int ok_data(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, 8); return d ? d[7] : 0; }
SEC("tc") int no_data_null(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, 8); return d[7]; }
SEC("tc") int no_data_beyond(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, 8); return d ? d[8] : 0; }
SEC("tc") int no_data_unknown_size(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, skb->len); return d != 0; }
SEC("tc") int no_data_after_overwrite(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, 8); bpf_dynptr_from_mem(data, 32, 0, &p); return d ? d[7] : 0; }

SEC("tc") int ok_record(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int ok_record_discarded(struct __sk_buff *skb) { struct bpf_dynptr p; if (bpf_ringbuf_reserve_dynptr(&events, skb->len, 0, &p)) { bpf_ringbuf_discard_dynptr(&p, 0); return 1; } bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_record_kept(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); return 0; }
SEC("tc") int no_record_kept_one_way(struct __sk_buff *skb) { struct bpf_dynptr p; if (bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p)) return 0; bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_record_twice(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_record_overwritten(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_record_stored_over(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); ((volatile struct bpf_dynptr *)&p)->opaque[0] = 1; bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_submit_local(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_mem(data, 64, 0, &p); bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int no_data_after_submit(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); d = bpf_dynptr_data(&p, 0, 8); bpf_ringbuf_submit_dynptr(&p, 0); return d ? d[0] : 0; }
SEC("tc") int ok_data_of_record(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); d = bpf_dynptr_data(&p, 0, 8); if (d) d[0] = 1; bpf_ringbuf_submit_dynptr(&p, 0); return 0; }
SEC("tc") int hole_slice_after_submit(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); d = bpf_dynptr_slice(&p, 0, 0, 8); if (!d) { bpf_ringbuf_submit_dynptr(&p, 0); return 0; } bpf_ringbuf_submit_dynptr(&p, 0); return d[0]; }
SEC("tc") int no_exit_in_function(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); if (skb->len > 5) return 1; bpf_ringbuf_submit_dynptr(&p, 0); return 0; }

static noinline int fill(struct bpf_dynptr *p) { char b[4] = {}; return bpf_dynptr_write(p, 0, b, 4, 0); }
static noinline int make(struct bpf_dynptr *p) { return bpf_ringbuf_reserve_dynptr(&events, 8, 0, p); }
static noinline int give(struct bpf_dynptr *p) { bpf_ringbuf_submit_dynptr(p, 0); return 0; }
SEC("tc") int ok_in_functions(struct __sk_buff *skb) { struct bpf_dynptr p; make(&p); fill(&p); give(&p); return 0; }
SEC("tc") int no_in_functions(struct __sk_buff *skb) { struct bpf_dynptr p; make(&p); fill(&p); return 0; }

SEC("tc") int ok_skb(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); return d ? d[7] : 0; }
SEC("tc") int ok_skb_no_buffer(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, 0, 8); return d ? d[7] : 0; }
SEC("tc") int no_slice_written(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); if (d) d[0] = 1; return 0; }
SEC("tc") int ok_slice_rdwr(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice_rdwr(&p, 0, b, 8); if (d) d[0] = 1; return 0; }
SEC("tc") int no_slice_null(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); return d[0]; }
SEC("tc") int no_slice_beyond(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); return d ? d[8] : 0; }
SEC("tc") int no_slice_buffer_short(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 600); return d ? d[8] : 0; }
SEC("tc") int no_slice_size(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; __u32 size = skb->len & 7; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, size); return d ? 1 : 0; }
SEC("tc") int no_slice_after_pull(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); if (!d) return 0; bpf_skb_pull_data(skb, 10); return d[0]; }
SEC("tc") int no_slice_after_write(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8] = {}; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); if (!d) return 0; bpf_dynptr_write(&p, 0, b, 4, 0); return d[0]; }
SEC("tc") int ok_local_data_after_write(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8] = {}; char *d; bpf_dynptr_from_mem(data, 64, 0, &p); d = bpf_dynptr_data(&p, 0, 8); if (!d) return 0; bpf_dynptr_write(&p, 0, b, 4, 0); return d[0]; }
SEC("tc") int no_packet_after_write(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8] = {}; char *d = (void *)(long)skb->data; bpf_dynptr_from_skb(skb, 0, &p); if (d + 8 > (char *)(long)skb->data_end) return 0; bpf_dynptr_write(&p, 0, b, 4, 0); return d[0]; }
SEC("socket") int no_slice_rdwr_in_socket(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice_rdwr(&p, 0, b, 8); return d ? 1 : 0; }
SEC("socket") int ok_slice_in_socket(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); return d ? d[0] : 0; }
SEC("xdp") int ok_xdp(struct xdp_md *ctx) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_xdp(ctx, 0, &p); d = bpf_dynptr_slice_rdwr(&p, 0, b, 8); if (d) d[0] = 1; return 2; }
SEC("xdp") int no_skb_in_xdp(struct xdp_md *ctx) { struct bpf_dynptr p; bpf_dynptr_from_skb((void *)ctx, 0, &p); return 2; }
SEC("tc") int ok_meta(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb_meta(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); return d ? d[0] : 0; }
SEC("tc") int ok_data_of_skb(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_data(&p, 0, 8); return d ? d[0] : 0; }

SEC("tc") int ok_clone(struct __sk_buff *skb) { struct bpf_dynptr p, q; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); bpf_dynptr_clone(&p, &q); d = bpf_dynptr_slice(&q, 0, b, 8); return d ? d[7] : 0; }
SEC("tc") int ok_clone_of_record(struct __sk_buff *skb) { struct bpf_dynptr p, q; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_dynptr_clone(&p, &q); bpf_ringbuf_submit_dynptr(&q, 0); return 0; }
SEC("tc") int no_clone_of_record_kept(struct __sk_buff *skb) { struct bpf_dynptr p, q; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_dynptr_clone(&p, &q); return 0; }
SEC("tc") int no_clone_after_submit(struct __sk_buff *skb) { struct bpf_dynptr p, q; char b[8]; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_dynptr_clone(&p, &q); bpf_ringbuf_submit_dynptr(&p, 0); return bpf_dynptr_read(b, 8, &q, 0, 0); }
SEC("tc") int no_clone_slice_after_submit(struct __sk_buff *skb) { struct bpf_dynptr p, q; char *d; bpf_ringbuf_reserve_dynptr(&events, 8, 0, &p); bpf_dynptr_clone(&p, &q); d = bpf_dynptr_data(&q, 0, 8); bpf_ringbuf_submit_dynptr(&p, 0); return d ? d[0] : 0; }
SEC("tc") int ok_clone_of_skb_survives(struct __sk_buff *skb) { struct bpf_dynptr p, q; char b[8]; bpf_dynptr_from_skb(skb, 0, &p); bpf_dynptr_clone(&p, &q); ((volatile struct bpf_dynptr *)&p)->opaque[0] = 0; return bpf_dynptr_read(b, 8, &q, 0, 0); }
SEC("tc") int no_clone_not_made(struct __sk_buff *skb) { struct bpf_dynptr p = {}, q; return bpf_dynptr_clone(&p, &q); }
SEC("tc") int ok_adjust(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_skb(skb, 0, &p); bpf_dynptr_adjust(&p, 1, 2); return bpf_dynptr_is_null(&p) ? 0 : bpf_dynptr_size(&p); }
SEC("tc") int no_adjust_not_made(struct __sk_buff *skb) { struct bpf_dynptr p = {}; return bpf_dynptr_adjust(&p, 1, 2); }
SEC("tc") int ok_copy(struct __sk_buff *skb) { struct bpf_dynptr p, q; bpf_dynptr_from_skb(skb, 0, &p); bpf_dynptr_from_mem(data, 64, 0, &q); bpf_dynptr_memset(&q, 0, 8, 1); return bpf_dynptr_copy(&p, 0, &q, 0, 8); }
SEC("tc") int no_copy_number(struct __sk_buff *skb) { struct bpf_dynptr p; bpf_dynptr_from_skb(skb, 0, &p); return bpf_dynptr_copy(&p, 0, (void *)8, 0, 8); }
SEC("tc") int ok_slice_after_overwrite(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; char *d; bpf_dynptr_from_skb(skb, 0, &p); d = bpf_dynptr_slice(&p, 0, b, 8); if (!d) return 0; bpf_dynptr_from_skb(skb, 0, &p); return d[0]; }
SEC("tc") int ok_in_loop(struct __sk_buff *skb) { struct bpf_dynptr p; char b[8]; int i, sum = 0; bpf_dynptr_from_skb(skb, 0, &p); for (i = 0; i < 20; i++) { if (bpf_dynptr_read(b, 8, &p, i, 0)) break; sum += b[0]; } return sum; }
SEC("tc") int no_slice_size_wraps(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; __u64 size = 0x100000008ull; bpf_dynptr_from_skb(skb, 0, &p); barrier_var(skb); asm volatile("r1 = %1; r2 = 0; r3 = 0; r4 = 0x100000008 ll; call bpf_dynptr_slice; %0 = r0" : "=r"(d) : "r"(&p) : "r0", "r1", "r2", "r3", "r4", "r5", "memory"); return d ? d[100] : 0; }
SEC("tc") int ok_slice_size_wraps(struct __sk_buff *skb) { struct bpf_dynptr p; char *d; bpf_dynptr_from_skb(skb, 0, &p); asm volatile("r1 = %1; r2 = 0; r3 = 0; r4 = 0x100000008 ll; call bpf_dynptr_slice; %0 = r0" : "=r"(d) : "r"(&p) : "r0", "r1", "r2", "r3", "r4", "r5", "memory"); return d ? d[7] : 0; }
