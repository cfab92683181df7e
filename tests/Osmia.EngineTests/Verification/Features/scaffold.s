    .map values type array key 4 value 48 entries 4
    .map hash type hash key 4 value 48 entries 4
    .map ring type ringbuf entries 4096
    .map queue type queue key 0 value 8 entries 4
    .map programs type prog_array key 4 value 4 entries 4
    .map events type perf_event_array key 4 value 4 entries 4
    .section .rodata
fixed:
    .byte 7, 1, 2, 3
text:
    .asciz "abc"
    .section .rodata.end
endless:
    .byte 1, 2, 3, 4
    .data
table:
    .zero 16
    .text
nothing:
    r0 = 0
    exit
second:
    r0 = r2
    exit
reads_saved:
    r0 = r7
    exit
no_result:
    r1 = 0
    exit
give_back:
    r2 = 0
    call bpf_ringbuf_submit
    r0 = 0
    exit
recursive:
    call recursive
    r0 = 0
    exit
ping:
    call pong
    r0 = 0
    exit
pong:
    call ping
    r0 = 0
    exit
deep:
    *(u64 *)(r10 - 304) = 0
    r0 = 0
    exit
f0:
    call f1
    r0 = 0
    exit
f1:
    call f2
    r0 = 0
    exit
f2:
    call f3
    r0 = 0
    exit
f3:
    call f4
    r0 = 0
    exit
f4:
    call f5
    r0 = 0
    exit
f5:
    call f6
    r0 = 0
    exit
f6:
    call f7
    r0 = 0
    exit
f7:
    r0 = 0
    exit
tail:
    r2 = programs ll
    r3 = 0
    call bpf_tail_call
    r0 = 0
    exit
same:
    r0 = r1
    exit
own_stack:
    *(u64 *)(r10 - 8) = 0
    r0 = r10
    r0 += -8
    exit
writes:
    *(u64 *)(r1 + 0) = 1
    r0 = 0
    exit
keeps:
    *(u64 *)(r1 + 0) = r2
    r0 = 0
    exit
leaks:
    *(u64 *)(r10 - 8) = 0
    r2 = r10
    r2 += -8
    *(u64 *)(r1 + 0) = r2
    r0 = 0
    exit
clamp:
    r0 = r1
    r0 &= 31
    exit
packet_byte:
    r2 = *(u32 *)(r1 + 80)
    r1 = *(u32 *)(r1 + 76)
    r3 = r1
    r3 += 14
    r0 = 0
    if r3 > r2 goto +1
    r0 = *(u8 *)(r1 + 13)
    exit
pulls:
    r2 = 0
    call bpf_skb_pull_data
    r0 = 0
    exit
callback:
    r0 = 0
    exit
two:
    r0 = 2
    exit
counts:
    r1 = *(u64 *)(r2 + 0)
    r1 += 1
    *(u64 *)(r2 + 0) = r1
    r0 = 0
    exit
each:
    r1 = *(u64 *)(r3 + 40)
    r1 = *(u32 *)(r2 + 0)
    r0 = 0
    exit
each_key:
    *(u32 *)(r2 + 0) = 1
    r0 = 0
    exit
each_far:
    r1 = *(u64 *)(r3 + 48)
    r0 = 0
    exit
hoards:
    r1 = ring ll
    r2 = 16
    r3 = 0
    call bpf_ringbuf_reserve
    r0 = 0
    exit
gives:
    r1 = *(u64 *)(r2 + 0)
    r2 = 0
    call bpf_ringbuf_submit
    r0 = 0
    exit
tail_seven:
    r2 = programs ll
    r3 = 0
    call bpf_tail_call
    r0 = 7
    exit
tail_then_store:
    r6 = r2
    r2 = programs ll
    r3 = 0
    call bpf_tail_call
    *(u64 *)(r6 + 0) = 7
    r0 = 0
    exit
