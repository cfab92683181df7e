using System.Runtime.Versioning;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Inventory;

/// <summary>Which files of the mounted BPF file systems stand for which objects.</summary>
[SupportedOSPlatform("linux")]
internal sealed class PinTable
{
    private readonly Dictionary<(ObjectKind Kind, uint Id), List<string>> _paths = [];

    private PinTable()
    {
    }

    /// <summary>Nothing is pinned, or nobody asked.</summary>
    public static PinTable Empty { get; } = new();

    public bool IsEmptyOf(ObjectKind kind) => !_paths.Keys.Any(key => key.Kind == kind);

    public IReadOnlyList<string> Of(ObjectKind kind, uint id) => _paths.TryGetValue((kind, id), out List<string>? paths) ? paths : [];

    public static PinTable Read()
    {
        var table = new PinTable();
        foreach (string line in File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(" - bpf ", StringComparison.Ordinal)))
        {
            table.Add(new DirectoryInfo(Unescape(line.Split(' ')[4])));
        }

        foreach (List<string> paths in table._paths.Values)
        {
            paths.Sort(StringComparer.Ordinal);
        }

        return table;
    }

    private void Add(DirectoryInfo directory)
    {
        foreach (FileSystemInfo entry in directory.EnumerateFileSystemInfos("*", new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None }))
        {
            if (entry is DirectoryInfo { LinkTarget: null } inner)
            {
                Add(inner);
            }
            else if (entry.LinkTarget is null)
            {
                AddFile(entry.FullName);
            }
        }
    }

    private void AddFile(string path)
    {
        try
        {
            using BpfHandle handle = KernelInventory.OpenPinned(path);
            ObjectKind kind = KernelInventory.KindOf(handle);
            if (kind == ObjectKind.Other)
            {
                return;
            }

            (ObjectKind, uint) key = (kind, KernelInventory.IdOf(handle));
            if (!_paths.TryGetValue(key, out List<string>? paths))
            {
                _paths[key] = paths = [];
            }

            paths.Add(path);
        }
        catch (KernelException)
        {
            // The kernel's own files there (maps.debug, progs.debug), and what was removed meanwhile, are no objects.
        }
    }

    /// <summary>Mount points are written with octal escapes for blanks.</summary>
    private static string Unescape(string path) => path.Replace("\\040", " ", StringComparison.Ordinal);
}
