using Osmia.Objects.Linking;
using Osmia.Verification.Facts;

namespace Osmia.Verification;

/// <summary>
/// A program the verifier accepted, with what it found. Only <see cref="Prove"/> makes one, so that whoever is handed one may rely on the
/// verdict: the virtual machine leaves out the checks that the facts show to be needless.
/// </summary>
public sealed class VerifiedProgram
{
    private VerifiedProgram(LinkedObject source, LinkedProgram program, Target? target, VerificationFacts facts)
    {
        Source = source;
        Program = program;
        Target = target;
        Facts = facts;
    }

    /// <summary>The object whose maps the verdict holds for.</summary>
    public LinkedObject Source { get; }

    public LinkedProgram Program { get; }

    public Target? Target { get; }

    public VerificationFacts Facts { get; }

    /// <summary>Verifies a program; null when it is not accepted, and the report says why.</summary>
    public static VerifiedProgram? Prove(LinkedObject source, LinkedProgram program, Target? target, out VerificationReport report)
    {
        report = Verifier.Verify(source, program, target, new VerificationOptions { Facts = true });
        return report is { Verdict: Verdict.Accept, Facts: { } facts } ? new VerifiedProgram(source, program, target, facts) : null;
    }
}
