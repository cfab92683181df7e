namespace Osmia.Kernel.Links;

/// <summary>Finds the file a uprobe names: as given, as a process sees it, as a library a process has mapped, as a command in PATH, or as a shared library.</summary>
internal static class BinaryPath
{
    // Where the dynamic linker looks without a cache.
    private static readonly string[] s_libraryDirectories =
    [
        "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu", "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
        "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib",
    ];

    public static string? Resolve(string path, int pid)
    {
        // A process in a container sees other files under the same names.
        if (pid > 0 && Path.IsPathRooted(path) && File.Exists($"/proc/{pid}/root{path}"))
        {
            return $"/proc/{pid}/root{path}";
        }

        if (File.Exists(path))
        {
            return Path.GetFullPath(path);
        }

        // A section name cannot tell /libc.so.6 from libc.so.6: what follows its pattern may begin with a slash.
        string name = path.TrimStart('/');
        if (name.Contains('/', StringComparison.Ordinal))
        {
            return null;
        }

        if (pid > 0 && Mapped(pid, name) is { } mapped)
        {
            return mapped;
        }

        if (!IsLibrary(name))
        {
            return InOneOf(Split("PATH"), name) ?? LibraryCache.Find(name);
        }

        return InOneOf(Split("LD_LIBRARY_PATH"), name) ?? LibraryCache.Find(name) ?? InOneOf(s_libraryDirectories, name);
    }

    /// <summary>The file of that name which the process runs, wherever it found it.</summary>
    private static string? Mapped(int pid, string name)
    {
        try
        {
            foreach (string line in File.ReadLines($"/proc/{pid}/maps"))
            {
                int start = line.IndexOf('/', StringComparison.Ordinal);
                string path = start < 0 ? "" : line[start..];
                string file = Path.GetFileName(path);
                if ((file == name || (name.StartsWith("lib", StringComparison.Ordinal) && file.StartsWith(name + ".so", StringComparison.Ordinal))) && File.Exists($"/proc/{pid}/root{path}"))
                {
                    return $"/proc/{pid}/root{path}";
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone, or of another user: then as if no process had been named.
            return null;
        }

        return null;
    }

    private static bool IsLibrary(string name) => name.Contains(".so", StringComparison.Ordinal);

    private static string? InOneOf(string[] directories, string name) => directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    private static string[] Split(string variable) =>
        (Environment.GetEnvironmentVariable(variable) ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
}
