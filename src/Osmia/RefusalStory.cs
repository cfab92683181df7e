using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Verification.Explain;

namespace Osmia;

/// <summary>
/// Puts the explanation of a refusal beside what the kernel said. It stands here because nothing below knows both the kernel's log and
/// the verifier that explains it.
/// </summary>
internal static class RefusalStory
{
    /// <summary>The same refusal with its story; null when the log does not tell one.</summary>
    public static KernelException? Of(LinkedObject linked, Target target, KernelException refusal)
    {
        LinkedProgram? program = linked.Programs.FirstOrDefault(candidate => candidate.Name == refusal.Program);
        if (program is null || refusal.Id != "OSM5020" || string.IsNullOrEmpty(refusal.VerifierLog)
            || Explainer.ExplainKernelLog(linked, program, target, refusal.VerifierLog) is not { } explanation || explanation.Story.Count == 0)
        {
            return null;
        }

        Diagnostic diagnostic = refusal.Diagnostic with
        {
            Story = Indented(ExplanationText.Story(explanation)) + (explanation.Witness is { } example ? $"\nexample: {example}" : ""),
            Why = explanation.Why ?? refusal.Diagnostic.Why,
            Try = $"{string.Join("\n", explanation.Try)}\n({explanation.Id} has an example)",
        };
        return new KernelException(diagnostic, refusal.Call, refusal.Errno, refusal.VerifierLog) { Program = refusal.Program };
    }

    /// <summary>Indented as the other parts of a diagnostic are.</summary>
    public static string Indented(string story) => story
        .Replace("\n         ", "\n  ", StringComparison.Ordinal)
        .Replace("story:   ", "story:\n  ", StringComparison.Ordinal)
        .Replace("path:    ", "path:\n  ", StringComparison.Ordinal);
}
