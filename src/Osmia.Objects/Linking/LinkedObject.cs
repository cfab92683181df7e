using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Linking;

/// <summary>
/// An immutable snapshot ready for an engine: every symbol is resolved, wide loads of maps carry an index into
/// <see cref="Maps"/> (<see cref="PseudoLoad.MapIndex"/>, <see cref="PseudoLoad.MapIndexValue"/>), subprograms stand behind each entry point.
/// </summary>
public sealed record LinkedObject(string Name, ImmutableArray<LinkedProgram> Programs, ImmutableArray<LinkedMap> Maps, ImmutableArray<LinkedVariable> Variables)
{
    /// <summary>The object's types, as the kernel wants them; null without BTF.</summary>
    public BtfTypes? Types { get; init; }

    public string License { get; init; } = "";

    /// <summary>
    /// Names of the modules whose types the programs use. Instructions and attach types name the kernel by 0 and a module by
    /// one more than its index: kfunc calls in their offset, wide loads of a BTF variable in their second immediate.
    /// </summary>
    public ImmutableArray<string> Modules { get; init; } = [];

    public bool IsGplCompatible => License is "GPL" or "GPL v2" or "GPL and additional rights" or "Dual BSD/GPL" or "Dual MIT/GPL" or "Dual MPL/GPL";
}

/// <summary>One program with its subprograms: a slot stream in the kernel's numbering.</summary>
public sealed record LinkedProgram(string Name, SectionMatch Section, ImmutableArray<Instruction> Instructions)
{
    public ProgramType Type => Section.Type;

    public AttachType? AttachType => Section.AttachType;

    /// <summary>First slot of each function; the entry point is first, at slot 0.</summary>
    public ImmutableArray<LinkedFunction> Functions { get; init; } = [];

    public ImmutableArray<LineRecord> Lines { get; init; } = [];

    /// <summary>Id in the target's BTF of what the program attaches to (<c>tp_btf</c>, ...); void when it needs none.</summary>
    public TypeId AttachBtfId { get; init; }

    /// <summary>The member of a struct of callbacks (<see cref="AttachBtfId"/>) that a struct_ops program implements, else -1.</summary>
    public int StructMember { get; init; } = -1;

    /// <summary>Whose type <see cref="AttachBtfId"/> is: 0 the kernel's, else one more than an index into <see cref="LinkedObject.Modules"/>.</summary>
    public int AttachModule { get; init; }

    /// <summary>The object's types, for names of source lines.</summary>
    public BtfTypes? Types { get; init; }

    /// <summary>CO-RE records that could not be resolved and were replaced by a call that the kernel refuses if it is reachable.</summary>
    public ImmutableArray<UnresolvedRelocation> Unresolved { get; init; } = [];

    /// <summary>Source line of a slot, or null when the object has none.</summary>
    public SourceLine? LineAt(int slot) =>
        Types is null ? null : LineRecord.At(Lines.AsSpan(), slot)?.Describe(Types);

    /// <summary>The function a slot belongs to; in a program made by hand without <see cref="Functions"/> a static one of the program's name.</summary>
    public LinkedFunction FunctionAt(int slot) =>
        Functions.LastOrDefault(function => function.Slot <= slot) ?? (Functions.IsDefaultOrEmpty ? new LinkedFunction(0, Name, default, IsGlobal: false) : Functions[0]);
}

public sealed record LinkedFunction(int Slot, string Name, TypeId BtfId, bool IsGlobal);

/// <summary>A reference without an answer, whose instruction was replaced by a call that no kernel has. Why is worked out when somebody asks.</summary>
public sealed record UnresolvedRelocation
{
    private readonly Lazy<Diagnostic> _diagnostic;

    public UnresolvedRelocation(int slot, Diagnostic diagnostic)
        : this(slot, () => diagnostic)
    {
    }

    internal UnresolvedRelocation(int slot, Func<Diagnostic> explain) => (Slot, _diagnostic) = (slot, new Lazy<Diagnostic>(explain));

    public int Slot { get; init; }

    public Diagnostic Diagnostic => _diagnostic.Value;
}

/// <summary>A map definition as an engine creates it.</summary>
public sealed record LinkedMap(int Index, string Name, MapType Type, uint KeySize, uint ValueSize, uint MaxEntries, uint Flags)
{
    public ulong Extra { get; init; }

    public TypeId KeyType { get; init; }

    public TypeId ValueType { get; init; }

    public DataSectionKind DataSection { get; init; }

    /// <summary>
    /// Initial value of element 0 of a data section (empty when it is all zero), the value of a struct_ops map in the target's layout, or the first
    /// bytes of an arena.
    /// </summary>
    public ReadOnlyMemory<byte> InitialData { get; init; }

    public LinkedMap? InnerMap { get; init; }

    public ImmutableArray<MapSlot> Slots { get; init; } = [];

    public bool PinByName { get; init; }

    /// <summary>Below the directory of pins, such as iproute2's <c>tc/globals</c>.</summary>
    public string PinFolder { get; init; } = "";

    public uint NumaNode { get; init; }

    /// <summary>A struct_ops map: the target's type of its value; the object's own types do not describe it.</summary>
    public TypeId KernelValueType { get; init; }

    /// <summary>Whose type <see cref="KernelValueType"/> is: 0 the kernel's, else one more than an index into <see cref="LinkedObject.Modules"/>.</summary>
    public int Module { get; init; }

    /// <summary>A struct_ops map: where in its value programs stand.</summary>
    public ImmutableArray<FunctionSlot> Functions { get; init; } = [];

    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Constant data: frozen after the initial value was written.</summary>
    public bool IsFrozen => DataSection is DataSectionKind.ReadOnly or DataSectionKind.Kconfig;

    public bool IsDataSection => DataSection != DataSectionKind.None;
}

/// <summary>A global variable as an engine finds it: bytes of element 0 of a map.</summary>
public sealed record LinkedVariable(string Name, int MapIndex, int Offset, int Size, TypeId Type, ImmutableArray<string> Tags);

/// <summary>A function pointer in the value of a struct_ops map: byte offset and program.</summary>
public sealed record FunctionSlot(int Offset, string Program);
