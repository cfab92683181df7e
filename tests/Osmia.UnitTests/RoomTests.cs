using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Osmia.Tests;

/// <summary>Holds the project files against the table of ARCHITECTURE.md, and native calls against the rooms that may make them.</summary>
public partial class RoomTests
{
    [Fact]
    public void Project_references_are_those_of_the_room_table()
    {
        Dictionary<string, string[]> table = RoomTable();
        string[] projects = [.. Directory.GetDirectories(RepositoryFiles.PathOf("src")).Select(path => Path.GetFileName(path)!).Order()];
        Assert.Equal(projects, table.Keys.Order());
        foreach ((string project, string[] mayReference) in table)
        {
            string[] references = [.. XDocument.Load(RepositoryFiles.PathOf("src", project, project + ".csproj"))
                .Descendants("ProjectReference")
                .Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value))];
            Assert.Equal(mayReference.Order(), references.Order());
        }
    }

    [Fact]
    public void Native_calls_stand_only_in_the_kernel_rooms_syscalls()
    {
        string[] elsewhere = [.. Directory.EnumerateFiles(RepositoryFiles.PathOf("src"), "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains("/Osmia.Kernel/Syscalls/", StringComparison.Ordinal))
            .Where(path => NativeImport().IsMatch(File.ReadAllText(path)))];
        Assert.Empty(elsewhere);
    }

    [Fact]
    public void The_core_uses_no_packages()
    {
        foreach (string project in Directory.EnumerateFiles(RepositoryFiles.PathOf("src"), "*.csproj", SearchOption.AllDirectories).Where(path => !path.EndsWith("Osmia.Cli.csproj", StringComparison.Ordinal)))
        {
            Assert.Empty(XDocument.Load(project).Descendants("PackageReference"));
        }
    }

    private static Dictionary<string, string[]> RoomTable() => File.ReadAllLines(RepositoryFiles.PathOf("ARCHITECTURE.md"))
        .Select(line => TableRow().Match(line))
        .Where(match => match.Success)
        .ToDictionary(
            match => match.Groups["room"].Value,
            match => match.Groups["refs"].Value.Trim() is "nothing" ? [] : match.Groups["refs"].Value.Split(',', StringSplitOptions.TrimEntries));

    [GeneratedRegex(@"^\| `(?<room>Osmia[.\w]*)` \| .* \| (?<refs>[^|]+) \|$")]
    private static partial Regex TableRow();

    [GeneratedRegex(@"\[(LibraryImport|DllImport)\(")]
    private static partial Regex NativeImport();
}
