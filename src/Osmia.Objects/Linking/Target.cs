using Osmia.Btf;

namespace Osmia.Objects.Linking;

/// <summary>
/// What a program will run on: the types CO-RE relocates against and the words of its configuration. Data only;
/// it stands below the engines because the linker reads it and each engine supplies it.
/// </summary>
public sealed class Target(string name)
{
    private readonly Lazy<BtfTypes?>? _types;

    public Target(string name, Func<BtfTypes?> types)
        : this(name) => _types = new Lazy<BtfTypes?>(types);

    /// <summary><c>vm</c>, or the kernel's release.</summary>
    public string Name { get; } = name;

    /// <summary>Read when first needed; null when the target has no BTF.</summary>
    public BtfTypes? Types => _types?.Value;

    /// <summary>Why <see cref="Types"/> is null, for people.</summary>
    public string? NoTypesReason { get; init; }

    /// <summary>Gives the text of a <c>CONFIG_*</c> value (<c>y</c>, <c>m</c>, <c>250</c>, <c>"text"</c>), null for one that is not set.</summary>
    public Func<string, string?>? Configuration { get; init; }

    /// <summary>LINUX_VERSION_CODE, or 0.</summary>
    public uint KernelVersion { get; init; }
}
