namespace Osmia.Verification;

/// <summary>
/// Tracepoints that hand out null for some argument although its type is a plain pointer: a program must compare it first. The kernel has a
/// list of them, as nothing in its types says so (since Linux 6.14).
/// </summary>
/// <remarks>Found by trial on Linux 6.18 for every tracepoint that kernel has; a test repeats the trial.</remarks>
internal static class TracepointNulls
{
    /// <summary>Name and the arguments that may be null, a bit each.</summary>
    private static readonly Dictionary<string, int> s_arguments = new(StringComparer.Ordinal)
    {
        ["break_lease_block"] = 0b10,
        ["break_lease_noblock"] = 0b10,
        ["break_lease_unblock"] = 0b10,
        ["ext4_mballoc_discard"] = 0b10,
        ["ext4_mballoc_free"] = 0b10,
        ["fcntl_setlk"] = 0b10,
        ["fib_table_lookup"] = 0b100,
        ["flock_lock_inode"] = 0b10,
        ["folio_wait_writeback"] = 0b10,
        ["generic_delete_lease"] = 0b10,
        ["hugetlbfs_alloc_inode"] = 0b10,
        ["kfree_skb"] = 0b1000,
        ["locks_remove_posix"] = 0b10,
        ["mm_collapse_huge_page_isolate"] = 0b1,
        ["mm_khugepaged_collapse_file"] = 0b10,
        ["mm_khugepaged_scan_file"] = 0b10,
        ["mm_khugepaged_scan_pmd"] = 0b10,
        ["mm_page_alloc"] = 0b1,
        ["mm_page_alloc_zone_locked"] = 0b1,
        ["mm_page_pcpu_drain"] = 0b1,
        ["posix_lock_inode"] = 0b10,
        ["qdisc_dequeue"] = 0b1000,
        ["sched_pi_setprio"] = 0b10,
        ["sched_stick_numa"] = 0b100,
        ["sched_swap_numa"] = 0b100,
        ["tcp_send_reset"] = 0b11,
        ["tcp_sendmsg_locked"] = 0b100,
        ["time_out_leases"] = 0b10,
        ["tmigr_update_events"] = 0b1,
        ["writeback_dirty_folio"] = 0b10,
        ["xfs_blockgc_flush_all"] = 0b1,
        ["xfs_blockgc_free_space"] = 0b10,
        ["xfs_blockgc_start"] = 0b1,
        ["xfs_blockgc_stop"] = 0b1,
        ["xfs_blockgc_worker"] = 0b1,
        ["xfs_btree_overlapped_query_range"] = 0b100,
        ["xfs_btree_updkeys"] = 0b100,
        ["xfs_defer_add_item"] = 0b1,
        ["xfs_defer_cancel_item"] = 0b1,
        ["xfs_defer_cancel_list"] = 0b1,
        ["xfs_defer_create_intent"] = 0b1,
        ["xfs_defer_finish_item"] = 0b1,
        ["xfs_defer_isolate_paused"] = 0b1,
        ["xfs_defer_item_pause"] = 0b1,
        ["xfs_defer_item_unpause"] = 0b1,
        ["xfs_defer_pending_abort"] = 0b1,
        ["xfs_defer_pending_finish"] = 0b1,
        ["xfs_defer_relog_intent"] = 0b1,
        ["xfs_fs_sync_fs"] = 0b1,
        ["xfs_inodegc_flush"] = 0b1,
        ["xfs_inodegc_push"] = 0b1,
        ["xfs_inodegc_queue"] = 0b1,
        ["xfs_inodegc_start"] = 0b1,
        ["xfs_inodegc_stop"] = 0b1,
        ["xfs_inodegc_throttle"] = 0b1,
        ["xfs_ioc_free_eofblocks"] = 0b10,
        ["xfs_map_blocks_alloc"] = 0b10000,
        ["xfs_map_blocks_found"] = 0b10000,
    };

    public static bool MayBeNull(string tracepoint, int argument) => (s_arguments.GetValueOrDefault(tracepoint) & (1 << argument)) != 0;
}
