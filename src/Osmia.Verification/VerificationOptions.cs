namespace Osmia.Verification;

/// <summary>What to answer beyond the verdict. The verdict does not depend on it; each costs time and memory.</summary>
public sealed record VerificationOptions
{
    public static VerificationOptions VerdictOnly { get; } = new();

    /// <summary>What holds at each instruction on every execution; only of accepted programs.</summary>
    public bool Facts { get; init; }

    /// <summary>The log in the kernel's form: 1 the path that ends in the refusal, 2 every path. 0 for none.</summary>
    public int LogLevel { get; init; }

    /// <summary>How often each instruction was walked.</summary>
    public bool Cost { get; init; }
}
