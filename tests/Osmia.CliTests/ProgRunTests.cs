using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Osmia.Tests;

/// <summary><c>osmia prog run</c> and <c>osmia conformance</c>.</summary>
public class ProgRunTests
{
    private const string Kernels = "bench/objects/kernels.bpf.o";

    [Theory]
    [InlineData("interpreter", "checked")]
    [InlineData("il", "checked")]
    [InlineData("il", "metered")]
    [InlineData("x64", "checked")]
    [InlineData("il", "verified")]
    [InlineData("interpreter", "verified")]
    public void A_program_runs_in_the_tier_and_mode_asked_for(string tier, string mode)
    {
        (int exitCode, string output, string error) = OsmiaCommand.Run("prog", "run", Kernels + "#hashmap", "--tier", tier, "--mode", mode, "--repeat", "3", "--json",
            "--map-set", "table:05000000=0700000000000000", "--map-dump", "table");
        Assert.True(exitCode == 0, error);
        using JsonDocument json = JsonDocument.Parse(output);
        JsonElement root = json.RootElement;
        Assert.Equal((1, tier, mode), (root.GetProperty("retval").GetInt32(), root.GetProperty("tier").GetString(), root.GetProperty("mode").GetString()));
        Assert.True(root.GetProperty("ns_per_run").GetDouble() > 0);
        Assert.Equal(tier != "interpreter", root.GetProperty("compile_us").GetDouble() > 0);
        JsonElement element = Assert.Single(root.GetProperty("maps").GetProperty("table").EnumerateArray());
        Assert.Equal(("05000000", "0a00000000000000"), (element.GetProperty("key").GetString(), element.GetProperty("value").GetString()));
    }

