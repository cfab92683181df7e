using System.Globalization;

namespace Osmia.Tests;

/// <summary>A child of the cgroup v2 hierarchy that the test made and removes.</summary>
internal sealed class ChildCgroup : IDisposable
{
    private ChildCgroup(string path) => Path = path;

    public string Path { get; }

    /// <summary>Makes one, or skips the test when there is no cgroup v2 hierarchy.</summary>
    public static ChildCgroup Create()
    {
        string? mount = File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - cgroup2 ", StringComparison.Ordinal)).Select(line => line.Split(' ')[4]).FirstOrDefault();
        Assert.SkipWhen(mount is null, "needs a cgroup v2 mount");
        string path = System.IO.Path.Combine(mount!, string.Create(CultureInfo.InvariantCulture, $"osmia-test-{Environment.ProcessId}-{Guid.NewGuid():n}"));
        Directory.CreateDirectory(path);
        return new ChildCgroup(path);
    }

    public void Dispose()
    {
        // A process that has just ended leaves its cgroup a moment later.
        for (int attempt = 0; Directory.Exists(Path); attempt++)
        {
            try
            {
                Directory.Delete(Path);
            }
            catch (IOException) when (attempt < 50)
            {
                Thread.Sleep(20);
            }
        }
    }
}
