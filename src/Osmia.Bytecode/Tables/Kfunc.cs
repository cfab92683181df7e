namespace Osmia.Bytecode;

/// <summary>What the kernel keeps of a kernel function beside its prototype (<c>KF_*</c>, include/linux/btf.h): BTF does not say it.</summary>
[Flags]
public enum KfuncTraits
{
    None = 0,

    /// <summary>Its result must be released.</summary>
    Acquires = 1,

    /// <summary>It takes over the reference that is passed to it.</summary>
    Releases = 1 << 1,

    /// <summary>Its result may be null.</summary>
    ReturnsNullable = 1 << 2,

    /// <summary>Kernel pointers passed to it must be trusted or referenced, and not null.</summary>
    TrustedArguments = 1 << 3,

    /// <summary>Only where a program may sleep.</summary>
    Sleeps = 1 << 4,

    /// <summary>It may bring the machine down: the loader needs CAP_SYS_BOOT.</summary>
    Destructive = 1 << 5,

    /// <summary>As <see cref="TrustedArguments"/>, pointers that an RCU section protects will do.</summary>
    RcuArguments = 1 << 6,

    /// <summary>Only in an RCU section; what it returns is good until the section ends.</summary>
    RcuProtected = 1 << 7,

    /// <summary>Begins an iteration (<c>bpf_iter_*_new</c>).</summary>
    IteratorNew = 1 << 8,

    /// <summary>Gives the next element of an iteration (<c>bpf_iter_*_next</c>).</summary>
    IteratorNext = 1 << 9,

    /// <summary>Ends an iteration (<c>bpf_iter_*_destroy</c>).</summary>
    IteratorDestroy = 1 << 10,

    /// <summary>It leaves r1 to r5 alone where it is inlined, so a compiler's spills around it may be dropped.</summary>
    FastCall = 1 << 11,

    /// <summary>It may move the packet: pointers into it end with the call.</summary>
    ChangesPacket = 1 << 12,
}

/// <summary>A row of <see cref="KfuncTable"/>.</summary>
/// <param name="Callers">Program types that may call it; empty attach types: any.</param>
public sealed record Kfunc(string Name, KfuncTraits Traits, IReadOnlyList<HelperCaller> Callers)
{
    public bool IsIterator => (Traits & (KfuncTraits.IteratorNew | KfuncTraits.IteratorNext | KfuncTraits.IteratorDestroy)) != 0;

    public bool Has(KfuncTraits trait) => (Traits & trait) != 0;

    /// <param name="attachType">Null for a program without one.</param>
    public bool AllowsCaller(ProgramType type, AttachType? attachType = null)
    {
        foreach (HelperCaller caller in Callers)
        {
            if (caller.Covers(type, attachType) && (attachType is not null || caller.AttachTypes.Count == 0))
            {
                return true;
            }
        }

        return false;
    }
}
