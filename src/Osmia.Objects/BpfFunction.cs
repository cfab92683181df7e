using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Linking.Core;

namespace Osmia.Objects;

/// <summary>
/// The code of one function symbol: a program's entry or a subprogram. Everything known about an instruction
/// stands in tables by slot, counted from the function's first slot.
/// </summary>
public sealed class BpfFunction(string name, string section, int sectionSlot, Instruction[] instructions)
{
    public string Name { get; } = name;

    /// <summary>The ELF section the function stands in.</summary>
    public string Section { get; } = section;

    /// <summary>First slot within the section.</summary>
    public int SectionSlot { get; } = sectionSlot;

    public Instruction[] Instructions { get; } = instructions;

    /// <summary>Visible to other objects. Global functions are verified on their own by the kernel, unless they are hidden.</summary>
    public bool IsGlobal { get; init; }

    /// <summary>A definition that gives way to another object's when objects are linked.</summary>
    public bool IsWeak { get; init; }

    /// <summary><c>__hidden</c>: global for the static linker, static for the kernel.</summary>
    public bool IsHidden { get; init; }

    /// <summary>Symbol references, sorted by slot.</summary>
    public IReadOnlyList<SymbolReference> References { get; set; } = [];

    /// <summary>CO-RE records, sorted by slot.</summary>
    public IReadOnlyList<CoreRelocation> CoreRelocations { get; set; } = [];

    /// <summary>Line records, sorted by slot.</summary>
    public LineRecord[] Lines { get; set; } = [];

    /// <summary>The BTF function, or void when the object has none for it.</summary>
    public TypeId BtfId { get; set; }

    /// <summary>Values of BTF declaration tags on the function, such as <c>exception_callback:NAME</c>; those of parameters: <see cref="BpfObject.TagsOf"/>.</summary>
    public IReadOnlyList<string> Tags { get; set; } = [];

    public override string ToString() => $"{Section}:{Name}";
}

public enum SymbolKind
{
    /// <summary>A wide load of a map.</summary>
    Map,

    /// <summary>A wide load of an address in a data section's map.</summary>
    MapValue,

    /// <summary>A call of a program-local function.</summary>
    Call,

    /// <summary>A wide load of a program-local function's address, a callback.</summary>
    FunctionAddress,

    /// <summary>A symbol of the kernel or its configuration; resolved against a target.</summary>
    Extern,

    /// <summary>A wide load of the address of a table of places to jump to (<c>gotox</c>).</summary>
    JumpTable,
}

/// <summary>
/// A table of places that an indirect jump (<c>gotox</c>) chooses from, as clang 22 makes of a <c>switch</c>: section <c>.jumptables</c>. Linux 7.0 and
/// newer take it as a map of type <c>insn_array</c>.
/// </summary>
/// <param name="Targets">Slots of the function, in the order of the table.</param>
public sealed record BpfJumpTable(string Name, IReadOnlyList<int> Targets);

/// <summary>What one slot refers to. <see cref="Offset"/> is in bytes within the map's value for <see cref="SymbolKind.MapValue"/>.</summary>
public sealed record SymbolReference(int Slot, SymbolKind Kind, string Name)
{
    public BpfMap? Map { get; init; }

    public BpfFunction? Function { get; init; }

    public BpfExtern? Extern { get; init; }

    public BpfJumpTable? JumpTable { get; init; }

    public long Offset { get; init; }
}

/// <summary>Kinds of CO-RE relocations with the numbers of <c>enum bpf_core_relo_kind</c>.</summary>
public enum CoreRelocationKind
{
    FieldByteOffset = 0,
    FieldByteSize = 1,
    FieldExists = 2,
    FieldSigned = 3,
    FieldLeftShift = 4,
    FieldRightShift = 5,
    TypeIdLocal = 6,
    TypeIdTarget = 7,
    TypeExists = 8,
    TypeSize = 9,
    EnumeratorExists = 10,
    EnumeratorValue = 11,
    TypeMatches = 12,
}

/// <summary>One record of <c>.BTF.ext</c>: the local type, and the access path such as <c>0:1:2</c>.</summary>
public sealed record CoreRelocation(int Slot, TypeId Type, string AccessPath, CoreRelocationKind Kind)
{
    /// <summary>The path in the words of the C source: <c>task_struct.real_parent</c>.</summary>
    public string Describe(BtfTypes types)
    {
        CoreSpec? spec = CoreSpec.Parse(types, this, out _);
        if (spec is null)
        {
            return $"type {Type} {AccessPath}";
        }

        return Kind.IsEnumerator()
            ? $"{spec.Describe()}.{types.String(types.Resolve(Type).Enumerator(spec.EnumeratorIndex).NameOffset)}"
            : spec.Describe();
    }
}
