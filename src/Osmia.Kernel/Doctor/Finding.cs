namespace Osmia.Kernel.Doctor;

/// <summary>How a finding bears on the use of eBPF.</summary>
public enum FindingState
{
    Good,

    /// <summary>Works with limits, or a part of it does not.</summary>
    Limited,

    /// <summary>What depends on it cannot be used.</summary>
    Missing,

    /// <summary>It could not be found out.</summary>
    Unknown,
}

/// <summary>One thing looked at.</summary>
/// <param name="Area">The heading it stands under: <c>rights</c>, <c>kernel build</c>, ...</param>
/// <param name="Fact">What was found.</param>
/// <param name="Effect">What does not work for it; empty when all does.</param>
/// <param name="Remedy">What to change; empty when there is nothing to change.</param>
public sealed record Finding(string Area, string Subject, FindingState State, string Fact, string Effect = "", string Remedy = "");
