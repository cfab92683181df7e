using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>Every option of <c>osmia run</c>, on a uprobe of a small program of our own: its pid is the only one looked at.</summary>
public sealed class RunOptionTests : IDisposable
{
    private const int Calls = 13;
    private static readonly Lazy<(string Object, string Worker)?> s_built = new(Build);

    private readonly Process? _worker;

    public RunOptionTests()
    {
        if (s_built.Value is { } built)
        {
            string[] arguments = [Calls.ToString(CultureInfo.InvariantCulture)];
            _worker = Process.Start(new ProcessStartInfo(built.Worker, arguments) { RedirectStandardInput = true });
        }
    }

    public void Dispose()
    {
        if (_worker is { HasExited: false })
        {
            _worker.Kill();
            _worker.WaitForExit();
        }

        _worker?.Dispose();
    }

    [Fact]
    public void Records_are_decoded_with_the_values_that_options_set()
    {
        using OsmiaCommand osmia = Run("--event", "call", "--json", "--targ-level", "HIGH", "--targ_ports", "[1, 20]", "--targ-label", "a b", "--scale", "2", "--set", "count=3");
        List<JsonElement> lines = Lines(osmia);
        JsonElement[] records = [.. lines.Where(line => line.TryGetProperty("took", out _))];
        Assert.Equal(Calls, records.Length);
        Assert.All(records, record => Assert.Equal(
            $$"""{"took":1500,"pid":{{_worker!.Id}},"level":"HIGH","port":43,"label":"a b"}""", record.GetRawText()));
        JsonElement histogram = lines.Single(line => line.TryGetProperty("map", out _)).GetProperty("entries")[0].GetProperty("histogram");
        Assert.Equal(Calls, histogram[3].GetProperty("count").GetInt32());
    }

    [Fact]
    public void A_built_in_option_wins_over_a_variable_of_the_same_name()
    {
        using OsmiaCommand osmia = Run("--event", "call", "--count", "2", "--no-maps");
        _worker!.StandardInput.WriteLine();
        Assert.Equal(0, osmia.WaitForExit());
        Assert.Equal(["TOOK PID LEVEL PORT LABEL", $"1.500 ms {_worker.Id} LOW 450 plain", $"1.500 ms {_worker.Id} LOW 450 plain"],
            osmia.OutputLines.Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        Assert.Contains("detached: 2 records", osmia.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tagged_histogram_names_its_unit_and_interval_prints_the_time()
    {
        using OsmiaCommand osmia = Run("--targ-silent", "--interval", "200ms");
        _worker!.StandardInput.WriteLine();
        Thread.Sleep(1000);
        osmia.Terminate();
        Assert.Equal(0, osmia.WaitForExit());
        Assert.Contains("     usecs               : count     distribution", osmia.OutputLines);
        Assert.True(osmia.OutputLines.Count(line => TimeOnly.TryParseExact(line, "HH:mm:ss", CultureInfo.InvariantCulture, DateTimeStyles.None, out _)) >= 2, osmia.Output);
        Assert.Contains("detached: 0 records", osmia.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_struct_that_does_not_exist_is_refused_before_anything_is_attached()
    {
        using OsmiaCommand osmia = Start("--event", "nope");
        Assert.Equal(1, osmia.WaitForExit());
        Assert.StartsWith("OSM1102", osmia.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_reader_that_leaves_ends_the_run()
    {
        Needs();
        (string file, string worker) = s_built.Value!.Value;
        string pid = _worker!.Id.ToString(CultureInfo.InvariantCulture);
        string line = $"{RepositoryFiles.PathOf("osmia")} run {file} --path {worker} --pid {pid} --interval 200ms --duration 50s 2> /dev/null | head -n 2 > /dev/null; exit ${{PIPESTATUS[0]}}";
        using Process shell = Process.Start(new ProcessStartInfo("bash", ["-c", line]) { RedirectStandardError = true })!;
        // The maps printed after those lines meet a closed pipe.
        Assert.True(shell.WaitForExit(TimeSpan.FromSeconds(20)), "the run went on without a reader");
        Assert.Equal(0, shell.ExitCode);
        Assert.Empty(shell.StandardError.ReadToEnd());
    }

    [Fact]
    public void Help_lists_every_variable_with_its_type()
    {
        Needs();
        (int exitCode, string output, string _) = OsmiaCommand.Run("run", s_built.Value!.Value.Object, "--help");
        Assert.Equal(0, exitCode);
        Assert.Contains("--targ-level, --targ_level <enum level>", output, StringComparison.Ordinal);
        Assert.Contains("--targ-ports, --targ_ports <__u32[4]>", output, StringComparison.Ordinal);
        Assert.Contains("--scale <__u32>", output, StringComparison.Ordinal);
        Assert.DoesNotContain("const volatile", output, StringComparison.Ordinal);
    }

    /// <summary>Starts the run and waits until it is attached.</summary>
    private OsmiaCommand Run(params string[] options)
    {
        OsmiaCommand osmia = Start(options);
        osmia.WaitForError("attached");
        return osmia;
    }

    private OsmiaCommand Start(params string[] options)
    {
        Needs();
        (string file, string worker) = s_built.Value!.Value;
        return OsmiaCommand.Start(["run", file, "--path", worker, "--pid", _worker!.Id.ToString(CultureInfo.InvariantCulture), "--duration", "40s", .. options]);
    }

    private List<JsonElement> Lines(OsmiaCommand osmia)
    {
        _worker!.StandardInput.WriteLine();
        _worker.WaitForExit();
        Thread.Sleep(500);
        osmia.Interrupt();
        Assert.Equal(0, osmia.WaitForExit());
        return [.. osmia.OutputLines.Select(line => JsonDocument.Parse(line).RootElement)];
    }

    private static void Needs()
    {
        Requirements.Kernel();
        Assert.SkipWhen(s_built.Value is null, "needs clang-19");
    }

    private static (string Object, string Worker)? Build()
    {
        if (!ReferenceTool.Exists("clang-19"))
        {
            return null;
        }

        string folder = Directory.CreateTempSubdirectory("osmia-run-").FullName;
        string source = RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Sources");
        (string calls, string worker) = (Path.Combine(folder, "calls.bpf.o"), Path.Combine(folder, "worker"));
        ReferenceTool.Run("clang-19", ["-target", "bpf", "-mcpu=v3", "-g", "-O2", "-Wall", "-c", Path.Combine(source, "calls.bpf.c"), "-o", calls]);
        ReferenceTool.Run("clang-19", ["-O1", "-Wall", Path.Combine(source, "worker.c"), "-o", worker]);
        return (calls, worker);
    }
}
