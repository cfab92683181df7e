using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;

namespace Osmia.Tests.Tables;

/// <summary>
/// The tables against `bpftool feature probe full`. Its probes are loads like ours, read by the words a kernel had when it was written:
/// an older bpftool on a newer kernel takes every helper for available, and that list then says nothing.
/// </summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class BpftoolFeatureTests(ITestOutputHelper output)
{
    private const string Check = "bpftool";
    private const string HelperSuffix = "_available_helpers";

    [Fact]
    public void Bpftool_finds_the_program_types_map_types_and_helpers_of_the_tables()
    {
        KernelTrial.OpenOrSkip();
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using JsonDocument document = JsonDocument.Parse(ReferenceTool.RunForBytes("bpftool", "feature", "probe", "full", "-j"));
        var differences = new List<string>();
        int compared = 0;
        int excepted = 0;
        Have("program_types", "_prog_type", name => ProgramTypeNames.TryParse(name, out _));
        Have("map_types", "_map_type", name => MapTypeNames.TryParse(name, out MapType type) && MapTypeTable.Find(type) is not null);

        var blind = new List<string>();
        foreach (JsonProperty property in document.RootElement.GetProperty("helpers").EnumerateObject())
        {
            string name = property.Name[..^HelperSuffix.Length];
            HashSet<string> listed = [.. property.Value.EnumerateArray().Select(helper => helper.GetString()!)];
            if (!ProgramTypeNames.TryParse(name, out ProgramType type) || listed.Count == 0 || IsBlind(type, listed))
            {
                blind.Add(name);
                continue;
            }

            foreach (Helper helper in HelperTable.All)
            {
                Judge(name, $"helper {helper.Name}", helper.SignatureFor(type) is not null, listed.Contains("bpf_" + helper.Name));
            }
        }

        output.WriteLine($"{compared} answers compared, {excepted} listed exceptions; helpers not compared (bpftool lists none or all): {string.Join(' ', blind)}");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
        Assert.True(compared > 60);

        // A name newer than bpftool is not in its list; a false one it found missing.
        void Have(string section, string suffix, Func<string, bool> table)
        {
            foreach (JsonProperty property in document.RootElement.GetProperty(section).EnumerateObject())
            {
                string name = property.Name["have_".Length..^suffix.Length];
                Judge(name, section, table(name), property.Value.GetBoolean());
            }
        }

        void Judge(string place, string subject, bool table, bool bpftool)
        {
            compared++;
            if (table == bpftool)
            {
                return;
            }

            if (TableExceptions.Holds(Check, subject, place))
            {
                excepted++;
            }
            else
            {
                differences.Add($"{place}, {subject}: table {table}, bpftool {bpftool}");
            }
        }
    }

    // A helper that no program of the type has ever had.
    private static bool IsBlind(ProgramType type, HashSet<string> listed) =>
        listed.Contains(type == ProgramType.SkMsg ? "bpf_xdp_adjust_head" : "bpf_msg_pull_data");
}
