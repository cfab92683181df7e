using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

internal enum StatementKind
{
    /// <summary><see cref="Statement.Result"/> = A.</summary>
    Assign,

    /// <summary>Result = memory at A, checked.</summary>
    Load,

    /// <summary>Memory at A = B.</summary>
    Store,

    /// <summary>An atomic operation on memory at A with B, and C for what is compared with.</summary>
    Atomic,

    /// <summary>A helper with the arguments; Result may be null.</summary>
    CallHelper,

    /// <summary>The helper whose id A is.</summary>
    CallRegister,

    /// <summary>The array lookup written out: Result = value of the key A, or 0.</summary>
    ArrayLookup,

    /// <summary>A hash lookup: Result = value of the key at address A, or 0.</summary>
    HashLookup,
    CallLocal,
    TailCall,

    /// <summary>A packet load at offset A while r6 is B; the function returns 0 when the packet is too short.</summary>
    PacketLoad,

    /// <summary>Goes to the block's Taken when the comparison of A and B holds.</summary>
    Branch,
    MayGoto,
    Jump,

    /// <summary>Goes on with the block's Next, whatever Taken is.</summary>
    Next,

    /// <summary>Returns A.</summary>
    Exit,

    /// <summary>The instruction cannot run.</summary>
    Trap,
}

/// <summary>What an access must be compared with before it is made.</summary>
internal enum AccessCheck
{
    None,

    /// <summary>The pointer <see cref="Access.Pointer"/> must not be <see cref="Access.Low"/>, which is what a null of its lookup became.</summary>
    NotNull,

    /// <summary>The address must lie in the fixed range.</summary>
    Range,
    Frame,

    /// <summary>The frame of the function's caller.</summary>
    CallerFrame,
    Packet,

    /// <summary>The value or record touched last.</summary>
    Value,

    /// <summary>No guess is likely to be right: ask.</summary>
    Ask,
}

internal sealed record Access(int Size, AccessCheck Check)
{
    public static Access Unchecked(int size) => new(size, AccessCheck.None);

    public bool IsWrite { get; init; }

    public ulong Low { get; init; }

    public ulong Length { get; init; }

    /// <summary>Bytes that must lie in the region: those of accesses that follow may be among them, and some may be written.</summary>
    public int Reach { get; init; } = Size;

    /// <summary>How many of them stand before the address.</summary>
    public int Before { get; init; }

    public Node? Pointer { get; init; }

    /// <summary>The guess is as good as certain: an access that misses is wrong, and whatever comes then need not be fast.</summary>
    public bool IsFirm { get; init; }

    /// <summary>The host's atomic instructions want the address aligned, and nothing shows that it is.</summary>
    public bool ChecksAlignment { get; init; }
}

internal enum Comparison
{
    Equal,
    NotEqual,
    Above,
    AboveOrEqual,
    Below,
    BelowOrEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,

    /// <summary>They have a bit in common.</summary>
    Shares,
}

/// <summary>One effect, in the order of the program.</summary>
internal sealed class Statement(StatementKind kind, int slot)
{
    public StatementKind Kind { get; } = kind;

    public int Slot { get; } = slot;

    public Op Op { get; init; }

    public Node? A { get; init; }

    public Node? B { get; init; }

    public Node? C { get; init; }

    public Web? Result { get; init; }

    public Access? Access { get; init; }

    public Comparison Comparison { get; init; }

    /// <summary>r1 and the following, for calls.</summary>
    public Node[] Arguments { get; init; } = [];

    /// <summary>Index of a map, id of a helper, or slot of a function.</summary>
    public int Target { get; init; }

    /// <summary>The registers that matter here: a trap tells them, the interpreter goes on with them.</summary>
    public List<KnownRegister> Known { get; init; } = [];

    public bool Reads(Web web) =>
        (A?.Reads(web) ?? false) || (B?.Reads(web) ?? false) || (C?.Reads(web) ?? false) || (Access?.Pointer?.Reads(web) ?? false)
        || Array.Exists(Arguments, argument => argument.Reads(web)) || Known.Exists(known => known.Value.Reads(web));
}

/// <summary>What a register holds at a statement.</summary>
internal sealed record KnownRegister(int Register, Node Value);
