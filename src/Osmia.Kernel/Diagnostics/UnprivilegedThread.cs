using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Diagnostics;

/// <summary>Runs something as a user without rights would: on a thread of its own that has given its capabilities away.</summary>
public static unsafe class UnprivilegedThread
{
    private const uint Version3 = 0x20080522;

    /// <summary>Waits for the end; what is thrown there is thrown here.</summary>
    public static void Run(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                // A header (version, this thread), then two words each of effective, permitted and inheritable, all zero.
                uint* header = stackalloc uint[] { Version3, 0 };
                uint* none = stackalloc uint[6];
                new Span<uint>(none, 6).Clear();
                if (Libc.SetCapabilities(header, none) != 0)
                {
                    throw Refusal.Of("OSM5040", "the rights of a thread cannot be given away", "capset", -Marshal.GetLastPInvokeError());
                }

                action();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
