using Osmia.Btf;

namespace Osmia.Objects;

/// <summary>Where the definition of an external symbol is looked for.</summary>
public enum ExternKind
{
    /// <summary>A function of another object (static linking).</summary>
    Function,

    /// <summary>A variable of another object (static linking).</summary>
    Variable,

    /// <summary>A map of another object (static linking): an <c>extern</c> declaration in <c>.maps</c>.</summary>
    Map,

    /// <summary>A value of the kernel's configuration, <c>__kconfig</c>.</summary>
    Configuration,

    /// <summary>A kfunc: a function of the kernel in <c>.ksyms</c>.</summary>
    KernelFunction,

    /// <summary>A variable of the kernel in <c>.ksyms</c>; one declared <c>void</c> is found by its address alone.</summary>
    KernelVariable,
}

/// <summary>A symbol an object uses and does not define.</summary>
public sealed class BpfExtern(string name, ExternKind kind)
{
    public string Name { get; } = name;

    public ExternKind Kind { get; } = kind;

    /// <summary>The BTF variable or function that declares it; void when the object has no BTF for it.</summary>
    public TypeId Declaration { get; init; }

    /// <summary>A weak symbol may be missing: its address is 0.</summary>
    public bool IsWeak { get; init; }

    /// <summary>The declaration is <c>__hidden</c>, which makes the definition so when objects are linked.</summary>
    public bool IsHidden { get; init; }

    public override string ToString() => $"{Kind} {Name}";
}
