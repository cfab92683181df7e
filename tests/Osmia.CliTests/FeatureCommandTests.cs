using System.Text.Json;

namespace Osmia.Tests;

/// <summary><c>osmia feature</c> and <c>osmia doctor</c> beside bpftool, and without rights.</summary>
[Collection("hello is loaded once at a time")]
public class FeatureCommandTests
{
    private static readonly string[] s_capabilities = ["bpf", "perfmon", "net_admin", "sys_admin", "net_raw", "sys_ptrace", "dac_read_search"];

    [Fact]
    public void The_probe_has_all_keys_of_bpftool_and_says_why_something_is_missing()
    {
        Requirements.Kernel();
        Assert.SkipUnless(ReferenceTool.Exists("bpftool"), "needs bpftool");
        using JsonDocument theirs = JsonDocument.Parse(ReferenceTool.RunForBytes("bpftool", "feature", "probe", "-j"));
        using JsonDocument ours = JsonDocument.Parse(Succeed("feature", "probe", "-j"));
        foreach (JsonProperty section in theirs.RootElement.EnumerateObject())
        {
            JsonElement mine = ours.RootElement.GetProperty(section.Name);
            foreach (JsonProperty key in section.Value.EnumerateObject())
            {
                Assert.True(mine.TryGetProperty(key.Name, out JsonElement value), $"{section.Name}.{key.Name} is missing");
                if (section.Name is "system_config" or "map_types" or "syscall_config" or "misc")
                {
                    Assert.Equal(key.Value.ToString(), value.ToString());
                }
            }
        }

        JsonElement reasons = ours.RootElement.GetProperty("reasons");
        foreach (string section in (string[])["program_types", "attach_types", "map_types", "misc"])
        {
            foreach (JsonProperty answer in ours.RootElement.GetProperty(section).EnumerateObject())
            {
                Assert.Equal(answer.Value.GetBoolean(), !reasons.TryGetProperty(answer.Name, out JsonElement reason));
                Assert.NotEqual("", answer.Value.GetBoolean() ? null : reason.GetString());
            }
        }
    }

    [Theory]
    [InlineData(64, "'nonsense' is not understood", "feature", "probe", "nonsense")]
    [InlineData(64, "are not supported", "feature", "probe", "dev", "eth0")]
    [InlineData(64, "cannot be had at once", "feature", "probe", "macros", "-j")]
    [InlineData(64, "is none of: prog_types", "feature", "list_builtins", "programs")]
    public void Wrong_words_are_answered(int expected, string message, params string[] arguments)
    {
        Requirements.Kernel();
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.Equal(expected, exitCode);
        // Who asks for JSON gets errors as JSON.
        (string told, string silent) = arguments.Contains("-j") ? (output, error) : (error, output);
        Assert.Contains(message, told, StringComparison.Ordinal);
        Assert.Empty(silent);
    }

    [Fact]
    public void Macros_have_the_prefix_and_the_names_known_are_listed()
    {
        Requirements.Kernel();
        Assert.Contains("#define OWN_HAVE_HASH_MAP_TYPE", Succeed("feature", "probe", "macros", "prefix", "OWN_").Split('\n'));
        Assert.Equal(["socket_filter", "kprobe"], Succeed("feature", "list_builtins", "prog_types").Split('\n')[..2]);
        Assert.Contains("bpf_map_lookup_elem", Succeed("feature", "list_builtins", "helpers").Split('\n'));
    }

    [Fact]
    public void The_doctor_has_a_remedy_for_whatever_does_not_work()
    {
        Requirements.Kernel();
        using JsonDocument findings = JsonDocument.Parse(Succeed("doctor", "-j"));
        Assert.True(findings.RootElement.GetArrayLength() > 50);
        foreach (JsonElement finding in findings.RootElement.EnumerateArray().Where(finding => finding.GetProperty("state").GetString() is "limited" or "missing"))
        {
            Assert.True(finding.TryGetProperty("effect", out _) && finding.TryGetProperty("remedy", out _), finding.ToString());
        }

        Assert.Equal(["rights", "kernel", "kernel build", "mounts", "settings", "security", "attaching"],
            findings.RootElement.EnumerateArray().Select(finding => finding.GetProperty("area").GetString()!).Distinct());
        Assert.Contains("--all prints the good too", Succeed("doctor"), StringComparison.Ordinal);
    }

