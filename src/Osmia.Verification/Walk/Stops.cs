namespace Osmia.Verification.Walk;

/// <summary>Ends the walk with a verdict; caught in <see cref="Verifier"/>, and by whoever reads <see cref="SpecialFields"/> without one, so that checks need not hand refusals up.</summary>
internal sealed class VerdictException(CheckFamily family, string message) : Exception(message)
{
    public CheckFamily Family { get; } = family;
}

internal static class Stop
{
    public static VerdictException Reject(CheckFamily family, string message) => new(family, message);

    /// <summary>Something the kernel may allow and this verifier does not follow yet: the answer is "cannot judge".</summary>
    public static VerdictException NotModelled(string what) => new(CheckFamily.NotModelled, what);
}
