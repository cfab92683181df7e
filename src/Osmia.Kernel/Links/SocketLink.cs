using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>A program on a socket that somebody else owns: its filter, or the chooser of its SO_REUSEPORT group.</summary>
internal static unsafe class SocketLink
{
    private const int SocketLevel = 1;
    private const int AttachFilter = 50;
    private const int DetachFilter = 27;
    private const int AttachReuseport = 52;
    private const int DetachReuseport = 68;

    public static KernelLink Attach(KernelProgram program, SocketTarget target)
    {
        bool isChooser = program.Type == ProgramType.SkReuseport;
        int result = Set(target.Socket, isChooser ? AttachReuseport : AttachFilter, program.Handle.Descriptor);
        if (result == 0)
        {
            GC.KeepAlive(program);
            return new DetachedLink(program, target, () => Detach(target.Socket, isChooser ? DetachReuseport : DetachFilter));
        }

        (string? why, string? remedy) = -result switch
        {
            88 => ("the descriptor is not a socket", (string?)null),
            Errno.EINVAL when isChooser => ("the socket is not in a group: SO_REUSEPORT was not set before it was bound", "set SO_REUSEPORT on the socket, then bind it"),
            Errno.EPERM => ("the socket's filter is locked (SO_LOCK_FILTER)", null),
            _ => (null, null),
        };
        throw KernelLink.Refused(program, target, isChooser ? "setsockopt(SO_ATTACH_REUSEPORT_EBPF)" : "setsockopt(SO_ATTACH_BPF)", result, why, remedy);
    }

    /// <summary>A socket that was closed before took the program with it.</summary>
    private static void Detach(SafeHandle socket, int option)
    {
        if (!socket.IsClosed)
        {
            _ = Set(socket, option, 0);
        }
    }

    private static int Set(SafeHandle socket, int option, int value)
    {
        bool isHeld = false;
        try
        {
            socket.DangerousAddRef(ref isHeld);
            return Libc.SetSocketOption((int)socket.DangerousGetHandle(), SocketLevel, option, &value, sizeof(int)) < 0 ? -Marshal.GetLastPInvokeError() : 0;
        }
        finally
        {
            if (isHeld)
            {
                socket.DangerousRelease();
            }
        }
    }
}
