using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>Processes that are killed, and processes that share what is pinned.</summary>
[Collection("hello is loaded once at a time")]
public class FaultTests
{
    private const int Execs = 20;

    [Fact]
    public void Killed_readers_leave_nothing_attached_but_the_map_that_both_shared_by_its_pin()
    {
        Requirements.Kernel();
        Assert.SkipUnless(File.ReadLines("/proc/self/mounts").Any(line => line.Contains(" /sys/fs/bpf bpf ", StringComparison.Ordinal)), "needs a BPF file system at /sys/fs/bpf");
        string name = string.Create(CultureInfo.InvariantCulture, $"osmia_{Environment.ProcessId % 100000}");
        string pin = "/sys/fs/bpf/" + name;
        string folder = Directory.CreateTempSubdirectory("osmia-fault-").FullName;
        try
        {
            string source = Path.Combine(folder, "shared.s");
            string file = Path.Combine(folder, "shared.bpf.o");
            File.WriteAllText(source, File.ReadAllText(RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Sources", "shared.s")).Replace("NAME", name, StringComparison.Ordinal));
            Assert.Equal("", OsmiaCommand.Run("asm", source, "-o", file).Error);
            using OsmiaCommand first = OsmiaCommand.Start(["run", file, "--duration", "50s"]);
            first.WaitForError("attached");
            using OsmiaCommand second = OsmiaCommand.Start(["run", file, "--duration", "50s"]);
            second.WaitForError("attached");
            Assert.Equal(2, Programs());
            for (int i = 0; i < Execs; i++)
            {
                using Process process = Process.Start("true");
                process.WaitForExit();
            }

            // Each exec was counted by the program of either process in the one map.
            long counted = Count(name);
            Assert.InRange(counted, 2 * Execs, long.MaxValue);

            first.Kill();
            second.Kill();
            for (int i = 0; i < 100 && Programs() > 0; i++)
            {
                Thread.Sleep(50);
            }

            Assert.Equal(0, Programs());
            Assert.DoesNotContain("sched_process_exec", OsmiaCommand.Run("link", "list", "-j").Output, StringComparison.Ordinal);
            Assert.InRange(Count(name), counted, long.MaxValue);
            File.Delete(pin);
            for (int i = 0; i < 100 && Maps(name) > 0; i++)
            {
                Thread.Sleep(50);
            }

            Assert.Equal(0, Maps(name));
        }
        finally
        {
            File.Delete(pin);
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int Programs() => Listed("prog").Count(program => program.GetProperty("name").GetString() == "count_exec_s");

    private static int Maps(string name) => Listed("map").Count(map => map.GetProperty("name").GetString() == name);

    private static long Count(string name)
    {
        JsonElement map = Listed("map").Single(map => map.GetProperty("name").GetString() == name);
        (int exitCode, string output, string error) = OsmiaCommand.Run("map", "dump", "id", map.GetProperty("id").GetInt32().ToString(CultureInfo.InvariantCulture), "-j");
        Assert.True(exitCode == 0, error);

        // Bytes of an untyped value, lowest first.
        JsonElement value = JsonDocument.Parse(output).RootElement[0].GetProperty("value");
        return value.EnumerateArray().Select((part, index) => Convert.ToInt64(part.GetString(), 16) << (8 * index)).Sum();
    }

    private static List<JsonElement> Listed(string kind) => [.. JsonDocument.Parse(OsmiaCommand.Run(kind, "list", "-j").Output).RootElement.EnumerateArray()];
}
