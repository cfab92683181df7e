using Osmia.Objects;

namespace Osmia.Verification.Explain;

/// <summary>What a step of the story tells of the value that is at fault.</summary>
public enum StoryKind
{
    /// <summary>Where the value comes from.</summary>
    Origin,

    /// <summary>Arithmetic, copies, stores and loads on its way.</summary>
    Change,

    /// <summary>A comparison that taught something of it, or might have.</summary>
    Check,

    /// <summary>What made it invalid: a call that moves the packet, a release, a call that clobbers.</summary>
    Loss,

    /// <summary>A branch that leads past what was needed.</summary>
    Branch,

    /// <summary>Where it is used and refused.</summary>
    Use,
}

/// <summary>One step, the earliest first.</summary>
/// <param name="Slot">The instruction.</param>
/// <param name="Line">Its source line, when the object has line information.</param>
/// <param name="Instruction">As text.</param>
/// <param name="Text">What it does to the value.</param>
public sealed record StoryStep(StoryKind Kind, int Slot, SourceLine? Line, string Instruction, string Text);

/// <summary>A decision on the way to the refusal.</summary>
/// <param name="Slot">The jump.</param>
/// <param name="IsTaken">Whether this path jumps.</param>
/// <param name="Next">Where it goes on.</param>
/// <param name="Text">What holds there, as <c>r3 &lt;= r2</c>.</param>
public sealed record PathDecision(int Slot, SourceLine? Line, bool IsTaken, int Next, string Text);

/// <summary>Why a program was refused, for people: what, where, how it came to that, what to change.</summary>
/// <param name="Id">Its page in docs/diagnostics has a program that is refused and one that is mended.</param>
/// <param name="What">One sentence.</param>
/// <param name="Slot">The instruction, in the kernel's numbering; -1 when none is known.</param>
/// <param name="Function">The function it is in.</param>
/// <param name="Story">The value at fault from where it came to where it is refused.</param>
/// <param name="Path">Branches of the path that had two possible ways, the first first.</param>
/// <param name="OmittedDecisions">Branches before those.</param>
/// <param name="Witness">Concrete values that make it happen, or null.</param>
/// <param name="Try">What to change, the best first; code where it can be.</param>
public sealed record Explanation(
    string Id,
    CheckFamily Family,
    string What,
    string Program,
    int Slot,
    SourceLine? Line,
    string Instruction,
    string Function,
    IReadOnlyList<StoryStep> Story,
    IReadOnlyList<PathDecision> Path,
    int OmittedDecisions,
    string? Witness,
    string? Why,
    IReadOnlyList<string> Try)
{
    /// <summary>What the kernel said, when it is the kernel's log that is explained.</summary>
    public string? KernelMessage { get; init; }

    /// <summary>As plain text of several lines.</summary>
    public override string ToString() => ExplanationText.Write(this);
}
