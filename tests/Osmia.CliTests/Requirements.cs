using System.Diagnostics;

namespace Osmia.Tests;

/// <summary>What a test needs from the machine; without it the test is skipped by that name.</summary>
internal static class Requirements
{
    public static void Kernel()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "needs Linux and root");
        Assert.SkipUnless(File.Exists("/sys/kernel/btf/vmlinux"), "needs kernel BTF");
    }

    public static void Tracefs() =>
        Assert.SkipUnless(Directory.Exists("/sys/kernel/tracing/events") || Directory.Exists("/sys/kernel/debug/tracing/events"), "needs tracefs mounted");

    public static void Command(string name, params string[] probe)
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo(name, probe) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            process.WaitForExit(10_000);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Skip($"needs {name}");
        }
    }
}
