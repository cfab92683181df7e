using Osmia.Btf;

namespace Osmia.Objects.Merging;

/// <summary>One object's word on a name that other objects see: a definition, or an external declaration.</summary>
/// <param name="Thing">A <see cref="BpfFunction"/>, <see cref="BpfMap"/>, <see cref="BpfVariable"/>, <see cref="BpfSection"/> or <see cref="BpfExtern"/>.</param>
internal sealed record Occurrence(int Object, string Name, object Thing, SymbolNature Nature, TypeId Declaration, bool IsWeak, bool IsHidden)
{
    public bool IsExtern => Thing is BpfExtern;
}

/// <summary>What a name stands for: only alike things are bound to each other.</summary>
internal enum SymbolNature
{
    Function,
    Variable,
    Map,
    Configuration,
    KernelSymbol,
}

/// <summary>What all objects together say of one name.</summary>
internal sealed class GlobalSymbol(Occurrence first)
{
    /// <summary>The definition that won, or the first declaration while there is none.</summary>
    public Occurrence Chosen { get; set; } = first;

    public bool IsWeak { get; set; } = first.IsWeak;

    public bool IsHidden { get; set; } = first.IsHidden;
}
