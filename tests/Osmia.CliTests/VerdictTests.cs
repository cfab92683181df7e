using System.Text.Json;

namespace Osmia.Tests;

/// <summary><c>osmia verify</c> and <c>osmia check</c>: answers about objects that are loaded nowhere.</summary>
public sealed class VerdictTests : IDisposable
{
    private const string OtherTypes = "tests/Osmia.UnitTests/Btf/kinds.btf";
    private readonly string _folder = Directory.CreateTempSubdirectory("osmia-verdict-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Programs_that_keep_the_rules_are_accepted_a_line_each()
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("verify", "samples/firewall", "samples/tail/tail.bpf.o", "--target", OtherTypes);

        Assert.Equal((0, ""), (exitCode, error));
        Assert.Equal(["firewall", "handle_tcp", "handle_udp", "handle_icmp", "dispatch"], output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(line => line.Split(' ')[0]));
        Assert.DoesNotContain("reject", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_names_the_reason_and_the_source_line_and_ends_with_1()
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run("verify", "bench/objects/loops.bpf.o", "--program", "alu", "--target", OtherTypes);

        Assert.Equal(1, exitCode);
        Assert.Contains("OSM3003: r2 is read, but nothing was written to it on this path\nwhere:   bench/objects/loops.bpf.c:", output, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_judged_is_said_so_and_ends_with_2()
    {
        string text = Path.Combine(_folder, "loop.s");
        string file = Path.Combine(_folder, "loop.bpf.o");
        File.WriteAllText(text, """
                .section socket
            main:
                call first_byte
                exit
            first_byte:
                r6 = r1
                r0 = *(u8 *)skb[0]
                exit
            """);
        Assert.Equal(0, OsmiaCommand.Run("asm", text, "-o", file).ExitCode);
        (int exitCode, string output, string _) = OsmiaCommand.Run("verify", file, "--target", OtherTypes, "--json");
        JsonElement answer = JsonDocument.Parse(output).RootElement;

        Assert.Equal(2, exitCode);
        Assert.Equal(("unknown", "OSM3099", "socket_filter"), (answer.GetProperty("verdict").GetString(), answer.GetProperty("id").GetString(), answer.GetProperty("type").GetString()));
        Assert.Equal(
            ["file", "section", "program", "type", "verdict", "insns_processed", "total_states", "peak_states", "stack_depth", "time_us", "id", "message", "insn", "source_file", "source_line"],
            answer.EnumerateObject().Select(property => property.Name).Take(15));
    }

    [Fact]
    public void A_refusal_tells_its_story_in_json_too_and_costs_and_facts_come_when_asked_for()
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run("verify", "bench/objects/loops.bpf.o", "--program", "alu", "--target", OtherTypes, "--json", "--cost", "--log-level", "1");
        JsonElement answer = JsonDocument.Parse(output).RootElement;

        Assert.Equal(1, exitCode);
        Assert.NotEmpty(answer.GetProperty("story").EnumerateArray());
        Assert.NotEmpty(answer.GetProperty("try").EnumerateArray());
        Assert.NotEmpty(answer.GetProperty("cost").EnumerateArray());
        Assert.Contains("\nprocessed ", answer.GetProperty("log").GetString(), StringComparison.Ordinal);

        (exitCode, output, _) = OsmiaCommand.Run("verify", "samples/tail/tail.bpf.o", "--program", "handle_udp", "--target", OtherTypes, "--json", "--facts");
        JsonElement first = JsonDocument.Parse(output).RootElement.GetProperty("facts")[0];
        Assert.Equal((0, 0, "Context"), (exitCode, first.GetProperty("insn").GetInt32(), first.GetProperty("registers").GetProperty("r1").GetProperty("kind").GetString()));
    }

    [Fact]
    public void A_log_level_that_is_none_is_wrong_usage() => Assert.Equal(64, OsmiaCommand.Run("verify", "samples/tail/tail.bpf.o", "--log-level", "3").ExitCode);

    [Fact]
    public void A_file_that_is_no_object_is_an_error_among_the_verdicts()
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run("verify", "README.md", "--target", OtherTypes);

        Assert.Equal(1, exitCode);
        Assert.Contains("OSM1001", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Relocations_are_checked_against_each_target_and_what_is_missing_is_named()
    {
        (int exitCode, string output, string _) = OsmiaCommand.Run("check", "samples/execsnoop/execsnoop.bpf.o", "samples/hello/hello.bpf.o", "--target", OtherTypes, "-j");
        JsonElement[] answers = [.. JsonDocument.Parse(output).RootElement.EnumerateArray()];

        Assert.Equal(1, exitCode);
        Assert.Equal(5, answers.Length);
        Assert.True(answers.Single(answer => answer.GetProperty("program").GetString() == "count_exec").GetProperty("links").GetBoolean());
        Assert.Contains(answers, answer => !answer.GetProperty("links").GetBoolean() && answer.GetProperty("error").GetProperty("what").GetString()!.Contains("trace_event_raw_sys_enter", StringComparison.Ordinal));
    }

    [Fact]
    public void On_the_running_kernel_the_samples_resolve()
    {
        Assert.SkipUnless(File.Exists("/sys/kernel/btf/vmlinux"), "needs the kernel's BTF");
        (int exitCode, string output, string _) = OsmiaCommand.Run("check", "samples/execsnoop/execsnoop.bpf.o", "bench/objects/relocations.bpf.o", "--target", "/sys/kernel/btf/vmlinux");

        Assert.Equal(0, exitCode);
        Assert.Equal(2, output.Split("all resolve").Length - 1);
    }
}
