using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Objects.Linking;

/// <summary>
/// What a program will run on: the types CO-RE relocates against and the words of its configuration. Data only;
/// it stands below the engines because the linker reads it and each engine supplies it.
/// </summary>
public sealed class Target(string name)
{
    private readonly Lazy<BtfTypes?>? _types;
    private readonly Bytecode.KernelVersion? _release;
    private IReadOnlyList<TargetModule>? _modules;

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

    /// <summary>
    /// The kernel whose abilities the verifier holds a program against: helpers, program, attach and map types and instructions of a later one are
    /// refused by name. Null for a target that has all that is known. Taken from <see cref="KernelVersion"/> unless it is set.
    /// </summary>
    public Bytecode.KernelVersion? Release
    {
        get => _release ?? (KernelVersion == 0 ? null : new Bytecode.KernelVersion((int)(KernelVersion >> 16), (int)(KernelVersion >> 8 & 0xff)));
        init => _release = value;
    }

    /// <summary>One more than the largest number of a CPU; 0 when it is not known. What <c>bpf_get_smp_processor_id</c> returns is below it.</summary>
    public int CpuLimit { get; init; }

    /// <summary>Program types that an application adds, told by the section their programs stand in.</summary>
    public IReadOnlyList<TargetProgramType> ProgramTypes { get; init; } = [];

    /// <summary>Says why programs of a type cannot call a helper that they could call by the table: the target was built without it, or has another list. Null when they can.</summary>
    public Func<Helper, ProgramType, string?>? LackOf { get; init; }

    /// <summary>The modules whose types continue <see cref="Types"/>; asked for what <see cref="Types"/> has not.</summary>
    public IReadOnlyList<TargetModule> Modules => _modules ??= ModuleList?.Invoke() ?? [];

    /// <summary>Lists the modules when they are first needed; null for a target without any.</summary>
    public Func<IReadOnlyList<TargetModule>>? ModuleList { get; init; }

    /// <summary>
    /// The number that a call of a kernel function of this name carries, for a target whose functions are told by name and not by BTF; null for a function
    /// it has not. A target without it has functions by <see cref="Types"/> alone.
    /// </summary>
    public Func<string, int?>? FunctionNumber { get; init; }

    /// <summary>Every address a symbol of the target has, for <c>extern const void NAME __ksym</c>; null when the target has no symbols.</summary>
    public Func<string, IReadOnlyList<ulong>>? SymbolAddresses { get; init; }

    /// <summary>All names that <see cref="SymbolAddresses"/> answers, for "did you mean".</summary>
    public Func<IEnumerable<string>>? SymbolNames { get; init; }

    /// <summary>The program type of its own that the target has for a section, or null.</summary>
    public TargetProgramType? ProgramTypeOf(string section) => ProgramTypes.FirstOrDefault(type => type.Covers(section));

    /// <summary>Looks for a type by kind and name: in <see cref="Types"/>, then in each module's own.</summary>
    /// <returns>Null when no one has it. The module is 0 for <see cref="Types"/>, else one more than its index in <see cref="Modules"/>.</returns>
    internal TargetType? Find(BtfKind kind, string name)
    {
        if (Types is not { } types)
        {
            return null;
        }

        TypeId id = types.Find(kind, name);
        if (!id.IsVoid)
        {
            return new TargetType(types, id, 0);
        }

        for (int module = 0; module < Modules.Count; module++)
        {
            if (Modules[module].Types is { } own && own.Find(kind, name) is { IsVoid: false } found)
            {
                return new TargetType(own, found, module + 1);
            }
        }

        return null;
    }
}

/// <summary>A kernel module's types: split BTF on those of the kernel, read when first needed; null when they cannot be read.</summary>
public sealed class TargetModule(string name, Func<BtfTypes?> types)
{
    private readonly Lazy<BtfTypes?> _types = new(types);

    public string Name { get; } = name;

    public BtfTypes? Types => _types.Value;
}

/// <summary>A type found in a target, and whose it is.</summary>
internal sealed record TargetType(BtfTypes Types, TypeId Id, int Module)
{
    public BtfType Type => Types[Id];
}