    [Fact]
    public void A_packet_program_runs_verified()
    {
        string packet = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(packet, new byte[64]);
            (int exitCode, string output, string error) = OsmiaCommand.Run("prog", "run", "samples/packets/packets.bpf.o", "--tier", "il", "--mode", "verified", "--data-in", packet);
            Assert.True(exitCode == 0, error);
            Assert.StartsWith("retval 2 (0x2), ", output, StringComparison.Ordinal);
            Assert.EndsWith("tier il, mode verified", output.TrimEnd(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(packet);
        }
    }

    /// <summary>As in an application compiled ahead of time: the runtime compiles nothing that is made at run time.</summary>
    [Theory]
    [InlineData("auto", "x64")]
    [InlineData("x64", "x64")]
    [InlineData("il", "interpreter")]
    public void Without_dynamic_code_programs_are_machine_code_or_interpreted(string asked, string tier)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture == System.Runtime.InteropServices.Architecture.X64, "needs x86-64 Linux");
        Assert.Equal(0, OsmiaCommand.Run("version").ExitCode);
        string artifacts = Environment.GetEnvironmentVariable("OSMIA_ARTIFACTS") ?? RepositoryFiles.PathOf("artifacts");
        string stamp = Directory.EnumerateFiles(artifacts, "osmia.stamp", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 1 }).MaxBy(File.GetLastWriteTimeUtc)!;
        string command = Path.Combine(Path.GetDirectoryName(stamp)!, "publish", "Osmia.Cli", "release_linux-x64", "Osmia.Cli.dll");
        JsonNode settings = JsonNode.Parse(File.ReadAllText(Path.ChangeExtension(command, ".runtimeconfig.json")))!;
        settings["runtimeOptions"]!["configProperties"]!["System.Runtime.CompilerServices.RuntimeFeature.IsDynamicCodeSupported"] = false;
        string without = Path.Combine(Path.GetTempPath(), $"osmia-{Guid.NewGuid():N}.runtimeconfig.json");
        try
        {
            File.WriteAllText(without, settings.ToJsonString());
            var start = new ProcessStartInfo(File.ReadLines(stamp).First(), ["exec", "--runtimeconfig", without, command, "prog", "run", Kernels + "#primes", "--tier", asked, "--repeat", asked == "auto" ? "100000000" : "1000", "--json"])
            {
                WorkingDirectory = RepositoryFiles.Root,
                RedirectStandardOutput = true,
            };
            using Process process = Process.Start(start)!;
            string output = process.StandardOutput.ReadToEnd();
            Assert.True(process.WaitForExit(60_000), "it does not end");
            JsonElement answer = JsonDocument.Parse(output).RootElement;
            Assert.Equal(tier, answer.GetProperty("tier").GetString());
            Assert.True(asked == "x64" || answer.GetProperty("tier_reason").GetString()!.Contains("no dynamic code", StringComparison.Ordinal), output);
        }
        finally
        {
            File.Delete(without);
        }
    }

    /// <summary>Maps without keys are printed too, those that nobody can list are refused before anything runs, and the answer stays JSON.</summary>
    [Theory]
    [InlineData("vm")]
    [InlineData("kernel")]
    public void What_maps_without_keys_hold_is_printed(string engine)
    {
        if (engine == "kernel")
        {
            Requirements.Kernel();
        }

        string source = Path.GetTempFileName();
        string made = source + ".o";
        string packet = source + ".bin";
        try
        {
            File.WriteAllBytes(packet, new byte[64]);
            File.WriteAllText(source, """
                .license "GPL"
                .map line type queue key 0 value 4 entries 4
                .map ring type ringbuf key 0 value 0 entries 4096
                .map seen type bloom_filter key 0 value 4 entries 4
                .section xdp
                main:
                    *(u32 *)(r10 - 4) = 9
                    r1 = line ll
                    r2 = r10
                    r2 += -4
                    r3 = 0
                    call bpf_map_push_elem
                    r1 = ring ll
                    r2 = r10
                    r2 += -4
                    r3 = 4
                    r4 = 0
                    call bpf_ringbuf_output
                    r0 = 2
                    exit
                """);
            Assert.Equal(0, OsmiaCommand.Run("asm", source, "-o", made).ExitCode);
            (int exitCode, string output, string error) = OsmiaCommand.Run("prog", "run", made, "--engine", engine, "--data-in", packet, "--repeat", "2", "--map-dump", "line", "--map-dump", "ring", "--json");
            Assert.True(exitCode == 0, error + output);
            using JsonDocument json = JsonDocument.Parse(output);
            foreach (string map in (string[])["line", "ring"])
            {
                Assert.Equal(["09000000", "09000000"], json.RootElement.GetProperty("maps").GetProperty(map).EnumerateArray().Select(element => element.GetProperty("value").GetString()));
            }

            (exitCode, output, _) = OsmiaCommand.Run("prog", "run", made, "--engine", engine, "--data-in", packet, "--map-dump", "seen", "--json");
            Assert.Equal(64, exitCode);
            Assert.Contains("nobody can list what a bloom_filter holds", JsonDocument.Parse(output).RootElement.GetProperty("error").GetString(), StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(source);
            File.Delete(made);
            File.Delete(packet);
        }
    }

    [Fact]
    public void A_trap_is_told_with_its_instruction_and_registers()
    {
        string source = Path.GetTempFileName();
        string made = source + ".o";
        try
        {
            File.WriteAllText(source, ".license \"GPL\"\n.section xdp\nwild:\n r2 = 0x1234\n r0 = *(u64 *)(r2 + 8)\n exit\n");
            Assert.Equal(0, OsmiaCommand.Run("asm", source, "-o", made).ExitCode);
            foreach (string tier in (string[])["interpreter", "il", "x64"])
            {
                (int exitCode, _, string error) = OsmiaCommand.Run("prog", "run", made, "--tier", tier);
                Assert.Equal(1, exitCode);
                Assert.Contains("OSM6100: read of 8 bytes at 0x123c", error, StringComparison.Ordinal);
                Assert.Matches(@"at: \(79\) r0 = \*\(u64 \*\)\(r2 \+8\) with .*r2 0x1234", error);
            }

            using JsonDocument json = JsonDocument.Parse(OsmiaCommand.Run("prog", "run", made, "--json").Output);
            Assert.Equal((1, "0x1234"), (json.RootElement.GetProperty("slot").GetInt32(), json.RootElement.GetProperty("registers").GetProperty("r2").GetString()));
        }
        finally
        {
            File.Delete(source);
            File.Delete(made);
        }
    }

    [Fact]
    public void Wrong_words_are_named()
    {
        foreach ((string[] words, string complaint) in new (string[], string)[]
            {
                ([Kernels], "say which program runs, as FILE#NAME"),
                ([Kernels + "#empty", "--map-set", "table:05=07"], "keys of 4 and values of 8 bytes"),
                ([Kernels + "#empty", "--map-dump", "nothing"], "no map 'nothing'"),
                (["samples/hello/hello.bpf.o", "--mode", "verified"], "--mode verified runs packet programs, flow dissectors and socket lookups"),
                ([Kernels + "#emty"], "the closest are empty"),
                ([Kernels + "#hashmap", "--map-dump", "tabel"], "did you mean table?"),
                ([Kernels + "#empty", "--engine", "kernel", "--tier", "il"], "--tier is of the virtual machine"),
                ([Kernels + "#empty", "--engine", "kernel", "--mode", "checked"], "--mode is of the virtual machine"),
                ([Kernels + "#empty", "--data-out", "/no/such/folder/out"], "--data-out /no/such/folder/out: "),
                ([Kernels + "#empty", "--repeat", "0"], "a program runs at least once"),
            })
        {
            (int exitCode, string output, string error) = OsmiaCommand.Run(["prog", "run", .. words]);
            Assert.True(exitCode == (complaint.StartsWith("the closest", StringComparison.Ordinal) ? 1 : 64), $"{string.Join(' ', words)}: {exitCode}");
            Assert.Contains(complaint, error, StringComparison.Ordinal);
            Assert.Empty(output);
        }
    }

    [Fact]
    public void Only_the_program_that_runs_is_loaded()
    {
        Requirements.Kernel();
        // Others of the object are no programs for the kernel.
        (int exitCode, _, string error) = OsmiaCommand.Run("prog", "run", Kernels + "#empty", "--engine", "kernel");
        Assert.Equal(1, exitCode);
        Assert.StartsWith("OSM5022: the test run of program 'empty'", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("95 00 00 00 00 00 00")]
    [InlineData("exit")]
    [InlineData("ff 00 00 00 00 00 00 00")]
    public void The_plug_in_protocol_answers_what_is_no_program_with_exit_code_1(string program)
    {
        (int exitCode, string output, string error) = Feed(program, "11 22", "conformance");
        Assert.Equal((1, ""), (exitCode, output));
        Assert.NotEqual("", error);
    }

    [Fact]
    public void Options_that_would_do_nothing_are_refused()
    {
        foreach ((string words, string complaint) in new (string, string)[]
            {
                ("filter tcp --json", "--json goes with --packets CAPTURE"),
                ("filter tcp --engine kernel", "--engine goes with --packets CAPTURE"),
                ("filter tcp --section xdp --asm", "--section xdp: a filter loads bytes of packets by itself"),
                ("filter tcp --seccomp", "there is no such file, and expressions are about packets"),
                ($"disasm {Kernels} empty --tier il", "--tier goes with --jited"),
            })
        {
            (int exitCode, string output, string error) = OsmiaCommand.Run(words.Split(' '));
            Assert.Equal(64, exitCode);

            // Who asks for JSON gets errors as JSON.
            (string told, string silent) = words.Contains("--json", StringComparison.Ordinal) ? (output, error) : (error, output);
            Assert.Contains(complaint, told, StringComparison.Ordinal);
            Assert.Empty(silent);
        }
    }

    [Theory]
    [InlineData("interpreter")]
    [InlineData("il")]
    public void The_plug_in_protocol_takes_memory_before_the_verb_and_hex_on_standard_input(string tier)
    {
        // r0 = *(u16 *)(r1 + 1); r0 += r2; exit
        const string Program = "69 10 01 00 00 00 00 00 0f 20 00 00 00 00 00 00 95 00 00 00 00 00 00 00\n";
        (int exitCode, string output, string error) = Feed(Program, "11 22 33", "conformance", "--tier", tier);
        Assert.True(exitCode == 0, error);
        Assert.Equal("3325", output.Trim());
        (exitCode, output, error) = Feed("69 10 02 00 00 00 00 00 95 00 00 00 00 00 00 00", "11 22 33", "conformance", "--tier", tier);
        Assert.Equal((1, ""), (exitCode, output));
        Assert.Contains("OSM6100", error, StringComparison.Ordinal);
    }

    [Fact]
    public void The_plug_in_protocol_takes_an_object_too()
    {
        string hex = Convert.ToHexString(File.ReadAllBytes(RepositoryFiles.PathOf("samples", "packets", "packets.bpf.o")));
        (int exitCode, string output, string error) = Feed(hex, "00", "conformance", "--elf");
        Assert.True(exitCode == 0, error);
        Assert.NotEqual("", output);
    }

    private static (int ExitCode, string Output, string Error) Feed(string input, params string[] words)
    {
        using OsmiaCommand command = OsmiaCommand.Start(words);
        command.Feed(input);
        int exitCode = command.WaitForExit();
        return (exitCode, command.Output, command.Error);
    }
}
