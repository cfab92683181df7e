using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Attachments and programs that live on under a name of the BPF file system, and what takes their place when a new version comes.</summary>
public static class PinnedLinks
{
    /// <summary>Attaches a program and pins its link, so that it stays attached when this process ends; removing the file detaches it.</summary>
    /// <param name="policy">
    /// When a link is pinned there already: <see cref="PinPolicy.Fail"/>; <see cref="PinPolicy.Recreate"/> detaches it and attaches anew;
    /// <see cref="PinPolicy.Migrate"/> puts the program into the living link, so that nothing passes between the two.
    /// </param>
    /// <exception cref="KernelException">OSM5026: a link is pinned there, or this one cannot be; or what attaching throws.</exception>
    public static KernelLink AttachPinned(this KernelEngine engine, KernelProgram program, AttachTarget target, string path, PinPolicy policy = PinPolicy.Fail)
    {
        ArgumentNullException.ThrowIfNull(engine);
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(target);
        int existing = BpfSyscall.GetPinned(path);
        if (existing >= 0)
        {
            var pinned = new KernelLink(program, target, new BpfHandle(existing));
            switch (policy)
            {
                case PinPolicy.Migrate:
                    return Migrated(pinned, program);
                case PinPolicy.Recreate:
                    File.Delete(path);
                    pinned.Dispose();
                    break;
                default:
                    string what = pinned.Id() is { } id ? $"link {id} with program {pinned.Describe().ProgramId}" : "another kind of object";
                    pinned.Dispose();
                    throw Refused(target, path, -Errno.EEXIST, $"{what} is pinned there", "remove the file to detach it, or attach with PinPolicy.Recreate or Migrate");
            }
        }

        var link = (KernelLink)engine.Attach(program, target);
        int result = link.LinkHandle() is { } handle ? BpfSyscall.Pin(handle.Descriptor, path) : -Errno.EOPNOTSUPP;
        if (result < 0)
        {
            link.Dispose();
            throw Refused(target, path, result, -result switch
            {
                Errno.EOPNOTSUPP => "it is not held by a bpf_link, and only those can be pinned",
                Errno.EINVAL or Errno.EPERM or Errno.ENOENT => $"{Path.GetDirectoryName(path)} must be a directory of a mounted BPF file system that this process may write",
                _ => null,
            });
        }

        return link;
    }

    /// <summary>Gives a program a name by which it lives on, to be attached or called by others.</summary>
    /// <param name="policy">When there is such a file: anything but <see cref="PinPolicy.Fail"/> gives its name to this program, by a rename.</param>
    /// <exception cref="KernelException">OSM5026.</exception>
    public static void Pin(this KernelProgram program, string path, PinPolicy policy = PinPolicy.Fail)
    {
        ArgumentNullException.ThrowIfNull(program);
        bool replaces = policy != PinPolicy.Fail && File.Exists(path);
        string name = replaces ? path + "-new" : path;
        int result = BpfSyscall.Pin(program.Handle.Descriptor, name);
        if (result < 0)
        {
            throw Refusal.Of("OSM5026", $"program '{program.Name}' cannot be pinned at '{path}'", "bpf(BPF_OBJ_PIN)", result, $"program '{program.Name}'",
                -result == Errno.EEXIST ? "there is such a file already" : null, -result == Errno.EEXIST ? "remove it, or pin with PinPolicy.Recreate" : "mount -t bpf bpf /sys/fs/bpf, and pin below it");
        }

        if (replaces)
        {
            File.Move(name, path, overwrite: true);
        }
    }

    private static KernelLink Migrated(KernelLink pinned, KernelProgram program)
    {
        try
        {
            pinned.Replace(program);
            return pinned;
        }
        catch
        {
            pinned.Dispose();
            throw;
        }
    }

    private static KernelException Refused(AttachTarget target, string path, int result, string? why, string? remedy = null) =>
        Refusal.Of("OSM5026", $"the attachment to {target.Describe()} cannot be pinned at '{path}'", "bpf(BPF_OBJ_PIN)", result, null, why, remedy ?? "mount -t bpf bpf /sys/fs/bpf, and pin below it");
}
