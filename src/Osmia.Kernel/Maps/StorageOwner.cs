using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>A process, cgroup, file or socket as the key of a storage map: the kernel takes a descriptor of it. Dispose it when done.</summary>
public sealed class StorageOwner : IDisposable
{
    private readonly SafeHandle _handle;
    private readonly bool _isOwned;

    private StorageOwner(SafeHandle handle, bool isOwned)
    {
        _handle = handle;
        _isOwned = isOwned;
    }

    /// <summary>A process by its number (pidfd_open, Linux 5.3), for task_storage.</summary>
    /// <exception cref="KernelException">OSM5024: there is none.</exception>
    public static StorageOwner Process(int pid)
    {
        int fd = PidFd(pid);
        return fd >= 0 ? new StorageOwner(new BpfHandle(fd), true)
            : throw Refusal.Of("OSM5024", $"process {pid} cannot own an element of a storage map", "pidfd_open", fd,
                why: -fd == Errno.ESRCH ? $"there is no process {pid}" : -fd == Errno.EINVAL ? $"{pid} is the number of a thread, not of a process" : null, remedy: "give the number of a running process");
    }

    /// <summary>A cgroup by its directory, for cgrp_storage; a file or directory, for inode_storage.</summary>
    /// <exception cref="KernelException">OSM5024: it cannot be opened.</exception>
    public static StorageOwner Path(string path)
    {
        int fd = Libc.Open(path, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        return fd >= 0 ? new StorageOwner(new BpfHandle(fd), true)
            : throw Refusal.Of("OSM5024", $"'{path}' cannot own an element of a storage map", "open", -Marshal.GetLastPInvokeError(), remedy: "give an existing file or directory that this process may read");
    }

    /// <summary>An open socket of this process, for sk_storage. It stays the caller's.</summary>
    public static StorageOwner Socket(SafeHandle socket)
    {
        ArgumentNullException.ThrowIfNull(socket);
        return new StorageOwner(socket, false);
    }

    /// <summary>The descriptor as a key of a map.</summary>
    internal int Descriptor => (int)_handle.DangerousGetHandle();

    public void Dispose()
    {
        if (_isOwned)
        {
            _handle.Dispose();
        }
    }

    private static unsafe int PidFd(int pid)
    {
        // The same number on every architecture.
        const int PidFdOpen = 434;
        nint result = Libc.Syscall(PidFdOpen, pid, null, 0);
        return result >= 0 ? (int)result : -Marshal.GetLastPInvokeError();
    }
}

/// <summary>Elements of storage maps by what owns them.</summary>
public static class StorageMaps
{
    /// <returns>False when the owner has no element.</returns>
    /// <exception cref="UnsupportedFeatureException">OSM5019: the map is no storage map.</exception>
    public static bool TryLookup(this KernelMap map, StorageOwner owner, Span<byte> value)
    {
        ArgumentNullException.ThrowIfNull(owner);
        int key = Key(map, owner);
        return map.TryLookup(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in key)), value);
    }

    public static void Update(this KernelMap map, StorageOwner owner, ReadOnlySpan<byte> value, UpdateMode mode = UpdateMode.Any)
    {
        ArgumentNullException.ThrowIfNull(owner);
        int key = Key(map, owner);
        map.Update(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in key)), value, mode);
    }

    public static bool Delete(this KernelMap map, StorageOwner owner)
    {
        ArgumentNullException.ThrowIfNull(owner);
        int key = Key(map, owner);
        return map.Delete(MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in key)));
    }

    private static int Key(KernelMap map, StorageOwner owner)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.Type is MapType.SkStorage or MapType.TaskStorage or MapType.InodeStorage or MapType.CgrpStorage ? owner.Descriptor
            : throw Refusal.Unsupported("OSM5019", $"map '{map.Name}' ({map.Type.ToKernelName()}) has no elements of owners", $"owners of {map.Type.ToKernelName()}",
                "storage maps have: sk_storage, task_storage, inode_storage, cgrp_storage", "use keys", $"map '{map.Name}'");
    }
}
