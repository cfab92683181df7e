using System.Collections.Concurrent;

namespace Osmia.Kernel.Syscalls;

/// <summary>
/// Closes descriptors a moment later, on a thread of its own: perf events of tracepoints, whose end the kernel lets wait for a grace period each, one after
/// another, long after their programs were detached. What is left at the end of the process the kernel closes.
/// </summary>
internal static class LateClosing
{
    // More than these and a caller closes by itself: descriptors are not without end.
    private const int Most = 64;

    private static readonly BlockingCollection<BpfHandle> s_queue = new(Most);
    private static int s_isStarted;

    /// <returns>False when the caller must close the handle.</returns>
    public static bool Take(BpfHandle handle)
    {
        if (Interlocked.Exchange(ref s_isStarted, 1) == 0)
        {
            new Thread(Work, 128 * 1024) { IsBackground = true, Name = "osmia closes perf events" }.Start();
        }

        return s_queue.TryAdd(handle);
    }

    private static void Work()
    {
        foreach (BpfHandle handle in s_queue.GetConsumingEnumerable())
        {
            handle.Dispose();
        }
    }
}
