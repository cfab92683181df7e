# Counts programs started into a map that is pinned by name, so that every process which runs this shares it.
    .license "GPL"
    .map NAME type array key 4 value 8 entries 1 pin name
    .map NAME_r type ringbuf entries 4096

    .section raw_tp/sched_process_exec
count_exec_s:
    *(u32 *)(r10 - 4) = 0
    r2 = r10
    r2 += -4
    r1 = NAME ll
    call bpf_map_lookup_elem
    if r0 == 0 goto out
    r1 = 1
    lock *(u64 *)(r0 + 0) += r1
    r1 = NAME_r ll
    r2 = r0
    r3 = 8
    r4 = 0
    call bpf_ringbuf_output
out:
    r0 = 0
    exit
