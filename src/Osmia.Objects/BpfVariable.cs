using Osmia.Btf;

namespace Osmia.Objects;

/// <summary>A global variable: bytes within a data section's map.</summary>
public sealed class BpfVariable(string name, BpfMap map, int offset, int size, TypeId type)
{
    public string Name { get; } = name;

    public BpfMap Map { get; } = map;

    /// <summary>Offset in the section, in bytes.</summary>
    public int Offset { get; } = offset;

    public int Size { get; } = size;

    /// <summary>The variable's type; void when the object has no BTF for it.</summary>
    public TypeId Type { get; } = type;

    /// <summary>True for <c>.rodata</c>: the value can change only before the object is loaded.</summary>
    public bool IsConstant => Map.DataSection == DataSectionKind.ReadOnly;

    /// <summary>The BTF variable that declares it; void when the object has no BTF for it.</summary>
    public TypeId Declaration { get; init; }

    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Visible to other objects when they are linked; static variables are not.</summary>
    public bool IsGlobal { get; init; }

    /// <summary>A value of the configuration that may be missing, or a definition that gives way to another object's.</summary>
    public bool IsWeak { get; init; }

    /// <summary><c>__hidden</c>: global for the static linker only.</summary>
    public bool IsHidden { get; init; }

    /// <summary>The value the object will be linked with.</summary>
    public Span<byte> InitialValue => Map.InitialData.AsSpan(Offset, Size);
}
