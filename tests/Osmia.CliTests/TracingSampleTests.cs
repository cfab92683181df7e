using System.Text.Json;

namespace Osmia.Tests;

/// <summary>The samples that trace print exactly what a known workload did. The number of events is a prime, so that doubling and batching show.</summary>
[Collection("hello is loaded once at a time")]
public class TracingSampleTests
{
    private const int Events = 13;

    [Fact]
    public void Execsnoop_prints_every_exec_of_one_parent_and_no_other()
    {
        NeedsTracing();
        using var workload = new Workload($"for i in $(seq {Events}); do /bin/true number $i; done");
        List<JsonElement> events = Trace("execsnoop", ["--targ_ppid", workload.PidText], workload, "pid");
        Assert.Equal(Enumerable.Range(1, Events).Select(i => $"/bin/true number {i}"), events.Where(e => Text(e, "comm") == "true").Select(e => Text(e, "args")));
        Assert.All(events, e => Assert.Equal(workload.Pid, e.GetProperty("ppid").GetInt32()));
    }

    [Fact]
    public void Opensnoop_prints_every_failed_open_of_one_process()
    {
        NeedsTracing();
        using var workload = new Workload($"for i in $(seq {Events}); do : < /nonexistent/osmia-$i; done 2>/dev/null");
        List<JsonElement> events = Trace("opensnoop", ["--targ-pid", workload.PidText, "--targ-failed"], workload, "path");
        IEnumerable<JsonElement> ours = events.Where(e => Text(e, "path").StartsWith("/nonexistent/osmia-", StringComparison.Ordinal));
        Assert.Equal(Enumerable.Range(1, Events).Select(i => $"/nonexistent/osmia-{i}"), ours.Select(e => Text(e, "path")));
        Assert.All(events, e => Assert.Equal(workload.Pid, e.GetProperty("pid").GetInt32()));
        Assert.All(ours, e => Assert.Equal(-2, e.GetProperty("ret").GetInt32()));
    }

    [Theory]
    [InlineData("hello-ring")]
    [InlineData("hello-perf")]
    public void Hello_prints_the_configured_message_for_every_exec_of_a_process(string sample)
    {
        NeedsTracing();
        // Each exec replaces the shell itself, so the program sees the one process id.
        using var workload = new Workload(ExecChain(Events));
        List<JsonElement> events = Trace(sample, ["--targ_pid", workload.PidText, "--map", "config:0=Hi root"], workload, "message");
        Assert.Equal(Events, events.Count);
        Assert.All(events, e => Assert.Equal("Hi root", Text(e, "message")));
    }

    [Fact]
    public void Hello_counts_the_execs_of_a_process_per_user()
    {
        NeedsTracing();
        using var workload = new Workload(ExecChain(Events));
        using SampleRun run = Around("hello", ["--targ_pid", workload.PidText], workload);
        List<JsonElement> map = run.MapEntries("execs");
        JsonElement entry = Assert.Single(map);
        Assert.Equal(Events, entry.GetProperty("value").GetInt64());
    }

    [Fact]
    public void Sampleip_samples_one_busy_process()
    {
        NeedsTracing();
        using var workload = new Workload("end=$((SECONDS+2)); while [ $SECONDS -lt $end ]; do :; done");
        using SampleRun run = Around("sampleip", ["--targ_pid", workload.PidText], workload);
        List<JsonElement> user = run.MapEntries("user_ips");
        long samples = user.Sum(entry => entry.GetProperty("value").GetInt64());
        // Between one and two seconds of work at 99 Hz, in user or kernel mode; the machine may be shared.
        Assert.InRange(samples, 5, 250);
        Assert.All(user, entry => Assert.Equal(workload.Pid, entry.GetProperty("key").GetProperty("pid").GetInt32()));
    }

    [Fact]
    public void Runqlat_counts_the_waits_of_one_process()
    {
        NeedsTracing();
        using var workload = new Workload($"for i in $(seq {Events}); do sleep 0.01; done");
        using SampleRun run = Around("runqlat", ["--targ_tgid", workload.PidText], workload);
        List<JsonElement> map = run.MapEntries("run_queue");
        long waits = map.Sum(entry => entry.GetProperty("value").GetProperty("slots").EnumerateArray().Sum(slot => slot.GetInt64()));
        // The shell is woken at least once for each child it waits for.
        Assert.InRange(waits, Events, 100 * Events);
    }

    /// <summary>A script that replaces its own process by the next step, <paramref name="length"/> times: many execs of one process id.</summary>
    private static string ExecChain(int length)
    {
        string script = Path.Combine(Directory.CreateTempSubdirectory("osmia-").FullName, "chain.sh");
        File.WriteAllText(script, "n=$(($1 - 1))\n[ $n -gt 0 ] && exec /bin/bash \"$0\" $n\nrm -r \"${0%/*}\"\nexit 0\n");
        return $"exec /bin/bash {script} {length}";
    }

    private static void NeedsTracing()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
    }

    /// <summary>Runs a sample around a workload and gives its records: the JSON lines that have a property.</summary>
    private static List<JsonElement> Trace(string sample, string[] options, Workload workload, string property)
    {
        using SampleRun run = Around(sample, [.. options, "--no-maps"], workload);
        Assert.Contains(" 0 lost", run.Error, StringComparison.Ordinal);
        return run.Records(property);
    }

    private static SampleRun Around(string sample, string[] options, Workload workload)
    {
        var run = new SampleRun(sample, options);
        workload.Run();
        run.Stop();
        return run;
    }

    private static string Text(JsonElement element, string property) => element.GetProperty(property).GetString()!;
}
