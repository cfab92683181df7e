using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Osmia.Bench;

/// <summary>Wall and CPU time of one process and the ones it waited for, in milliseconds.</summary>
internal readonly record struct ProcessTimes(double Wall, double Cpu)
{
    private const int Children = -1;

    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static ProcessTimes Of(string file, params string[] arguments)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            WorkingDirectory = Repository.Root,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        double before = ChildrenCpu();
        long started = Stopwatch.GetTimestamp();
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        double wall = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
        return process.ExitCode == 0
            ? new ProcessTimes(wall, ChildrenCpu() - before)
            : throw new InvalidOperationException($"{file} {string.Join(' ', arguments)} ended with {process.ExitCode}: {errors.Result}");
    }

    public static string? Find(string tool)
    {
        string[] folders = [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':'), "/usr/sbin", "/sbin"];
        return folders.Select(folder => Path.Combine(folder, tool)).FirstOrDefault(File.Exists);
    }

    // Processes run one at a time, so that what all waited-for children used grows by one process.
    private static unsafe double ChildrenCpu()
    {
        long* usage = stackalloc long[18]; // struct rusage: user and system time as seconds and microseconds first.
        return GetResourceUsage(Children, usage) == 0
            ? usage[0] * 1e3 + usage[1] / 1e3 + usage[2] * 1e3 + usage[3] / 1e3
            : throw new InvalidOperationException($"getrusage failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [DllImport("libc", EntryPoint = "getrusage", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern unsafe int GetResourceUsage(int who, long* usage);
}
