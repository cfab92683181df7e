using System.Text.RegularExpressions;

namespace Osmia.Tests.Verification.Features;

/// <summary>docs/agreement.md: tables that tests write with <c>OSMIA_UPDATE_SHEET=1</c>, each between a line that names it and the next empty one.</summary>
internal static partial class AgreementSheet
{
    private static readonly Lock s_gate = new();

    /// <param name="how">What was run, for the line above the table.</param>
    public static void Update(string section, string how, FamilyCounts counts)
    {
        if (Environment.GetEnvironmentVariable("OSMIA_UPDATE_SHEET") is not { Length: > 0 })
        {
            return;
        }

        lock (s_gate)
        {
            string path = RepositoryFiles.PathOf("docs", "agreement.md");
            string[] lines = File.ReadAllLines(path);
            int start = Array.IndexOf(lines, $"<!-- {section} -->");
            Assert.True(start >= 0, $"docs/agreement.md has no section '{section}'");
            int end = Array.FindIndex(lines, start, line => line == "<!-- end -->");
            File.WriteAllLines(path, [.. lines[..(start + 1)], Version().Replace(how, "Linux $1"), "", .. counts.ToString().Split('\n'), .. lines[end..]]);
        }
    }

    /// <summary>A release without what its builder added.</summary>
    [GeneratedRegex(@"(\d+\.\d+\.\d+)[-\w]*")]
    private static partial Regex Version();
}
