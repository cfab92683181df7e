namespace Osmia.Verification.State;

/// <summary>Sections a path is in: of RCU, with preemption off, with interrupts off.</summary>
internal sealed class Regions
{
    /// <summary>RCU sections do not nest.</summary>
    public bool IsInRcu { get; set; }

    public int PreemptDepth { get; set; }

    /// <summary>Saved interrupt flags in the order they were saved; they are restored the other way round.</summary>
    public List<int> IrqFlags { get; private init; } = [];

    public Regions Copy() => new() { IsInRcu = IsInRcu, PreemptDepth = PreemptDepth, IrqFlags = [.. IrqFlags] };

    /// <summary>In words, the section that is to be left before the path may end; null when it is in none.</summary>
    public string? Open => IrqFlags.Count > 0 ? "with interrupts off (bpf_local_irq_save)"
        : IsInRcu ? "in an RCU section (bpf_rcu_read_lock)"
        : PreemptDepth > 0 ? "with preemption off (bpf_preempt_disable)"
        : null;
}
