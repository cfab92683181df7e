using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace Osmia.Tests.Kernel;

/// <summary>A shell of the test's own that waits for a word before it does its known work, so that programs can be set to its process number first.</summary>
internal sealed class Workload : IDisposable
{
    private readonly Process _shell;

    public Workload(string script)
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "needs bash");
        _shell = Process.Start(new ProcessStartInfo("/bin/bash", ["-c", $"read line; {script}"]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
    }

    public int Pid => _shell.Id;

    /// <summary>Lets it work, and returns what it printed once it has ended.</summary>
    public string Finish()
    {
        _shell.StandardInput.WriteLine();
        string output = _shell.StandardOutput.ReadToEnd();
        _shell.WaitForExit();
        return output;
    }

    /// <summary>Lets it work, without waiting for its end.</summary>
    public void Begin() => _shell.StandardInput.WriteLine();

    public string? ReadLine() => _shell.StandardOutput.ReadLine();

    public void Dispose()
    {
        if (!_shell.HasExited)
        {
            _shell.Kill();
            _shell.WaitForExit();
        }

        _shell.Dispose();
    }
}

/// <summary>A child cgroup that is removed again, after a failure too.</summary>
[SupportedOSPlatform("linux")]
internal sealed class ChildCgroup : IDisposable
{
    private static int s_count;

    public ChildCgroup()
    {
        Directory = Path.Combine(KernelTest.CgroupRootOrSkip(), string.Create(CultureInfo.InvariantCulture, $"osmia-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}"));
        System.IO.Directory.CreateDirectory(Directory);
    }

    public string Directory { get; }

    public string Run(string script)
    {
        using var workload = new Workload(script);
        File.WriteAllText(Path.Combine(Directory, "cgroup.procs"), workload.Pid.ToString(CultureInfo.InvariantCulture));
        return workload.Finish();
    }

    public void Dispose() => KernelTest.Eventually(TryRemove, $"{Directory} is empty");

    private bool TryRemove()
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
    }
}
