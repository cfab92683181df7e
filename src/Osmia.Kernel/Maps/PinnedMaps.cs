using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Maps;

/// <summary>
/// LIBBPF_PIN_BY_NAME: a map that is shared by its name under the BPF file system. One that is pinned and has the same shape is
/// used as it is, its contents included; else a new map is created and pinned, and stays until its file is removed.
/// </summary>
internal static class PinnedMaps
{
    /// <param name="undo">Puts the file back as it was, if the object cannot be loaded after all; null when nothing changed.</param>
    /// <exception cref="KernelException">OSM5013: another shape is pinned there, or pinning failed.</exception>
    public static KernelMap OpenOrCreate(LinkedMap map, BpfHandle? btf, int[] modules, string directory, PinPolicy policy, int token, out PinUndo? undo)
    {
        undo = null;
        string folder = Path.Combine(directory, map.PinFolder);
        string path = Path.Combine(folder, map.Name);
        int existing = BpfSyscall.GetPinned(path);
        if (existing >= 0)
        {
            return Reuse(map, new BpfHandle(existing), path, policy, () => MapCreation.Create(map, btf, modules, token: token), out undo);
        }

        if (-existing is not Errno.ENOENT)
        {
            throw Failed(map, path, "BPF_OBJ_GET", existing);
        }

        if (map.PinFolder.Length > 0 && Directory.Exists(directory))
        {
            Directory.CreateDirectory(folder);
        }

        KernelMap created = MapCreation.Create(map, btf, modules, token: token);
        int result = BpfSyscall.Pin(created.Handle.Descriptor, path);
        if (result < 0)
        {
            created.Dispose();
            throw Failed(map, path, "BPF_OBJ_PIN", result);
        }

        undo = new PinUndo(path, null);
        return created;
    }

    private static KernelMap Reuse(LinkedMap requested, BpfHandle handle, string path, PinPolicy policy, Func<KernelMap> create, out PinUndo? undo)
    {
        undo = null;
        LinkedMap wanted = MapRules.Complete(requested);
        var info = new MapInfoData();
        int result = BpfSyscall.Info(handle.Descriptor, ref info);
        if (result < 0)
        {
            handle.Dispose();
            throw Failed(wanted, path, "BPF_OBJ_GET_INFO_BY_FD", result);
        }

        // The kernel itself adds this flag to device maps.
        uint flags = (MapType)info.Type is MapType.Devmap or MapType.DevmapHash ? info.Flags & ~(uint)MapCreateFlags.ReadOnlyForPrograms : info.Flags;
        string pinned = Shape((MapType)info.Type, info.KeySize, info.ValueSize, info.MaxEntries, flags);
        string defined = Shape(wanted.Type, wanted.KeySize, wanted.ValueSize, wanted.MaxEntries, wanted.Flags);
        if (pinned != defined && policy != PinPolicy.Fail)
        {
            var old = new KernelMap(wanted with { Type = (MapType)info.Type, KeySize = info.KeySize, ValueSize = info.ValueSize, MaxEntries = info.MaxEntries, Flags = info.Flags }, handle);
            return Replace(old, create, path, policy, out undo);
        }

        if (pinned != defined)
        {
            handle.Dispose();
            throw new KernelException(
                new Diagnostic("OSM5013", $"the pinned map '{path}' has another shape than the object's map '{wanted.Name}'")
                {
                    Where = $"map '{wanted.Name}'",
                    Why = $"pinned: {pinned}; object: {defined}",
                    Try = $"remove {path} if nothing uses it any more, give the object's map another name, or load with a policy for it (PinPolicy: Recreate, Migrate)",
                },
                "bpf(BPF_OBJ_GET)", Errno.EINVAL);
        }

        return new KernelMap(wanted, handle);
    }

    /// <summary>The new map takes the old one's name by a rename, so that there is always one under it.</summary>
    private static KernelMap Replace(KernelMap old, Func<KernelMap> create, string path, PinPolicy policy, out PinUndo? undo)
    {
        KernelMap? created = null;
        string temporary = path + "-new";
        try
        {
            created = create();
            if (policy == PinPolicy.Migrate)
            {
                MapMigration.Copy(old, created, path);
            }

            int result = BpfSyscall.Pin(created.Handle.Descriptor, temporary);
            if (result < 0)
            {
                throw Failed(created.Definition, temporary, "BPF_OBJ_PIN", result);
            }

            File.Move(temporary, path, overwrite: true);
            undo = new PinUndo(path, old);
            return created;
        }
        catch
        {
            created?.Dispose();
            old.Dispose();
            throw;
        }
    }

    private static string Shape(MapType type, uint key, uint value, uint entries, uint flags) =>
        $"{type.ToKernelName()}, key {key}, value {value}, max_entries {entries}, flags 0x{flags:x}";

    private static KernelException Failed(LinkedMap map, string path, string command, int result) =>
        Refusal.Of("OSM5013", $"map '{map.Name}' cannot be shared at '{path}'", $"bpf({command})", result, $"map '{map.Name}'",
            -result is Errno.EINVAL or Errno.EPERM or Errno.ENOENT ? $"{Path.GetDirectoryName(path)} must be a directory of a mounted BPF file system that this process may write" : null,
            "mount -t bpf bpf /sys/fs/bpf, or load the object without pinning (LIBBPF_PIN_NONE)");
}
