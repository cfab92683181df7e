using Osmia.Bytecode;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Objects;

public class SectionTableTests
{
    /// <summary>Rows of sections.data: pattern, program type, attach type or -, attach kind, traits.</summary>
    private static readonly string[][] s_rows = [.. File.ReadAllLines(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Objects", "Data", "sections.data"))
        .Where(line => line.Length > 0 && line[0] != '#')
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    public static TheoryData<string, string, string, string, string> Rows => [.. s_rows.Select(row => (row[0], row[1], row[2], row[3], row[4]))];

    [Theory]
    [MemberData(nameof(Rows))]
    public void Section_name_means_what_libbpf_says(string pattern, string type, string attach, string kind, string traits)
    {
        string stem = pattern.TrimEnd('+');
        string[] names = pattern.EndsWith('+') ? [stem, stem + "/some/target:x"] : [stem];
        foreach (string name in names.SelectMany(name => new[] { name, "?" + name }))
        {
            SectionMatch match = SectionTable.Match(name);

            Assert.Equal(pattern, match.Pattern);
            Assert.Equal(Enum.Parse<ProgramType>(type), match.Type);
            Assert.Equal(attach == "-" ? null : Enum.Parse<AttachType>(attach), match.AttachType);
            Assert.Equal(Enum.Parse<AttachKind>(kind), match.Kind);
            Assert.Equal(name.Contains('?', StringComparison.Ordinal), match.IsOptional);
            Assert.Equal(name.EndsWith(":x", StringComparison.Ordinal) ? "some/target:x" : "", match.Target);
            Assert.Equal(traits, string.Concat(match.IsSleepable ? "s" : "", match.HasFrags ? "f" : "", match.IsReturn ? "r" : "") is { Length: > 0 } text ? text : "-");
        }
    }

    [Fact]
    public void Table_holds_the_116_patterns_of_libbpf_one_of_iproute2_and_no_other()
    {
        Assert.Equal(117, s_rows.Length);
        Assert.Equal(s_rows.Select(row => row[0]).Order(StringComparer.Ordinal), SectionTable.Patterns.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("xdpx")]
    [InlineData("xdp/")]
    [InlineData("tc/sideways")]
    [InlineData("kprobes/do_exit")]
    [InlineData("cgroup/connect5")]
    [InlineData("maps")]
    [InlineData("")]
    [InlineData("?")]
    public void Unknown_section_names_have_no_type(string name)
    {
        SectionMatch match = SectionTable.Match(name);

        Assert.Equal(ProgramType.Unspec, match.Type);
        Assert.Equal("", match.Pattern);
    }
}
