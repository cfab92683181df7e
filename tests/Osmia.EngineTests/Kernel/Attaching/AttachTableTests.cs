using System.Runtime.Versioning;
using System.Text.RegularExpressions;
using Osmia.Kernel;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>
/// Every attach kind with every type of program that goes there, tried on this kernel and compared with docs/attach.md, whose columns are these tests' own
/// answers: OSMIA_UPDATE_GOLDEN=1 writes the column of this kernel, and those that guests left in the folder of OSMIA_ATTACH_RESULTS.
/// </summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public partial class AttachTableTests(ITestOutputHelper output)
{
    private const string Seen = "event seen";

    // What a guest found goes home on its console.
    private const string GuestFile = "/tmp/attach.txt";

    private static readonly string[] s_columns = ["6.18", "6.1", "6.12"];

    private static readonly AttachCase[] s_cases = [.. TracingCases.All, .. CgroupCases.All, .. NetworkCases.All];

    private static string Page => RepositoryFiles.PathOf("docs", "attach.md");

    [Fact]
    public void Every_kind_is_seen_or_refused_as_the_page_says()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        KernelTest.CgroupRootOrSkip();
        Assert.SkipWhen(engine.Target.Types is null, "needs kernel BTF");
        string version = Release().Match(engine.Target.Name).Value;
        var found = new Dictionary<string, string>();
        foreach (AttachCase attach in s_cases)
        {
            found[attach.Name] = attach.Outcome(engine, out string details);
            output.WriteLine($"{attach.Name}: {found[attach.Name]}: {details}");
        }

        bool isGuest = Environment.GetEnvironmentVariable("OSMIA_GUEST") is not null;
        if (isGuest)
        {
            File.WriteAllLines(GuestFile, found.Select(row => $"{row.Key}|{row.Value}"));
        }

        Assert.DoesNotContain("attached, no event", found.Values);
        if (Environment.GetEnvironmentVariable("OSMIA_UPDATE_GOLDEN") == "1")
        {
            Update(version, found);
        }

        Dictionary<string, string[]> page = Read();
        Assert.Equal(s_cases.Select(row => row.Name), page.Keys);
        int column = Array.IndexOf(s_columns, version);
        Assert.SkipWhen(column < 0, $"the page has no column for Linux {version}");

        // Guests are always the same. What another machine with the host's version has besides, it may have.
        IEnumerable<string> wrong = found.Where(row => isGuest ? page[row.Key][column] != row.Value : page[row.Key][column] == Seen && row.Value != Seen)
            .Select(row => $"{row.Key}: the page says {page[row.Key][column]}, found {row.Value}");
        Assert.True(!wrong.Any(), string.Join('\n', wrong));
        output.WriteLine($"{found.Values.Count(value => value == Seen)} of {found.Count} kinds seen on {engine.Target.Name}");
    }

    [Fact]
    public void Every_attach_kind_of_the_engine_is_tried()
    {
        HashSet<string> tried = [.. s_cases.Select(row => row.Program)];
        Assert.All(Osmia.Kernel.Links.AttachTable.Rows.SelectMany(row => row.Fits), type => Assert.Contains(Bytecode.ProgramTypeNames.ToKernelName(type), tried));
        Assert.All(Osmia.Kernel.Links.AttachKinds.All, kind => Assert.Matches("^[0-9]+\\.[0-9]+$", kind.FirstKernel));
    }

    private static Dictionary<string, string[]> Read() => File.ReadLines(Page).Where(line => line.StartsWith("| `", StringComparison.Ordinal))
        .Select(line => line.Split('|', StringSplitOptions.TrimEntries)).ToDictionary(cells => $"{cells[1].Trim('`')}: {cells[2]}", cells => cells[3..^1]);

    private static void Update(string version, Dictionary<string, string> found)
    {
        var columns = new Dictionary<string, Dictionary<string, string>> { [version] = found };
        if (Environment.GetEnvironmentVariable("OSMIA_ATTACH_RESULTS") is { Length: > 0 } folder)
        {
            foreach (string guest in s_columns.Where(name => File.Exists(Path.Combine(folder, $"attach-{name}.txt"))))
            {
                columns[guest] = File.ReadLines(Path.Combine(folder, $"attach-{guest}.txt")).Select(line => line.Split('|')).ToDictionary(cells => cells[0], cells => cells[1]);
            }
        }

        Dictionary<string, string[]> before = Read();
        string[] text = File.ReadAllLines(Page);
        int start = Array.FindIndex(text, line => line.StartsWith("| program type |", StringComparison.Ordinal));
        int end = start + 2;
        while (end < text.Length && text[end].StartsWith("| `", StringComparison.Ordinal))
        {
            end++;
        }

        IEnumerable<string> rows = s_cases.Select(row => $"| `{row.Program}` | {row.Kind} | " + string.Join(" | ", s_columns.Select((column, index) =>
            columns.TryGetValue(column, out Dictionary<string, string>? values) && values.TryGetValue(row.Name, out string? value) ? value
            : before.TryGetValue(row.Name, out string[]? old) ? old[index] : "not tried")) + " |");
        File.WriteAllLines(Page, [.. text[..(start + 2)], .. rows, .. text[end..]]);
    }

    [GeneratedRegex(@"^\d+\.\d+")]
    private static partial Regex Release();
}
