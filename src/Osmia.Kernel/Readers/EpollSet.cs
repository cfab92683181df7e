using System.Runtime.InteropServices;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Readers;

/// <summary>Waits for any of several descriptors to become readable.</summary>
internal sealed unsafe class EpollSet : IDisposable
{
    private const int EventsPerWait = 64;

    // struct epoll_event is packed to 12 bytes on x86-64 and has 16 elsewhere; nobody here reads the user data, so room for the larger one is enough.
    private const int EventSize = 16;

    private readonly string _mapName;
    private readonly BpfHandle _epoll;

    public EpollSet(string mapName)
    {
        _mapName = mapName;
        int fd = Libc.EpollCreate(Libc.EpollCloseOnExec);
        _epoll = fd >= 0 ? new BpfHandle(fd) : throw Failed("epoll_create1");
    }

    public void Add(BpfHandle handle)
    {
        Span<byte> bytes = stackalloc byte[EventSize];
        bytes.Clear();
        MemoryMarshal.Write(bytes, (uint)Libc.PollIn);
        fixed (byte* pointer = bytes)
        {
            if (Libc.EpollControl(_epoll.Descriptor, Libc.EpollAdd, handle.Descriptor, pointer) < 0)
            {
                throw Failed("epoll_ctl");
            }
        }
    }

    /// <returns>False after the timeout, or when a signal came; negative timeouts wait without end.</returns>
    public bool Wait(TimeSpan timeout)
    {
        byte* events = stackalloc byte[EventsPerWait * EventSize];
        double milliseconds = Math.Ceiling(timeout.TotalMilliseconds);
        int count = Libc.EpollWait(_epoll.Descriptor, events, EventsPerWait, milliseconds < 0 ? -1 : (int)Math.Min(milliseconds, int.MaxValue));
        return count >= 0 ? count > 0 : Marshal.GetLastPInvokeError() == Errno.EINTR ? false : throw Failed("epoll_wait");
    }

    public void Dispose() => _epoll.Dispose();

    private Objects.Diagnostics.KernelException Failed(string call) =>
        Refusal.Of("OSM5018", $"the records of map '{_mapName}' cannot be waited for", call, -Marshal.GetLastPInvokeError());
}
