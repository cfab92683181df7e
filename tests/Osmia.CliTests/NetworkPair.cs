using System.Diagnostics;
using System.Globalization;

namespace Osmia.Tests;

/// <summary>Two network namespaces of our own with a veth pair between them: 10.77.0.1 on one side, 10.77.0.2 on the other.</summary>
internal sealed class NetworkPair : IDisposable
{
    private static int s_number;

    private readonly string _near;
    private readonly string _far;

    public NetworkPair()
    {
        string id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Interlocked.Increment(ref s_number)}");
        _near = "osmia-a-" + id;
        _far = "osmia-b-" + id;
        Ip("netns", "add", _near);
        Ip("netns", "add", _far);
        Ip("-n", _near, "link", "add", Device, "type", "veth", "peer", "name", Device, "netns", _far);
        foreach ((string name, string address) in ((string, string)[])[(_near, NearAddress), (_far, FarAddress)])
        {
            Ip("-n", name, "addr", "add", address + "/24", "dev", Device);
            Ip("-n", name, "link", "set", "lo", "up");
            Ip("-n", name, "link", "set", Device, "up");
        }
    }

    public const string Device = "veth-osmia";
    public const string NearAddress = "10.77.0.1";
    public const string FarAddress = "10.77.0.2";

    /// <summary>What runs a command on the side that sends.</summary>
    public string[] Near => ["ip", "netns", "exec", _near];

    /// <summary>What runs a command on the side that receives.</summary>
    public string[] Far => ["ip", "netns", "exec", _far];

    public void Dispose()
    {
        foreach (string name in (string[])[_near, _far])
        {
            using Process process = Start("netns", "delete", name);
            process.WaitForExit();
        }
    }

    private static void Ip(params string[] arguments)
    {
        using Process process = Start(arguments);
        string error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {string.Join(' ', arguments)}: {error}");
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
}
