using Microsoft.Win32.SafeHandles;

namespace Osmia.Kernel.Syscalls;

/// <summary>Owns one kernel descriptor: a map, program, link, BTF, perf event, socket or directory.</summary>
public sealed class BpfHandle : SafeHandleMinusOneIsInvalid
{
    internal BpfHandle(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>The number; valid while this object is reachable and not disposed.</summary>
    /// <exception cref="ObjectDisposedException">The descriptor was closed.</exception>
    public int Descriptor
    {
        get
        {
            ObjectDisposedException.ThrowIf(IsClosed, this);
            return (int)handle;
        }
    }

    /// <summary>Nothing depends on when it is closed, and closing takes the kernel long: <see cref="Dispose"/> of its owner may leave it to <see cref="LateClosing"/>.</summary>
    internal bool MayLinger { get; set; }

    protected override bool ReleaseHandle() => Libc.Close((int)handle) == 0;
}
