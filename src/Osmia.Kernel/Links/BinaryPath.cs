namespace Osmia.Kernel.Links;

/// <summary>Finds the file a uprobe names: as given, as a process sees it, as a command in PATH, or as a shared library.</summary>
internal static class BinaryPath
{
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

        string[] directories = name.Contains(".so", StringComparison.Ordinal)
            ? [.. Split("LD_LIBRARY_PATH"), .. s_libraryDirectories]
            : Split("PATH");
        return directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);
    }

    private static string[] Split(string variable) =>
        (Environment.GetEnvironmentVariable(variable) ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
}
