using System.Globalization;
using System.Runtime.Versioning;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>A child cgroup that is made, entered for a moment, left and removed.</summary>
[SupportedOSPlatform("linux")]
internal sealed class VisitedCgroup : IDisposable
{
    private readonly string _home;

    public VisitedCgroup()
    {
        string root = KernelTest.CgroupRootOrSkip();
        string own = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
        _home = root + own.TrimEnd('/');
        Directory = Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"osmia-visit-{Environment.ProcessId}-{Guid.NewGuid():n}"));
        System.IO.Directory.CreateDirectory(Directory);
    }

    public string Directory { get; }

    public void Visit(Action action)
    {
        Move(Directory);
        try
        {
            action();
        }
        finally
        {
            Move(_home);
        }
    }

    public void Dispose() => KernelTest.Eventually(() =>
    {
        try
        {
            System.IO.Directory.Delete(Directory);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }, "the cgroup is empty");

    private static void Move(string cgroup) => File.WriteAllText(Path.Combine(cgroup, "cgroup.procs"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
}
