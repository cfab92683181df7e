using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Cli.Words;

/// <summary>Section names as words: a program's type (<c>xdp</c>, <c>cgroup/connect4</c>) or its place (<c>tp/sched/sched_switch</c>).</summary>
internal static class SectionWords
{
    public static SectionMatch Parse(WordReader words)
    {
        string text = words.Next("the section name");
        SectionMatch match = SectionTable.Match(text);
        if (match.Type == ProgramType.Unspec)
        {
            match = SectionTable.Match(text + "/x") is { Type: not ProgramType.Unspec } withTarget ? withTarget with { Name = text, Target = "" } : match;
        }

        if (match.Type != ProgramType.Unspec)
        {
            return match;
        }

        IReadOnlyList<string> nearest = Similarity.Nearest(text, SectionTable.Names, 3);
        throw new UsageException($"{words.Verb}: '{text}' is no section name of a program{(nearest.Count > 0 ? $"; did you mean {string.Join(", ", nearest)}?" : "")}");
    }
}
