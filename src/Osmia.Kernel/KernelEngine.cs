using Osmia.Btf;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Features;
using Osmia.Kernel.Links;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel;

/// <summary>The Linux kernel as an engine, through bpf(2). Everything it makes lives in descriptors of this process and dies with it, pinned maps excepted.</summary>
public sealed class KernelEngine : IEngine
{
    /// <summary>Where maps that ask for it are pinned by name, unless <see cref="Open"/> is told otherwise.</summary>
    public const string DefaultPinDirectory = "/sys/fs/bpf";

    private const string TypesFolder = "/sys/kernel/btf";
    private const string KernelTypesPath = TypesFolder + "/vmlinux";

    // The running kernel's types do not change: one mapping serves every engine of the process and is never given back.
    private static readonly Lazy<BtfTypes?> s_kernelTypes = new(ReadKernelTypes);

    private static readonly Lazy<Dictionary<string, string>> s_configuration = new(BuildConfiguration.Read);

    private KernelFeatures? _features;

    private KernelEngine(string pinDirectory, BpfToken? token)
    {
        PinDirectory = pinDirectory;
        Token = token;
        Target = RunningTarget();
    }

    /// <summary>What objects for the running kernel are linked against; needs no rights.</summary>
    internal static Target RunningTarget()
    {
        string release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return new Target(release, () => s_kernelTypes.Value)
        {
            KernelVersion = ParseVersion(release),
            CpuLimit = Directory.Exists("/sys/devices/system/cpu") ? PossibleCpus.IndexLimit : 0,
            ModuleList = Modules,
            LackOf = HelperTrial.Missing,
            SymbolAddresses = SymbolAddresses.Of,
            SymbolNames = SymbolAddresses.Names,
            Configuration = Configuration,
            NoTypesReason = File.Exists(KernelTypesPath)
                ? $"{KernelTypesPath} cannot be read or is not BTF"
                : $"{KernelTypesPath} does not exist: the kernel was built without CONFIG_DEBUG_INFO_BTF",
        };
    }

    /// <summary>What the kernel offers, asked once per question and engine.</summary>
    public KernelFeatures Features => _features ??= new KernelFeatures(Target);

    /// <summary>An option of the kernel's build (<c>CONFIG_...</c>); null when it is unset, or nothing says.</summary>
    internal static string? Configuration(string option) => s_configuration.Value.GetValueOrDefault(option);

    public string Name => "kernel";

    public Target Target { get; }

    public string PinDirectory { get; }

    /// <summary>What rights handed to this user namespace the engine uses; null for those of the process.</summary>
    public BpfToken? Token { get; }

    internal int TokenFd => Token?.Handle.Descriptor ?? 0;

    /// <summary>Opens the engine after one small trial call, so that a missing right is said here and not in the middle of a load.</summary>
    /// <param name="pinDirectory">A directory of a mounted BPF file system; touched only when a map is pinned.</param>
    /// <exception cref="UnsupportedFeatureException">OSM5001: not Linux, an unknown architecture, or a kernel without bpf(2).</exception>
    /// <exception cref="KernelException">OSM5002: this process may not use bpf(2).</exception>
    /// <param name="token">Rights of a user namespace; stays the caller's, who keeps it until the last load.</param>
    public static KernelEngine Open(string pinDirectory = DefaultPinDirectory, BpfToken? token = null)
    {
        if (!OperatingSystem.IsLinux() || !SyscallNumbers.IsKnownArchitecture)
        {
            throw Refusal.Unsupported(
                "OSM5001", "the kernel engine cannot be opened", "bpf(2)",
                $"it needs Linux on x86-64, AArch64, RISC-V 64 or LoongArch 64; this is {System.Runtime.InteropServices.RuntimeInformation.RuntimeIdentifier}",
                "use the VM engine (--engine vm)");
        }

        int trial = MapCreation.Trial(token?.Handle.Descriptor ?? 0);
        if (trial >= 0)
        {
            new BpfHandle(trial).Dispose();
            return new KernelEngine(pinDirectory, token);
        }

        if (-trial == Errno.ENOSYS)
        {
            throw Refusal.Unsupported(
                "OSM5001", "the kernel engine cannot be opened", "bpf(2)",
                "the kernel answers bpf(2) with ENOSYS: it was built without CONFIG_BPF_SYSCALL, or a seccomp filter hides the call",
                "use the VM engine (--engine vm)");
        }

        throw Refusal.Of("OSM5002", "the kernel engine cannot be opened", "bpf(BPF_MAP_CREATE)", trial, needed: [Capability.Bpf]);
    }

    /// <inheritdoc/>
    /// <exception cref="KernelException">A map (OSM501x) or program (OSM502x) was refused; nothing stays behind.</exception>
    public LoadedObject Load(LinkedObject linked, LoadOptions options)
    {
        ArgumentNullException.ThrowIfNull(linked);
        ArgumentNullException.ThrowIfNull(options);
        return ObjectLoader.Load(this, linked, options);
    }

    public Link Attach(LoadedProgram program, AttachTarget target)
    {
        ArgumentNullException.ThrowIfNull(program);
        ArgumentNullException.ThrowIfNull(target);
        return program is KernelProgram loaded
            ? AttachTable.Attach(loaded, target)
            : throw new ArgumentException($"program '{program.Name}' was not loaded by the kernel engine", nameof(program));
    }

    public void Dispose()
    {
        // The engine itself holds nothing: objects, maps and links are owned by whoever asked for them.
    }

    private static TargetModule[] Modules() => !Directory.Exists(TypesFolder) ? [] :
    [
        .. Directory.EnumerateFiles(TypesFolder).Where(path => path != KernelTypesPath).Order(StringComparer.Ordinal)
            .Select(path => new TargetModule(Path.GetFileName(path), () => s_kernelTypes.Value is { } kernel ? ReadTypes(path, kernel) : null)),
    ];

    private static BtfTypes? ReadKernelTypes() => ReadTypes(KernelTypesPath, null);

    private static BtfTypes? ReadTypes(string path, BtfTypes? baseTypes)
    {
        try
        {
            return File.Exists(path) ? BtfTypes.Parse(MappedFile.Open(path).Memory, baseTypes) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or BtfFormatException)
        {
            // Target.NoTypesReason says so to whoever needs the types.
            return null;
        }
    }

    /// <summary>Whether the running kernel has this version or a newer one.</summary>
    internal static bool IsAtLeast(uint major, uint minor) => ParseVersion(File.ReadAllText("/proc/sys/kernel/osrelease").Trim()) >= ((major << 16) | (minor << 8));

    /// <summary>LINUX_VERSION_CODE of a release such as <c>6.18.44-fc</c>; the last part is capped at 255 as the kernel does.</summary>
    internal static uint ParseVersion(string release)
    {
        Span<uint> parts = stackalloc uint[3];
        int part = 0;
        foreach (char c in release)
        {
            if (char.IsAsciiDigit(c))
            {
                parts[part] = parts[part] * 10 + (uint)(c - '0');
            }
            else if (c != '.' || ++part == parts.Length)
            {
                break;
            }
        }

        return (parts[0] << 16) + (Math.Min(parts[1], 255) << 8) + Math.Min(parts[2], 255);
    }
}