    [Fact]
    public void Each_capability_that_was_dropped_is_named_by_the_doctor_with_its_remedy()
    {
        Requirements.Kernel();
        Requirements.Command("setpriv", "--version");
        foreach (string capability in s_capabilities)
        {
            // CAP_SYS_ADMIN stands in for what was split off it, which the doctor says.
            string[] dropped = capability is "bpf" or "perfmon" ? [capability, "sys_admin"] : [capability];
            (_, string output, _) = RunWithout(dropped, "doctor", "-j");
            using JsonDocument findings = JsonDocument.Parse(output);
            string name = "CAP_" + capability.ToUpperInvariant();
            JsonElement finding = findings.RootElement.EnumerateArray().Single(finding => finding.GetProperty("subject").GetString() == name);
            Assert.Equal("missing", finding.GetProperty("state").GetString());
            Assert.Contains(name, finding.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_command_without_a_capability_says_which_and_how_to_get_it()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        Requirements.Command("setpriv", "--version");
        Assert.SkipUnless(File.ReadAllText("/proc/sys/kernel/unprivileged_bpf_disabled").Trim() != "0", "needs a kernel that keeps bpf(2) from others");
        string folder = Directory.CreateTempSubdirectory("osmia-rights-").FullName;
        try
        {
            string filter = Path.Combine(folder, "filter.bpf.o");
            Succeed("asm", "tests/Osmia.CliTests/Sources/filter.s", "-o", filter);
            string[] lines = [.. File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Sources", "rights.data")).Where(line => line.Length > 0 && line[0] != '#')];
            Assert.NotEmpty(lines);
            foreach (string line in lines)
            {
                string[] cells = line.Split('|', StringSplitOptions.TrimEntries);
                (int exitCode, string output, string error) = RunWithout(cells[0].Split(','), cells[1].Replace("{filter}", filter, StringComparison.Ordinal).Split(' '));
                string told = error + output;
                Assert.True(exitCode == (cells[2] == "-" ? 0 : 1), $"{line}\n{told}");
                Assert.True((cells[2] == "-" || told.Contains(cells[2], StringComparison.Ordinal)) && told.Contains(cells[3], StringComparison.Ordinal) && told.Contains(cells[4], StringComparison.Ordinal), $"{line}\n{told}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Traced_calls_are_told_in_their_order_with_what_they_were_given()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        (int exitCode, string output, string error) = OsmiaCommand.Run("run", "samples/hello/hello.bpf.o", "--duration", "0.1", "--trace-syscalls");
        Assert.True(exitCode == 0, error);
        string[] expected =
        [
            "bpf(BPF_BTF_LOAD, {btf=0x", "bpf(BPF_MAP_CREATE, {map_type=BPF_MAP_TYPE_HASH, key_size=4, value_size=8, max_entries=1024, map_name=\"execs\"", "bpf(BPF_MAP_FREEZE, {map_fd=",
            "bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_TRACEPOINT, insn_cnt=", "perf_event_open({type=PERF_TYPE_TRACEPOINT, size=112, config=", "bpf(BPF_LINK_CREATE, {prog_fd=", "ioctl(",
        ];
        int at = -1;
        foreach (string call in expected)
        {
            int next = error.IndexOf(call, at + 1, StringComparison.Ordinal);
            Assert.True(next > at, $"'{call}' is missing or too early in:\n{error}");
            at = next;
        }

        Assert.DoesNotContain("bpf(", output, StringComparison.Ordinal);
        Assert.Contains("= -1 ENOENT", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Traced_netlink_calls_name_their_attributes()
    {
        Requirements.Kernel();
        (int exitCode, _, string error) = OsmiaCommand.Run("net", "show", "dev", "lo", "--trace-syscalls");
        Assert.True(exitCode == 0, error);
        Assert.Contains("{nla_type=IFLA_IFNAME, \"lo\"}", error, StringComparison.Ordinal);
        Assert.Contains("{nla_type=IFLA_XDP, [{nla_type=IFLA_XDP_ATTACHED, 0}]}", error, StringComparison.Ordinal);
        Assert.Contains("bpf(BPF_PROG_QUERY, {target_ifindex=1, attach_type=BPF_TCX_INGRESS", error, StringComparison.Ordinal);
        Assert.DoesNotContain("RTM_???", error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_matter_for_a_program_is_left_out_of_its_call()
    {
        Requirements.Kernel();
        (_, _, string error) = OsmiaCommand.Run("run", "samples/hello/hello.bpf.o", "--duration", "0.1", "--trace-syscalls");
        Assert.Contains("kern_version=KERNEL_VERSION(", error, StringComparison.Ordinal);
        Assert.DoesNotContain("expected_attach_type=BPF_CGROUP_INET_INGRESS", error, StringComparison.Ordinal);
    }

    private static (int ExitCode, string Output, string Error) RunWithout(string[] capabilities, params string[] arguments)
    {
        using OsmiaCommand command = OsmiaCommand.Start(arguments, "setpriv", "--bounding-set=" + string.Join(',', capabilities.Select(name => "-" + name)));
        int exitCode = command.WaitForExit();
        return (exitCode, command.Output, command.Error);
    }

    private static string Succeed(params string[] arguments)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run(arguments);
        Assert.True(exitCode == 0, error);
        return output;
    }
}
