using System.Runtime.InteropServices;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel;

/// <summary>
/// Rights that the machine's owner hands to a user namespace by a BPF file system mounted with <c>delegate_cmds</c>, <c>delegate_maps</c>,
/// <c>delegate_progs</c> and <c>delegate_attachs</c> (Linux 6.9). A process there opens the engine with it and needs no capability outside of its namespace.
/// </summary>
public sealed class BpfToken : IDisposable
{
    private BpfToken(BpfHandle handle) => Handle = handle;

    public BpfHandle Handle { get; }

    /// <exception cref="KernelException">OSM5004: the file system delegates nothing, or the process is not in its user namespace.</exception>
    public static BpfToken Create(string fileSystem = KernelEngine.DefaultPinDirectory)
    {
        int directory = Libc.Open(fileSystem, Libc.OpenReadOnly | Libc.OpenDirectory | Libc.OpenCloseOnExec, 0);
        if (directory < 0)
        {
            throw Refusal.Of("OSM5004", $"no BPF token can be had from '{fileSystem}'", "open", -Marshal.GetLastPInvokeError(), remedy: "name the root directory of a BPF file system mounted with delegate_* options");
        }

        using var opened = new BpfHandle(directory);
        var attributes = new TokenCreateAttributes { FileSystemFd = opened.Descriptor };
        int fd = BpfSyscall.Call(BpfCommand.TokenCreate, ref attributes);
        return fd >= 0 ? new BpfToken(new BpfHandle(fd))
            : throw Refusal.Of("OSM5004", $"no BPF token can be had from '{fileSystem}'", "bpf(BPF_TOKEN_CREATE)", fd, why: -fd switch
            {
                Errno.EINVAL => "it is not the root of a BPF file system, or the kernel is older than 6.9",
                Errno.ENOENT => "the file system was mounted without delegate_* options",
                Errno.EOPNOTSUPP => "tokens are for user namespaces; this process is in the first one",
                Errno.EPERM => "the file system belongs to another user namespace, or the process lacks CAP_BPF in its own",
                _ => null,
            }, remedy: "mount it for the namespace: mount -t bpf -o delegate_cmds=any,delegate_maps=any,delegate_progs=any,delegate_attachs=any");
    }

    public void Dispose() => Handle.Dispose();
}
