using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>
/// <c>osmia ... -j</c> and <c>bpftool ... -j</c> on the same programs, maps, links, cgroups and devices, key by key. Every difference stands in
/// <c>Bpftool/differences.txt</c> with its reason, and a difference that stands there and is gone is an error too.
/// </summary>
public sealed class BpftoolParityTests : IDisposable
{
    private static readonly string s_folder = RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Bpftool");

    private readonly string _pins = $"/sys/fs/bpf/osmia-parity-{Environment.ProcessId}";
    private readonly string _work = Directory.CreateTempSubdirectory("osmia-parity-").FullName;
    private readonly string _space = $"osmia-parity-{Environment.ProcessId}";
    private readonly List<string> _problems = [];
    private readonly List<Difference> _known = [.. File.ReadLines(Path.Combine(s_folder, "differences.txt")).Where(IsContent).Select(Difference.Parse)];
    private ChildCgroup? _cgroup;
    private bool _isRegistered;
    private HashSet<string> _ours = [];

    public void Dispose()
    {
        if (_isRegistered)
        {
            _ = Osmia(["struct_ops", "unregister", "name", "par_callbacks"]);
        }

        if (Directory.Exists(_pins))
        {
            // Only files of the BPF file system that this test made.
            Directory.Delete(_pins, recursive: true);
        }

        using Process process = Process.Start(new ProcessStartInfo("ip", ["netns", "delete", _space]) { RedirectStandardError = true })!;
        process.WaitForExit();
        _cgroup?.Dispose();
        Directory.Delete(_work, recursive: true);
    }

    [Fact]
    public void Osmia_answers_what_bpftool_answers()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        Requirements.Command("nsenter", "--version");
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        Assert.SkipUnless(Directory.Exists("/sys/fs/bpf"), "needs the BPF file system");
        _cgroup = ChildCgroup.Create();
        Dictionary<string, string> places = Prepare();
        using OsmiaCommand holder = OsmiaCommand.Start(["prog", "attach", "pinned", $"{_pins}/par_trace", "at", "tp/syscalls/sys_enter_getsid"], Space);
        holder.WaitForError("Ctrl-C detaches");

        int compared = 0;
        foreach (string line in File.ReadLines(Path.Combine(s_folder, "verbs.txt")).Where(IsContent))
        {
            string[] words = [.. line[1..].Trim().Split(' ').Select(word => Fill(word, places))];
            if (line[0] == '=')
            {
                Compare(line[1..].Trim(), words);
                compared++;
            }
            else
            {
                (int exitCode, string output, string error) = Osmia(words);
                Assert.True(exitCode == 0, $"{line}: {output}{error}");
            }
        }

        holder.Interrupt();
        Assert.Equal(0, holder.WaitForExit());
        Assert.Equal(0, Osmia(["struct_ops", "unregister", "name", "par_callbacks"]).ExitCode);
        _isRegistered = false;
        Assert.True(compared > 80);
        Assert.True(_problems.Count == 0, string.Join('\n', _problems));
        Assert.True(_known.TrueForAll(row => row.IsSeen), $"no such difference any more: {string.Join("; ", _known.Where(row => !row.IsSeen))}");
    }

    private string[] Space => ["nsenter", $"--net=/run/netns/{_space}"];

    private Dictionary<string, string> Prepare()
    {
        foreach (string[] words in (string[][])[["netns", "add", _space], ["-n", _space, "link", "add", "par0", "type", "veth", "peer", "name", "par1"], ["-n", _space, "link", "set", "par0", "up"]])
        {
            Assert.Equal("", Run("ip", words).Error);
        }

        foreach (string name in (string[])["parity", "callbacks"])
        {
            ReferenceTool.Run("clang-19", "-g", "-O2", "-target", "bpf", "-mcpu=v3", "-I/usr/include/x86_64-linux-gnu", "-c", Path.Combine(s_folder, name + ".bpf.c"), "-o", Path.Combine(_work, name + ".bpf.o"));
        }

        Directory.CreateDirectory(_pins);
        (int exitCode, string output, string error) = Osmia(["prog", "loadall", Path.Combine(_work, "parity.bpf.o"), _pins, "pinmaps", _pins + "/maps"]);
        Assert.True(exitCode == 0, output + error);
        (exitCode, output, error) = Osmia(["struct_ops", "register", Path.Combine(_work, "callbacks.bpf.o")]);
        Assert.True(exitCode == 0, output + error);
        _isRegistered = true;
        string frame = Path.Combine(_work, "frame");
        File.WriteAllBytes(frame, [.. Enumerable.Range(0, 64).Select(i => (byte)i)]);
        var places = new Dictionary<string, string> { ["{cgroup}"] = _cgroup!.Path, ["{pins}"] = _pins, ["{device}"] = "par0", ["{file}"] = frame, ["{out}"] = Path.Combine(_work, "out") };
        foreach (string pin in Directory.GetFiles(_pins))
        {
            JsonElement program = Parse(ReferenceTool.Run("bpftool", "-j", "prog", "show", "pinned", pin));
            places["#" + Path.GetFileName(pin)] = program.GetProperty("id").GetRawText();
            places["~" + Path.GetFileName(pin)] = program.GetProperty("tag").GetString()!;
            places["{types}"] = program.GetProperty("btf_id").GetRawText();
            _ours.Add("prog " + program.GetProperty("id").GetRawText());
        }

        foreach (string pin in Directory.GetFiles(_pins + "/maps"))
        {
            _ours.Add("map " + Parse(ReferenceTool.Run("bpftool", "-j", "map", "show", "pinned", pin)).GetProperty("id").GetRawText());
        }

        _ours.Add("btf " + places["{types}"]);
        return places;
    }

    private string Fill(string word, Dictionary<string, string> places) => word[0] switch
    {
        '@' => $"{_pins}/{word[1..]}",
        '%' => $"{_pins}/maps/{word[1..]}",
        _ => places.Aggregate(word, (text, place) => text.Replace(place.Key, place.Value, StringComparison.Ordinal)),
    };

    private void Compare(string command, string[] words)
    {
        JsonElement ours = Parse(Osmia(["-j", .. words]).Output);
        JsonElement theirs = ParseTheirs(Run("nsenter", [.. Space[1..], "bpftool", "-j", .. words]).Output);
        Walk(command, "", Own(words, ours), Own(words, theirs));
    }

    /// <summary>Of a list of everything, what this test made: others come and go.</summary>
    private JsonElement Own(string[] words, JsonElement answer)
    {
        string noun = words[0];
        if (answer.ValueKind != JsonValueKind.Array || words[^1] != "show" || noun is not ("prog" or "map" or "link" or "perf" or "btf"))
        {
            return answer;
        }

        string key = noun is "link" or "perf" ? "prog_id" : "id";
        string kind = noun is "link" or "perf" ? "prog" : noun;
        IEnumerable<string> own = answer.EnumerateArray().Where(row => row.TryGetProperty(key, out JsonElement id) && _ours.Contains($"{kind} {id.GetRawText()}")).Select(row => row.GetRawText());
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

    private (int ExitCode, string Output, string Error) Osmia(string[] words)
    {
        using OsmiaCommand command = OsmiaCommand.Start(words, Space);
        int exitCode = command.WaitForExit();
        return (exitCode, command.Output, command.Error);
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
