using Osmia.Objects.Diagnostics;

namespace Osmia.Verification;

/// <summary>A program that the verifier does not accept, for callers who cannot go on without it. <see cref="Verifier.Verify"/> itself never throws it.</summary>
public sealed class VerificationException(Diagnostic diagnostic, string program, VerificationReport report) : BpfException(diagnostic)
{
    public string Program { get; } = program;

    public VerificationReport Report { get; } = report;
}
