using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Objects.Linking;

/// <summary>
/// Targets by name, for machines that do not run them: kernels with long support. What they have follows from the tables, each row of which names its first
/// kernel; rules of the verifier that changed are those of Linux 6.18.
/// </summary>
public static class BundledTargets
{
    private static readonly KernelVersion[] s_releases = [new(6, 1), new(6, 12), new(6, 18)];

    public static IReadOnlyList<string> Names { get; } = [.. s_releases.Select(release => release.ToString())];

    /// <param name="types">The kernel's BTF, for relocations, typed contexts and kernel functions; null when there is none.</param>
    /// <returns>Null when there is no target of that name.</returns>
    public static Target? Find(string name, Func<BtfTypes?>? types = null)
    {
        int index = Array.FindIndex(s_releases, release => release.ToString() == name);
        return index < 0 ? null : new Target(name, types ?? (() => null))
        {
            Release = s_releases[index],
            KernelVersion = (uint)(s_releases[index].Major << 16 | s_releases[index].Minor << 8),
            NoTypesReason = $"the description of Linux {name} has no types; name a file with them too: {name},/path/to/vmlinux",
        };
    }
}
