using System.Text.Json;

namespace Osmia.Tests;

/// <summary>What bpftool's verbs do beyond what bpftool does, and what they refuse.</summary>
[Collection(LiveCollection.Name)]
public class VerbTests
{
    [Fact]
    public void Refusals_have_their_ids_as_text_and_as_json()
    {
        Requirements.Command("setpriv", "--version");
        using var live = new LivePrograms();
        Run(live, "prog load {work}/parity.bpf.o {pins}/again");
        Run(live, "prog attach pinned @par_raw at raw_tp/sys_exit pin {pins}/raw");
        foreach (string line in File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Bpftool", "errors.txt")).Where(line => line.Length > 0 && line[0] != '#'))
        {
            string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
            string[] halves = cells[1].Split("::");
            string[] prefix = halves.Length > 1 ? live.Words(halves[0]) : [];
            string[] words = live.Words(halves[^1]);
            using OsmiaCommand command = OsmiaCommand.Start(words, [.. live.Space, .. prefix]);
            Assert.True(command.WaitForExit() == 1, $"{line}: {command.Output}");
            Assert.True(command.Error.StartsWith(cells[0] + ": ", StringComparison.Ordinal), $"{line}: {command.Error}");
            Assert.Equal("", command.Output);
        }

        (int exitCode, string output, string error) = live.Osmia("-j", "map", "lookup", "name", "par_nothing", "key", "1");
        Assert.Equal((1, ""), (exitCode, error));
        Assert.Equal("OSM7009", JsonDocument.Parse(output).RootElement.GetProperty("id").GetString());
        (exitCode, output, error) = live.Osmia("map", "lookup", "-j");
        Assert.Equal((64, ""), (exitCode, error));
        Assert.Contains("the map is missing", JsonDocument.Parse(output).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Keys_and_values_are_read_and_written_by_their_types()
    {
        using var live = new LivePrograms();
        Run(live, "map update pinned %par_points key a=4,b=5,c=-6 value x=-7,y=8,name=osmia,color=GREEN,set=true");
        string point = Run(live, "map lookup pinned %par_points key a=4,b=5,c=-6");
        Assert.Contains("osmia", point, StringComparison.Ordinal);
        Assert.Contains("GREEN", point, StringComparison.Ordinal);
        Run(live, "map update pinned %par_array key 2 value 0x1122334455667788");
        Assert.Equal("key: 2\nvalue: 1234605616436508552\n", Run(live, "map lookup pinned %par_array key 2"));
        Assert.Equal("key: 2\nnext: 3\n", Run(live, "map getnext pinned %par_array key 2"));
        Run(live, "map update pinned %par_percpu key 1 value 300");
        Assert.Contains("cpu 0: 300\n", Run(live, "map lookup pinned %par_percpu key 1"), StringComparison.Ordinal);
        Run(live, "map update pinned %par_tails key 2 value pinned @par_tail");
        Assert.Contains($"prog id {live.Fill("#par_tail")}", Run(live, "map dump pinned %par_tails"), StringComparison.Ordinal);
        Run(live, "map push pinned %par_stack value 1 2 3 4");
        Assert.Equal("01 02 03 04\n", Run(live, "map pop pinned %par_stack"));
        Assert.Equal("map par_stack is empty\n", Run(live, "map pop pinned %par_stack"));
    }

    [Fact]
    public void Maps_are_created_reused_by_programs_and_frozen()
    {
        using var live = new LivePrograms();
        Run(live, "map create {pins}/mine type array key 4 value 8 entries 4 name mine");
        Run(live, "prog load {work}/parity.bpf.o {pins}/with_mine map name par_array pinned {pins}/mine pinmaps {pins}/new");
        Run(live, "map update pinned {pins}/mine key 1 0 0 0 value 9 0 0 0 0 0 0 0");

        // The object's own name stands for the map that was given: what is written through one is read through the other.
        Assert.Contains("09 00 00 00 00 00 00 00", Run(live, "map lookup pinned {pins}/new/par_array key 1 0 0 0"), StringComparison.Ordinal);
        Run(live, "map create {pins}/outer type array_of_maps key 4 value 4 entries 2 name outer inner_map pinned {pins}/mine");
        Run(live, "map update pinned {pins}/outer key 0 0 0 0 value pinned {pins}/mine");
        Assert.Contains("map id", Run(live, "map dump pinned {pins}/outer"), StringComparison.Ordinal);
        Run(live, "map freeze pinned {pins}/mine");
        (int exitCode, string _, string error) = live.Osmia("map", "update", "pinned", live.Pins + "/mine", "key", "1", "0", "0", "0", "value", "8", "0", "0", "0", "0", "0", "0", "0");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("OSM5012", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Records_of_ring_and_perf_buffers_are_printed_as_they_come()
    {
        using var live = new LivePrograms();
        foreach (string buffer in (string[])["par_ring", "par_perf"])
        {
            using OsmiaCommand pipe = OsmiaCommand.Start(["map", "event_pipe", "pinned", live.Fill("%" + buffer), "count", "3", "duration", "40"], live.Space);
            pipe.WaitForError("reading");

            // Each run of the classifier, which reads the mark of its packet, puts one record into both.
            Run(live, "prog run pinned @par_classifier_with_a_long_name data_in {file} repeat 3");
            Assert.Equal(0, pipe.WaitForExit());
            Assert.Contains("3 records, 0 lost", pipe.Error, StringComparison.Ordinal);
            Assert.Equal(3, pipe.OutputLines.Count(line => line.Contains("00 00 00 00", StringComparison.Ordinal)));
        }
    }

    [Fact]
    public void The_tree_shows_what_belongs_together_and_top_what_runs()
    {
        using var live = new LivePrograms();
        Run(live, "prog attach pinned @par_raw at raw_tp/sys_exit pin {pins}/raw");
        Run(live, "cgroup attach {cgroup} connect4 pinned @par_connect multi");
        string tree = Run(live, "tree pinned @par_raw");
        Assert.StartsWith($"prog {live.Fill("#par_raw")} raw_tracepoint par_raw", tree, StringComparison.Ordinal);
        Assert.Contains($"raw_tracepoint tp sys_exit, pinned {live.Pins}/raw\n", tree, StringComparison.Ordinal);
        Assert.EndsWith($"└─ pinned {live.Pins}/par_raw\n", tree, StringComparison.Ordinal);
        Assert.Contains($"├─ at cgroup_inet4_connect {live.Fill("{cgroup}")}\n", Run(live, "tree pinned @par_connect"), StringComparison.Ordinal);
        Assert.Contains("map", Run(live, "tree pinned @par_xdp"), StringComparison.Ordinal);
        JsonElement program = JsonDocument.Parse(Run(live, "tree -j pinned @par_xdp")).RootElement.GetProperty("programs")[0];
        Assert.Contains("par_points", program.GetProperty("maps").EnumerateArray().Select(map => map.GetProperty("name").GetString()));

        string setting = File.ReadAllText("/proc/sys/kernel/bpf_stats_enabled");
        JsonElement report = JsonDocument.Parse(Run(live, "top --interval 0.3 --count 1 --json")).RootElement;
        JsonElement load = report.GetProperty("programs").EnumerateArray().Single(row => row.GetProperty("id").GetRawText() == live.Fill("#par_raw"));
        Assert.True(load.GetProperty("run_cnt").GetInt64() > 0);
        Assert.True(load.GetProperty("ns_per_run").GetDouble() > 0);
        Assert.Contains("par_raw", Run(live, "top --interval 0.3 --count 1 --limit 1000"), StringComparison.Ordinal);
        Assert.Contains("run_cnt", Run(live, "prog profile pinned @par_raw duration 1"), StringComparison.Ordinal);
        Assert.Equal(setting, File.ReadAllText("/proc/sys/kernel/bpf_stats_enabled"));

        Run(live, "cgroup detach {cgroup} connect4 pinned @par_connect");
    }

    [Fact]
    public void Iterators_and_links_are_files()
    {
        using var live = new LivePrograms();
        Run(live, "iter pin {work}/parity.bpf.o {pins}/walk");
        Assert.Equal("", File.ReadAllText(live.Pins + "/walk"));
        Run(live, "prog attach pinned @par_connect at cgroup/connect4 cgroup {cgroup} pin {pins}/one");
        Run(live, "link pin pinned {pins}/one {pins}/two");
        string id = JsonDocument.Parse(Run(live, "link -j show pinned {pins}/two")).RootElement.GetProperty("id").GetRawText();
        Assert.Contains($"{live.Pins}/one, {live.Pins}/two", Run(live, $"link -f show id {id}"), StringComparison.Ordinal);
        Run(live, $"link detach id {id}");
        Assert.Equal(0, JsonDocument.Parse(Run(live, $"link -j show id {id}")).RootElement.GetProperty("cgroup_id").GetInt32());
        Run(live, "prog load {work}/single.bpf.o {pins}/single type xdp");
        Assert.Equal("xdp", JsonDocument.Parse(Run(live, "-j prog show pinned {pins}/single")).RootElement.GetProperty("type").GetString());
    }

    [Fact]
    public void A_batch_runs_line_by_line_and_ends_at_the_first_error()
    {
        using var live = new LivePrograms();
        string file = Path.Combine(live.Work, "batch");
        File.WriteAllText(file, $"# two lines\nmap update pinned {live.Fill("%par_array")} \\\n  key 1 value '5'\nmap lookup pinned {live.Fill("%par_array")} key 1 # its value\n");
        Assert.EndsWith("value: 5\nprocessed 2 commands\n", Run(live, $"batch file {file}"), StringComparison.Ordinal);
        JsonElement[] answers = [.. JsonDocument.Parse(Run(live, $"-j batch file {file}")).RootElement.EnumerateArray()];
        Assert.Equal(JsonValueKind.Null, answers[0].GetProperty("output").ValueKind);
        Assert.Equal(5, answers[1].GetProperty("output").GetProperty("formatted").GetProperty("value").GetInt32());
        File.WriteAllText(file, "prog show name par_nothing\nprog list\n");
        (int exitCode, string output, string error) = live.Osmia("batch", "file", file);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.StartsWith("OSM7009", error, StringComparison.Ordinal);

        // Streams of programs came with Linux 6.17.
        (exitCode, output, error) = live.Osmia(live.Words("prog tracelog stdout pinned @par_xdp"));
        Assert.True(exitCode == 0 ? output == "program par_xdp wrote nothing\n" : error.StartsWith("OSM5025", StringComparison.Ordinal), output + error);
    }

    [Fact]
    public void A_struct_of_callbacks_is_shown_with_its_fields_and_programs()
    {
        using var live = new LivePrograms();
        string[] lines = Run(live, $"struct_ops dump name {LivePrograms.Callbacks}").Split('\n');
        Assert.EndsWith($" {LivePrograms.Callbacks}: tcp_congestion_ops", lines[0], StringComparison.Ordinal);
        Assert.Matches(@"^  ssthresh +\w+ \(prog \d+\) +u32 \(struct sock \*\)$", lines.Single(line => line.StartsWith("  ssthresh ", StringComparison.Ordinal)));
        Assert.Matches(@"^  name +\w+$", lines.Single(line => line.StartsWith("  name ", StringComparison.Ordinal)));
        Assert.Contains(lines, line => line.StartsWith("  no program implements ", StringComparison.Ordinal) && line.Contains("release", StringComparison.Ordinal));
    }

    [Fact]
    public void What_an_attachment_lacks_is_named_as_the_verb_takes_it()
    {
        using var live = new LivePrograms();
        (int exitCode, _, string error) = live.Osmia(live.Words("prog attach pinned @par_xdp at xdp"));
        Assert.Equal(1, exitCode);
        Assert.StartsWith("OSM5302: word dev is needed", error, StringComparison.Ordinal);
        Assert.Contains("try: add dev INTERFACE", error, StringComparison.Ordinal);
        (exitCode, _, error) = live.Osmia(live.Words("cgroup attach {cgroup} connect4 pinned @par_xdp"));
        Assert.Equal(1, exitCode);
        Assert.Contains("takes programs of type cgroup_sock_addr, and 'par_xdp' is of type xdp", error, StringComparison.Ordinal);
        (exitCode, _, error) = live.Osmia(live.Words("map push pinned %par_points value 1"));
        Assert.Equal(64, exitCode);
        Assert.Contains("map par_points has keys; queues and stacks have none", error, StringComparison.Ordinal);
        (exitCode, _, error) = live.Osmia(live.Words("prog dump jited pinned @par_xdp visual"));
        Assert.Equal(64, exitCode);
        Assert.Contains("'visual' draws instructions, not machine code", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Machine_code_stands_under_its_source_lines()
    {
        using var live = new LivePrograms();
        JsonElement function = JsonDocument.Parse(Run(live, "-j prog dump jited pinned @par_xdp opcodes linum")).RootElement[0];
        Assert.SkipWhen(function.GetProperty("insns").GetArrayLength() == 0, "needs a kernel that compiles programs");
        Assert.Equal($"bpf_prog_{live.Fill("~par_xdp")}_par_xdp", function.GetProperty("name").GetString());
        JsonElement[] instructions = [.. function.GetProperty("insns").EnumerateArray()];
        Assert.Equal("0x0", instructions[0].GetProperty("pc").GetString());
        Assert.Contains(instructions, instruction => instruction.TryGetProperty("src", out JsonElement source) && source.GetString()!.Contains("bpf_map_lookup_elem", StringComparison.Ordinal));
        Assert.All(instructions, instruction => Assert.True(instruction.GetProperty("operation").GetString()!.Length > 0 && instruction.GetProperty("opcodes").GetArrayLength() > 0));
        Assert.Contains("bpf_map_lookup_elem(&par_points", Run(live, "prog dump jited pinned @par_xdp"), StringComparison.Ordinal);
    }

    [Fact]
    public void Programs_are_attached_as_they_are_loaded_and_pinned_where_that_cannot_be()
    {
        using var live = new LivePrograms();
        (int exitCode, string output, string error) = live.Osmia(live.Words("prog loadall {work}/parity.bpf.o {pins}/auto autoattach dev {device} cgroup {cgroup}"));
        Assert.True(exitCode == 0, output + error);
        Assert.Contains("program 'par_verdict' is pinned, not attached", error, StringComparison.Ordinal);
        Assert.Equal("xdp", JsonDocument.Parse(Run(live, "-j link show pinned {pins}/auto/par_xdp")).RootElement.GetProperty("type").GetString());
        Assert.Equal("cgroup", JsonDocument.Parse(Run(live, "-j link show pinned {pins}/auto/par_connect")).RootElement.GetProperty("type").GetString());
        Assert.Equal("sk_skb", JsonDocument.Parse(Run(live, "-j prog show pinned {pins}/auto/par_verdict")).RootElement.GetProperty("type").GetString());
        Assert.Contains("par0", Run(live, "net show"), StringComparison.Ordinal);
    }

    /// <summary>Without a mount that a verb needs: each in a mount namespace of its own.</summary>
    [Theory]
    [InlineData("OSM7018", "umount -l /sys/kernel/tracing; umount -l /sys/kernel/debug; mount -t tmpfs none /sys/kernel/debug", "prog tracelog")]
    [InlineData("OSM7020", "for m in $(grep -w cgroup2 /proc/mounts | cut -d' ' -f2); do umount -l $m; done", "cgroup tree")]
    [InlineData("OSM7026", "mount -t tmpfs none /sys/kernel/btf", "struct_ops dump")]
    public void What_is_not_mounted_is_said(string id, string script, string verb)
    {
        Requirements.Kernel();
        Requirements.Command("unshare", "--version");
        using OsmiaCommand command = OsmiaCommand.Start(verb.Split(' '), "unshare", "-m", "bash", "-c", $"{{ {script}; }} 2>/dev/null; exec \"$0\" \"$@\"");
        int exitCode = command.WaitForExit();
        Assert.Equal((1, id), (exitCode, command.Error[..Math.Min(7, command.Error.Length)]));
    }

    private static string Run(LivePrograms live, string line)
    {
        (int exitCode, string output, string error) = live.Osmia(live.Words(line));
        Assert.True(exitCode == 0, $"{line}: {output}{error}");
        return output;
    }
}
