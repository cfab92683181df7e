using System.Text.RegularExpressions;
using Osmia.Objects.Assembly;
using Osmia.Objects.Linking;

namespace Osmia.Tests;

/// <summary>The programs on the verifier's pages of docs/diagnostics.</summary>
internal static partial class VerifierPages
{
    public static IEnumerable<string> Ids => Directory.EnumerateFiles(RepositoryFiles.PathOf("docs", "diagnostics"), "OSM3*.md").Select(path => Path.GetFileNameWithoutExtension(path)!).Order();

    public static (LinkedObject Refused, LinkedObject Mended) Programs(string id)
    {
        MatchCollection blocks = Block().Matches(File.ReadAllText(RepositoryFiles.PathOf("docs", "diagnostics", id + ".md")));
        return (Link(blocks[0].Groups[1].Value, id), Link(blocks[1].Groups[1].Value, id));
    }

    private static LinkedObject Link(string text, string id) => Linker.Link(ObjectAssembler.Assemble(text, id + ".s"), new Target("pages"));

    [GeneratedRegex("```asm\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Block();
}
