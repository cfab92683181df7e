using System.Text.RegularExpressions;

namespace Osmia.Tests.Objects;

public partial class DiagnosticPageTests
{
    private static readonly string s_pages = RepositoryFiles.PathOf("docs", "diagnostics");

    private static SortedSet<string> Ids { get; } = [.. Directory.GetFiles(RepositoryFiles.PathOf("src"), "*.cs", SearchOption.AllDirectories)
        .SelectMany(file => IdLiteral().Matches(File.ReadAllText(file)).Select(match => match.Groups[1].Value))];

    [Fact]
    public void Every_id_of_the_sources_has_a_page() => Assert.Equal([], Ids.Where(id => !File.Exists(Path.Combine(s_pages, id + ".md"))));

    [Fact]
    public void Every_page_is_of_an_id_and_says_what_to_try()
    {
        foreach (string file in Directory.GetFiles(s_pages, "OSM*.md"))
        {
            string id = Path.GetFileNameWithoutExtension(file);
            string text = File.ReadAllText(file);

            Assert.Contains(id, Ids);
            Assert.StartsWith($"# {id}: ", text, StringComparison.Ordinal);
            Assert.Contains("**Try:** ", text, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex("\"(OSM[0-9]{4})[\":]")]
    private static partial Regex IdLiteral();
}
