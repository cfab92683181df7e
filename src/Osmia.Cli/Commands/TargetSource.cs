using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Vm;

namespace Osmia.Cli.Commands;

/// <summary>What <c>--target</c> names.</summary>
internal static class TargetSource
{
    /// <summary>What <see cref="Named"/> takes, for help.</summary>
    public const string Words = "vm, 6.1, 6.12 or 6.18 (with types: 6.12,FILE), or a file of kernel types: raw BTF or a vmlinux with BTF";

    private const string VmName = "vm";
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";

    /// <summary><c>vm</c>, a bundled kernel (<c>6.1</c>), one with its types (<c>6.1,FILE</c>), <c>running</c>, or a file with types.</summary>
    public static Target Named(string text)
    {
        int comma = text.IndexOf(',', StringComparison.Ordinal);
        string name = comma < 0 ? text : text[..comma];
        if (name == "running")
        {
            return Running();
        }

        if (name == VmName)
        {
            using var engine = new VmEngine();
            return engine.Target;
        }

        BtfTypes? types = comma < 0 ? null : BtfCommand.OpenFile(text[(comma + 1)..], null);
        return BundledTargets.Find(name, () => types) ?? OfFile(text);
    }

    /// <summary>A file is read at once: one that cannot be read is said even where no relocation asks for types.</summary>
    public static Target OfFile(string path)
    {
        BtfTypes types = BtfCommand.OpenFile(path, null);
        return new Target(path, () => types);
    }

    /// <summary>The running kernel: with its addresses and configuration for those who may ask it, else by its types alone.</summary>
    public static Target Running() =>
        OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess ? KernelEngine.Open().Target
        : File.Exists(KernelTypes) ? new Target("running kernel", () => BtfCommand.OpenFile(KernelTypes, null)) { Release = RunningRelease() }
        : new Target("no kernel");

    private static KernelVersion? RunningRelease() => KernelVersion.TryParse(File.ReadAllText("/proc/sys/kernel/osrelease"), out KernelVersion release) ? release : null;
}
