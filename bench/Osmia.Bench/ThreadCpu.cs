using System.Runtime.InteropServices;

namespace Osmia.Bench;

/// <summary>CPU time of the calling thread: what a busy machine does meanwhile does not count.</summary>
internal static class ThreadCpu
{
    private const int ThreadClock = 3; // CLOCK_THREAD_CPUTIME_ID

    public static double Milliseconds(Action action)
    {
        double before = Now();
        action();
        return Now() - before;
    }

    public static unsafe double Now()
    {
        long* time = stackalloc long[2];
        return GetTime(ThreadClock, time) == 0
            ? time[0] * 1e3 + time[1] / 1e6
            : throw new InvalidOperationException($"clock_gettime failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [DllImport("libc", EntryPoint = "clock_gettime", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern unsafe int GetTime(int clock, long* time);
}
