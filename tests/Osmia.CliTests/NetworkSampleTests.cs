using System.Text.Json;

namespace Osmia.Tests;

/// <summary>The samples that judge packets and connections, attached in namespaces and cgroups of the test's own.</summary>
public class NetworkSampleTests
{
    private const int Datagrams = 13;
    private const int Port = 9999;
    private static readonly string s_send = $"for i in $(seq {Datagrams}); do echo $i > /dev/udp/{NetworkPair.FarAddress}/{Port}; done";

    [Fact]
    public void Packets_counts_datagrams_on_a_veth_device()
    {
        NeedsNetwork();
        using var pair = new NetworkPair();
        using SampleRun run = Receive(pair, "packets", []);
        Assert.Equal(Datagrams, Packets(run.MapEntries("protocols"), "UDP"));
        JsonElement source = run.MapEntries("sources4").Single(entry => Text(entry.GetProperty("key")).Contains(NetworkPair.NearAddress, StringComparison.Ordinal));
        Assert.InRange(source.GetProperty("value").GetProperty("packets").GetInt64(), Datagrams, Datagrams + 20);
    }

    [Fact]
    public void Firewall_drops_datagrams_to_a_port_of_its_map()
    {
        NeedsNetwork();
        using var pair = new NetworkPair();
        using SampleRun run = Receive(pair, "firewall", ["--map", $"blocked_ports:{Port}=2"]);
        Assert.Equal(Datagrams, Packets(run.MapEntries("rules"), "RULE_BLOCKED_PORT"));
    }

    [Fact]
    public void Tail_calls_reach_the_program_of_the_protocol()
    {
        NeedsNetwork();
        using var pair = new NetworkPair();
        using SampleRun run = Receive(pair, "tail", []);
        const int slotUdp = 1;
        JsonElement udp = run.MapEntries("counts").Single(entry => entry.GetProperty("key").GetInt32() == slotUdp);
        Assert.Equal(Datagrams, udp.GetProperty("value").GetProperty("packets").GetInt64());
    }

    [Fact]
    public void Connect_guard_refuses_connections_to_a_port_of_its_map()
    {
        Requirements.Kernel();
        using ChildCgroup cgroup = ChildCgroup.Create();
        // A refused connect fails with EPERM; nothing listens on the other port, so it fails with ECONNREFUSED.
        string connect = $"for i in $(seq {Datagrams}); do : < /dev/tcp/127.0.0.1/{Port}; done; : < /dev/tcp/127.0.0.1/9998";
        using var workload = new Workload($"echo $$ > {cgroup.Path}/cgroup.procs; exec 2>&1; {connect}");
        using var run = new SampleRun("connect-guard", ["--cgroup", cgroup.Path, "--map", $"refused_ports:{Port}=0"]);
        string output = workload.Run();
        run.Stop();
        Assert.Equal(Datagrams, output.Split('\n').Count(line => line.EndsWith("Operation not permitted", StringComparison.Ordinal) && line.Contains("connect", StringComparison.Ordinal)));
        List<JsonElement> events = run.Records("verdict");
        Assert.Equal(Datagrams, events.Count(e => Text(e.GetProperty("verdict")) == "REFUSED"));
        Assert.Equal(1, events.Count(e => Text(e.GetProperty("verdict")) == "ALLOWED"));
        Assert.All(events, e => Assert.Equal("127.0.0.1", Text(e.GetProperty("addr"))));
        Assert.Equal(Datagrams, Assert.Single(run.MapEntries("refused_ports")).GetProperty("value").GetInt64());
    }

    private static void NeedsNetwork()
    {
        Requirements.Kernel();
        Requirements.Command("ip", "-V");
    }

    private static SampleRun Receive(NetworkPair pair, string sample, string[] options)
    {
        var run = new SampleRun(sample, ["--dev", NetworkPair.Device, .. options], pair.Far);
        using var sender = new Workload(s_send, pair.Near);
        sender.Run();
        run.Stop();
        return run;
    }

    private static long Packets(List<JsonElement> entries, string key) =>
        entries.Single(entry => Text(entry.GetProperty("key")) == key).GetProperty("value").GetProperty("packets").GetInt64();

    private static string Text(JsonElement element) => element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
}
