using Osmia.Bytecode;

namespace Osmia.Objects.Linking;

/// <summary>A program type that an application adds to a <see cref="Target"/>: what its programs are handed, may call and may return.</summary>
/// <param name="Section">The section of its programs: this name, or one that goes on behind it with <c>/</c>.</param>
/// <param name="Context">What r1 points to.</param>
public sealed record TargetProgramType(string Section, ContextLayout Context)
{
    /// <summary>Helpers of its own (<see cref="Helper.Define"/>).</summary>
    public IReadOnlyList<Helper> Helpers { get; init; } = [];

    /// <summary>Its programs may call what programs of this type may call; null for none but <see cref="Helpers"/>.</summary>
    public ProgramType? HelpersOf { get; init; }

    /// <summary>What r0 may hold at the end; null for any number.</summary>
    public ReturnRange? Returns { get; init; }

    public bool Covers(string section) =>
        section.StartsWith(Section, StringComparison.Ordinal) && (section.Length == Section.Length || section[Section.Length] == '/');
}
