namespace Osmia.Verification.KernelTypes;

/// <summary>Facts about LSM hooks that the kernel's types do not say.</summary>
/// <remarks>Source: kernel/bpf/bpf_lsm.c, Linux 6.18.</remarks>
internal static class LsmHooks
{
    // Their objects are being made or taken apart.
    private static readonly HashSet<string> s_untrusted = new(StringComparer.Ordinal)
    {
        "bpf_map_free", "bpf_prog_free", "file_alloc_security", "file_free_security", "sk_alloc_security", "sk_free_security", "task_free",
    };

    // Results that are handed on through pointers, or mean more than go or stop.
    private static readonly HashSet<string> s_closed = new(StringComparer.Ordinal)
    {
        "vm_enough_memory", "inode_need_killpriv", "inode_getsecurity", "inode_listsecurity", "inode_copy_up_xattr", "getselfattr", "getprocattr", "setprocattr",
        "key_getsecurity", "audit_rule_match", "ismaclabel",
    };

    private static readonly HashSet<string> s_yesOrNo = new(StringComparer.Ordinal) { "audit_rule_known", "inode_xattr_skipcap" };

    /// <summary>The kernel vouches for the arguments.</summary>
    public static bool AreArgumentsTrusted(string hook) => !s_untrusted.Contains(hook);

    /// <summary>Programs cannot be attached to it.</summary>
    public static bool IsClosed(string hook) => s_closed.Contains(hook);

    /// <summary>It answers 0 or 1, where others answer 0 or a negated errno.</summary>
    public static bool IsYesOrNo(string hook) => s_yesOrNo.Contains(hook);
}
