using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Bytecode;
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

    /// <summary>Whose type <see cref="AttachBtfId"/> is: 0 the kernel's, else one more than an index into <see cref="LinkedObject.Modules"/>.</summary>
    public int AttachModule { get; init; }

    /// <summary>The object's types, for names of source lines.</summary>
    public BtfTypes? Types { get; init; }

    /// <summary>CO-RE records that could not be resolved and were replaced by a call that the kernel refuses if it is reachable.</summary>
    public ImmutableArray<UnresolvedRelocation> Unresolved { get; init; } = [];

    /// <summary>Source line of a slot, or null when the object has none.</summary>
    public SourceLine? LineAt(int slot) =>
        Types is null ? null : LineRecord.At(Lines.AsSpan(), slot)?.Describe(Types);

    /// <summary>The function a slot belongs to.</summary>
    public LinkedFunction FunctionAt(int slot) => Functions.LastOrDefault(function => function.Slot <= slot) ?? Functions[0];
}

public sealed record LinkedFunction(int Slot, string Name, TypeId BtfId, bool IsGlobal);

public sealed record UnresolvedRelocation(int Slot, Diagnostics.Diagnostic Diagnostic);

/// <summary>A map definition as an engine creates it.</summary>
public sealed record LinkedMap(int Index, string Name, MapType Type, uint KeySize, uint ValueSize, uint MaxEntries, uint Flags)
{
    public ulong Extra { get; init; }

    public TypeId KeyType { get; init; }

    public TypeId ValueType { get; init; }

    public DataSectionKind DataSection { get; init; }

    /// <summary>Initial value of element 0 of a data section; empty when it is all zero.</summary>
    public ReadOnlyMemory<byte> InitialData { get; init; }

    public LinkedMap? InnerMap { get; init; }

    public ImmutableArray<MapSlot> Slots { get; init; } = [];

    public bool PinByName { get; init; }

    public ImmutableArray<string> Tags { get; init; } = [];

    /// <summary>Constant data: frozen after the initial value was written.</summary>
    public bool IsFrozen => DataSection is DataSectionKind.ReadOnly or DataSectionKind.Kconfig;

    public bool IsDataSection => DataSection != DataSectionKind.None;
}

/// <summary>A global variable as an engine finds it: bytes of element 0 of a map.</summary>
public sealed record LinkedVariable(string Name, int MapIndex, int Offset, int Size, TypeId Type, ImmutableArray<string> Tags);
