using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Reading;

namespace Osmia.Objects;

/// <summary>
/// A BPF object, inert: programs, maps, variables and types as a compiler wrote them. Mutable until linked
/// (set constants, resize maps, leave programs out) and meant for one thread.
/// </summary>
public sealed partial class BpfObject
{
    /// <summary>An empty object, to be filled by whoever assembles or compiles code.</summary>
    public BpfObject(string name) => Name = name;

    private (BtfTypes? Types, DeclarationTags Tags)? _tags;

    /// <summary>The file name without <c>.bpf.o</c> or <c>.o</c>.</summary>
    public string Name { get; }

    /// <summary>Text of the <c>license</c> section; empty when the object has none.</summary>
    public string License { get; set; } = "";

    /// <summary>Number of the legacy <c>version</c> section, else 0.</summary>
    public uint KernelVersion { get; set; }

    public bool IsBigEndian { get; set; }

    public IReadOnlyList<BpfProgram> Programs { get; set; } = [];

    /// <summary>All functions, entry points included, in the order of the file.</summary>
    public IReadOnlyList<BpfFunction> Functions { get; set; } = [];

    /// <summary>Maps of <c>.maps</c> in the order of the file, then one for each data section.</summary>
    public IReadOnlyList<BpfMap> Maps { get; set; } = [];

    public IReadOnlyList<BpfVariable> Variables { get; set; } = [];

    /// <summary>Symbols the object uses and does not define, in the order of the symbol table.</summary>
    public IReadOnlyList<BpfExtern> Externs { get; set; } = [];

    /// <summary>Sections of data that no loader reads, such as <c>xdp_metadata</c>: kept for the tools they are meant for, and written as they are.</summary>
    public IReadOnlyList<BpfSection> OtherSections { get; set; } = [];

    /// <summary>The object's own types, section sizes and variable offsets filled in; null when it was compiled without <c>-g</c>.</summary>
    public BtfTypes? Types { get; set; }

    /// <summary>What was odd but not fatal while reading.</summary>
    public IReadOnlyList<Diagnostic> Warnings { get; internal set; } = [];

    /// <summary>Values of BTF declaration tags on a variable, function, struct, union or typedef.</summary>
    /// <param name="component">The member or parameter (<c>arg:ctx</c>) they stand on, or -1 for the type itself.</param>
    public IReadOnlyList<string> TagsOf(TypeId id, int component = -1)
    {
        if (_tags is null || _tags.Value.Types != Types)
        {
            _tags = (Types, new DeclarationTags(Types));
        }

        return _tags.Value.Tags.Of(id, component);
    }

    /// <summary>The object itself, for those who can do nothing without a program. An object may hold types and maps only.</summary>
    /// <exception cref="ObjectFormatException">It holds no program (OSM1013).</exception>
    public BpfObject RequirePrograms() => Programs.Count > 0 ? this : throw ObjectErrors.NoPrograms(Name);

    public BpfProgram? FindProgram(string name) => Programs.FirstOrDefault(program => program.Name == name);

    public BpfMap? FindMap(string name) => Maps.FirstOrDefault(map => map.Name == name);

    public BpfVariable? FindVariable(string name) => Variables.FirstOrDefault(variable => variable.Name == name);

    /// <summary>The variables a user may set before loading.</summary>
    public VariableSet Constants => new(this);
}
