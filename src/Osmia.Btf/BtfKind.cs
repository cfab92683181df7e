namespace Osmia.Btf;

/// <summary>Kinds of BTF types with the kernel's numbers (<c>BTF_KIND_*</c>, include/uapi/linux/btf.h).</summary>
public enum BtfKind : byte
{
    Void = 0,
    Int = 1,
    Pointer = 2,
    Array = 3,
    Struct = 4,
    Union = 5,
    Enum = 6,
    Forward = 7,
    Typedef = 8,
    Volatile = 9,
    Const = 10,
    Restrict = 11,
    Function = 12,
    FunctionPrototype = 13,
    Variable = 14,
    DataSection = 15,
    Float = 16,
    DeclarationTag = 17,
    TypeTag = 18,
    Enum64 = 19,
}

/// <summary>Linkage of a variable or function (<c>BTF_VAR_*</c>, <c>BTF_FUNC_*</c>).</summary>
public enum BtfLinkage
{
    Static = 0,
    Global = 1,
    External = 2,
}

public static class BtfKindExtensions
{
    private static readonly string[] s_names =
    [
        "UNKN", "INT", "PTR", "ARRAY", "STRUCT", "UNION", "ENUM", "FWD", "TYPEDEF", "VOLATILE", "CONST", "RESTRICT",
        "FUNC", "FUNC_PROTO", "VAR", "DATASEC", "FLOAT", "DECL_TAG", "TYPE_TAG", "ENUM64",
    ];

    /// <summary>The word bpftool's raw dump prints for a kind.</summary>
    public static string ToKernelName(this BtfKind kind) => (int)kind < s_names.Length ? s_names[(int)kind] : $"KIND_{(int)kind}";

    /// <summary>Kinds that only rename or qualify another type.</summary>
    public static bool IsModifier(this BtfKind kind) =>
        kind is BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag;

    public static bool IsComposite(this BtfKind kind) => kind is BtfKind.Struct or BtfKind.Union;

    public static bool IsEnum(this BtfKind kind) => kind is BtfKind.Enum or BtfKind.Enum64;

    // Linux 7.1 gives 7 bits to the kind and 24 to the count. Until then it was 5 and 16, and the bits between them had to be 0.
    internal static BtfKind KindOf(uint info) => (BtfKind)((info >> 24) & 0x7f);

    internal static int CountOf(uint info) => (int)(info & 0xffffff);

    /// <summary>Bytes after the 12-byte header of one type, or -1 for a kind this table does not know.</summary>
    internal static int ExtraBytes(BtfKind kind, int count) => (uint)kind < (uint)FixedBytes.Length ? FixedBytes[(int)kind] + PartBytes[(int)kind] * count : -1;

    // By kind:                                 void int ptr arr str uni enu fwd typ vol con res fun pro var sec flo dec tag e64
    private static ReadOnlySpan<byte> FixedBytes => [0, 4, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 4, 0, 0];

    private static ReadOnlySpan<byte> PartBytes => [0, 0, 0, 0, 12, 12, 8, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 0, 0, 12];
}
