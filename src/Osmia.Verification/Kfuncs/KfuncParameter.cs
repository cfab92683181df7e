using Osmia.Btf;

namespace Osmia.Verification.Kfuncs;

/// <summary>A parameter of a kernel function: its type, and what the kernel reads from the end of its name.</summary>
/// <remarks>Documentation/bpf/kfuncs.rst, "Annotating kfunc parameters".</remarks>
internal sealed class KfuncParameter(BtfTypes types, BtfParameter parameter)
{
    /// <summary>Without qualifiers and typedefs.</summary>
    public BtfType Type { get; } = types.Resolve(parameter.Type);

    public string Name { get; } = types.String(parameter.NameOffset);

    /// <summary>What a pointer points to, without qualifiers and typedefs.</summary>
    public BtfType Pointee => types.Resolve(Type.ReferencedId);

    public bool IsNumber => IsNumberType(Type);

    public bool IsPointer => Type.Kind == BtfKind.Pointer;

    /// <summary>The size of the memory before it; <c>__szk</c> must be a constant.</summary>
    public bool IsSize => IsNumber && (Ends("__sz") || IsConstantSize);

    public bool IsConstantSize => IsNumber && Ends("__szk");

    public bool IsConstant => Ends("__k");

    /// <summary>Memory that may be left out, whatever its size says.</summary>
    public bool IsOptional => Ends("__opt");

    public bool IsIgnored => Ends("__ign");

    public bool IsNullable => Ends("__nullable");

    public bool IsText => Ends("__str");

    public bool IsUninitialised => Ends("__uninit");

    public bool IsAllocated => Ends("__alloc");

    public bool IsMap => Ends("__map");

    public bool IsIterator => Ends("__iter");

    public bool IsIrqFlag => Ends("__irq_flag");

    /// <summary>The kernel puts the program in itself.</summary>
    public bool IsProgram => Ends("__prog");

    public bool IsRefcounted => Ends("__refcounted_kptr");

    public bool PointsTo(string structure) => IsPointer && Pointee is { Kind: BtfKind.Struct } pointee && pointee.NameBytes.SequenceEqual(System.Text.Encoding.UTF8.GetBytes(structure));

    public static bool IsNumberType(BtfType type) => type.Kind is BtfKind.Int or BtfKind.Enum or BtfKind.Enum64;

    private bool Ends(string suffix) => Name.EndsWith(suffix, StringComparison.Ordinal);
}
