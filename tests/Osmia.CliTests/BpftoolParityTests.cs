using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>
/// <c>osmia ... -j</c> and <c>bpftool ... -j</c> on the same programs, maps, links, cgroups and devices, key by key. Every difference stands in
/// <c>Bpftool/differences.txt</c> with its reason, and a difference that stands there and is gone is an error too.
/// </summary>
[Collection(LiveCollection.Name)]
public sealed class BpftoolParityTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Bpftool");

    private readonly List<string> _problems = [];
    private readonly List<Difference> _known = [.. File.ReadLines(Path.Combine(s_folder, "differences.txt")).Where(IsContent).Select(Difference.Parse)];

    [Fact]
    public void Osmia_answers_what_bpftool_answers()
    {
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using var live = new LivePrograms();
        using OsmiaCommand holder = OsmiaCommand.Start(["prog", "attach", "pinned", live.Fill("@par_trace"), "at", "tp/syscalls/sys_enter_getsid"], live.Space);
        holder.WaitForError("Ctrl-C detaches");

        int compared = 0;
        foreach (string line in File.ReadLines(Path.Combine(s_folder, "verbs.txt")).Where(IsContent))
        {
            string[] words = live.Words(line[1..]);
            if (line[0] == '=')
            {
                Compare(live, line[1..].Trim(), words);
                compared++;
            }
            else
            {
                (int exitCode, string output, string error) = live.Osmia(words);
                Assert.True(exitCode == 0, $"{line}: {output}{error}");
            }
        }

        holder.Interrupt();
        Assert.Equal(0, holder.WaitForExit());
        Assert.True(compared > 80);
        Assert.True(_problems.Count == 0, string.Join('\n', _problems));
        Assert.True(_known.TrueForAll(row => row.IsSeen), $"no such difference any more: {string.Join("; ", _known.Where(row => !row.IsSeen))}");
    }

    private void Compare(LivePrograms live, string command, string[] words)
    {
        JsonElement ours = Parse(live.Osmia(["-j", .. words]).Output);
        JsonElement theirs = ParseTheirs(Run("nsenter", [.. live.Space[1..], "bpftool", "-j", .. words]).Output);
        Walk(command, "", Own(live, words, ours), Own(live, words, theirs));
    }

    /// <summary>Of a list of everything, what this test made: others come and go.</summary>
    private static JsonElement Own(LivePrograms live, string[] words, JsonElement answer)
    {
        string noun = words[0];
        if (answer.ValueKind != JsonValueKind.Array || words[^1] != "show" || noun is not ("prog" or "map" or "link" or "perf" or "btf"))
        {
            return answer;
        }

        string key = noun is "link" or "perf" ? "prog_id" : "id";
        string kind = noun is "link" or "perf" ? "prog" : noun;
        IEnumerable<string> own = answer.EnumerateArray().Where(row => row.TryGetProperty(key, out JsonElement id) && live.Numbers.Contains($"{kind} {id.GetRawText()}")).Select(row => row.GetRawText());
        return Parse($"[{string.Join(',', own)}]");
    }

    private void Walk(string command, string path, JsonElement ours, JsonElement theirs)
    {
        if (ours.ValueKind == JsonValueKind.Object && theirs.ValueKind == JsonValueKind.Object)
        {
            foreach (JsonProperty fact in theirs.EnumerateObject())
            {
                string name = $"{path}.{fact.Name}";
                if (ours.TryGetProperty(fact.Name, out JsonElement value))
                {
                    Walk(command, name, value, fact.Value);
                }
                else
                {
                    Report(command, name, "missing", "nothing", fact.Value.GetRawText());
                }
            }

            foreach (JsonProperty fact in ours.EnumerateObject().Where(fact => !theirs.TryGetProperty(fact.Name, out _)))
            {
                Report(command, $"{path}.{fact.Name}", "more", fact.Value.GetRawText(), "nothing");
            }
        }
        else if (path.EndsWith("_ids", StringComparison.Ordinal) && ours.ValueKind == JsonValueKind.Array)
        {
            // Sets, which bpftool lists in the order of its hash table.
            Assert.Equal(theirs.EnumerateArray().Select(id => id.GetUInt32()).Order(), ours.EnumerateArray().Select(id => id.GetUInt32()).Order());
        }
        else if (ours.ValueKind == JsonValueKind.Array && theirs.ValueKind == JsonValueKind.Array && ours.GetArrayLength() == theirs.GetArrayLength())
        {
            foreach ((JsonElement our, JsonElement their) in ours.EnumerateArray().Zip(theirs.EnumerateArray()))
            {
                Walk(command, path + "[]", our, their);
            }
        }
        else if (!JsonElement.DeepEquals(ours, theirs))
        {
            Report(command, path, "other", ours.GetRawText(), theirs.GetRawText());
        }
    }

    private void Report(string command, string path, string kind, string ours, string theirs)
    {
        List<Difference> reasons = _known.FindAll(row => row.Kind == kind && row.Path == path && command.StartsWith(row.Command, StringComparison.Ordinal));
        reasons.ForEach(row => row.IsSeen = true);
        if (reasons.Count == 0)
        {
            _problems.Add($"{command}: {kind} {path}: osmia {ours}, bpftool {theirs}");
        }
    }

    private static (string Output, string Error) Run(string name, string[] words)
    {
        using Process process = Process.Start(new ProcessStartInfo(name, words) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (output, error.Result);
    }

    private static JsonElement Parse(string text) => JsonDocument.Parse(text).RootElement;

    /// <summary>bpftool says nothing at all where a name fits nothing, and writes JSON that is none where a flow dissector is attached.</summary>
    private static JsonElement ParseTheirs(string text)
    {
        if (text.AsSpan().Trim().IsEmpty)
        {
            return Parse("\"(silence)\"");
        }

        try
        {
            return Parse(text);
        }
        catch (JsonException)
        {
            return Parse("\"(no JSON)\"");
        }
    }

    private static bool IsContent(string line) => line.Length > 0 && line[0] != '#';

    /// <summary><c>COMMAND | KIND | PATH | REASON</c>; the command may be cut behind a word, the kind is missing, more or other.</summary>
    private sealed record Difference(string Command, string Kind, string Path, string Reason)
    {
        public bool IsSeen { get; set; }

        public static Difference Parse(string line)
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
            Assert.True(cells.Length == 4 && cells[1] is "missing" or "more" or "other" && cells[3].Length > 10, $"differences.txt: {line}");
            return new Difference(cells[0], cells[1], cells[2], cells[3]);
        }
    }
}

/// <summary>Callbacks are registered under one name, so those who need them take turns.</summary>
[CollectionDefinition(Name)]
public sealed class LiveCollection
{
    public const string Name = "programs of many types are loaded once at a time";
}
