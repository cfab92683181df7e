using Osmia.Btf;
using Osmia.Kernel;
using Osmia.Objects.Linking;

namespace Osmia.Cli.Commands;

/// <summary>What <c>--target</c> names.</summary>
internal static class TargetSource
{
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";

    /// <summary>A file is read at once: one that cannot be read is said even where no relocation asks for types.</summary>
    public static Target OfFile(string path)
    {
        BtfTypes types = BtfCommand.OpenFile(path, null);
        return new Target(path, () => types);
    }

    /// <summary>The running kernel: with its addresses and configuration for those who may ask it, else by its types alone.</summary>
    public static Target Running() =>
        OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? KernelEngine.Open().Target
        : File.Exists(KernelTypes) ? new Target("running kernel", () => BtfCommand.OpenFile(KernelTypes, null))
        : new Target("no kernel");
}
