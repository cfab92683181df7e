namespace Osmia.Vm.Compilation;

internal enum NodeKind
{
    Constant,
    Local,

    /// <summary>The frame pointer plus <see cref="Node.Value"/>.</summary>
    FramePointer,
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    SignedDivide,
    SignedModulo,
    And,
    Or,
    Xor,
    ShiftLeft,
    ShiftRight,
    ShiftRightSigned,

    /// <summary>By <see cref="Node.Value"/> bits.</summary>
    RotateLeft,
    Negate,
    Swap16,
    Swap32,
    Swap64,

    /// <summary>How many bits are set; 32 bits, whatever the operand has.</summary>
    CountOnes,

    /// <summary>32 bits to 64.</summary>
    ZeroExtend,

    /// <summary>64 bits to 32.</summary>
    Truncate,
    ZeroExtend16,
    SignExtend8,
    SignExtend16,
    SignExtend32,

    /// <summary>A load that needs no check; <see cref="Node.Left"/> is the address.</summary>
    Load,

    /// <summary>First byte of the packet.</summary>
    PacketData,
    PacketEnd,
    PacketMeta,
}

/// <summary>An expression without effects. Its value is 64 bits wide, or 32 bits of which the upper half is known to be zero.</summary>
internal sealed class Node
{
    private Node(NodeKind kind, bool isWide, Node? left = null, Node? right = null)
    {
        Kind = kind;
        IsWide = isWide;
        Left = left;
        Right = right;
        Depth = 1 + Math.Max(left?.Depth ?? 0, right?.Depth ?? 0);
        ReadsMemory = kind is NodeKind.Load or NodeKind.PacketData or NodeKind.PacketEnd or NodeKind.PacketMeta || (left?.ReadsMemory ?? false) || (right?.ReadsMemory ?? false);
    }

    public NodeKind Kind { get; }

    public bool IsWide { get; }

    public Node? Left { get; }

    public Node? Right { get; }

    public ulong Value { get; private init; }

    public Web? Web { get; private init; }

    /// <summary>Bytes of a load.</summary>
    public int Size { get; private init; }

    /// <summary>A load that repeats the sign bit.</summary>
    public bool IsSigned { get; private init; }

    public int Depth { get; }

    public bool ReadsMemory { get; }

    public bool IsConstant => Kind == NodeKind.Constant;

    /// <summary>Costs no more to write down twice than to keep.</summary>
    public bool IsLeaf => Kind is NodeKind.Constant or NodeKind.Local or NodeKind.FramePointer;

    public static Node Constant(ulong value) => new(NodeKind.Constant, value > uint.MaxValue) { Value = value };

    public static Node Local(Web web) => new(NodeKind.Local, !web.IsNarrow) { Web = web };

    public static Node FramePointer(long offset) => new(NodeKind.FramePointer, true) { Value = (ulong)offset };

    public static Node PacketPointer(NodeKind kind) => new(kind, true);

    public static Node Load(Node address, int size, bool isSigned) => new(NodeKind.Load, isSigned || size == 8, Wide(address)) { Size = size, IsSigned = isSigned };

    /// <summary>The value as 64 bits.</summary>
    public static Node Wide(Node node) =>
        node.IsWide ? node
        : node is { Kind: NodeKind.Truncate, Left: { Kind: NodeKind.ShiftRight, Right: { IsConstant: true, Value: >= 32 } } shifted } ? shifted
        : node.IsConstant ? new(NodeKind.Constant, true) { Value = node.Value } : new(NodeKind.ZeroExtend, true, node);

    /// <summary>The low 32 bits.</summary>
    public static Node Narrow(Node node) =>
        !node.IsWide ? node
        : node.IsConstant ? new(NodeKind.Constant, false) { Value = (uint)node.Value }
        : node.Kind == NodeKind.ZeroExtend ? node.Left!
        : new(NodeKind.Truncate, false, node);

    public static Node Unary(NodeKind kind, bool isWide, Node operand) => new(kind, isWide, operand);

    /// <summary>An operation on 64 bits, done with 32 where that gives the same.</summary>
    public static Node Binary64(NodeKind kind, Node left, Node right)
    {
        bool isLeftNarrow = FitsNarrow(left);
        bool isRightNarrow = FitsNarrow(right);
        switch (kind)
        {
            case NodeKind.And when isLeftNarrow || isRightNarrow:
            case NodeKind.Or or NodeKind.Xor or NodeKind.Divide or NodeKind.Modulo when isLeftNarrow && isRightNarrow:
                return Binary32(kind, Narrow(left), Narrow(right));
            case NodeKind.ShiftRight or NodeKind.ShiftRightSigned when isLeftNarrow && right.IsConstant:
                return (right.Value & 63) < 32 ? Binary32(NodeKind.ShiftRight, Narrow(left), Constant(right.Value & 63)) : Constant(0);
            case NodeKind.ShiftRight or NodeKind.ShiftRightSigned when right.IsConstant && left is { Kind: NodeKind.ShiftLeft, Right.IsConstant: true } && (left.Right.Value & 63) == (right.Value & 63):
                if (Extended(kind, Narrow(left.Left!), (int)right.Value & 63) is { } extended)
                {
                    return extended;
                }

                break;
            case NodeKind.ShiftLeft or NodeKind.ShiftRight or NodeKind.ShiftRightSigned:
                return new(kind, true, Wide(left), right.IsConstant ? Constant(right.Value & 63) : Narrow(right));
            case NodeKind.Add or NodeKind.Subtract when right.IsConstant:
                return Plus(Wide(left), kind == NodeKind.Add ? right.Value : 0 - right.Value);
            case NodeKind.Add when left.IsConstant:
                return Plus(Wide(right), left.Value);
        }

        if (kind is NodeKind.ShiftRight or NodeKind.ShiftRightSigned)
        {
            return new(kind, true, Wide(left), Constant(right.Value & 63));
        }

        left = Wide(left);
        right = Wide(right);
        return Rotated(kind, left, right, 64) ?? new(kind, true, left, right);
    }

    public static Node Binary32(NodeKind kind, Node left, Node right)
    {
        left = Narrow(left);
        right = Narrow(right);
        if (kind is NodeKind.ShiftLeft or NodeKind.ShiftRight or NodeKind.ShiftRightSigned)
        {
            return new(kind, false, left, right.IsConstant ? Constant(right.Value & 31) : right);
        }

        return Rotated(kind, left, right, 32) ?? new(kind, false, left, right);
    }

    private static bool FitsNarrow(Node node) => !node.IsWide || node.Kind == NodeKind.ZeroExtend || (node.IsConstant && node.Value <= uint.MaxValue);

    private static Node Plus(Node node, ulong distance)
    {
        switch (node.Kind)
        {
            case NodeKind.Constant:
                return Constant(node.Value + distance);
            case NodeKind.FramePointer:
                return FramePointer((long)(node.Value + distance));
            case NodeKind.Add when node.Right!.IsConstant:
                return Plus(node.Left!, node.Right.Value + distance);
        }

        return distance == 0 ? node : new(NodeKind.Add, true, node, Wide(Constant(distance)));
    }

    // A shift up and down by the same distance.
    private static Node? Extended(NodeKind kind, Node low, int distance) => (kind, distance) switch
    {
        (NodeKind.ShiftRight, 32) => low,
        (NodeKind.ShiftRight, 48) => new(NodeKind.ZeroExtend16, false, low),
        (NodeKind.ShiftRightSigned, 32) => new(NodeKind.SignExtend32, true, low),
        (NodeKind.ShiftRightSigned, 48) => new(NodeKind.SignExtend16, true, low),
        (NodeKind.ShiftRightSigned, 56) => new(NodeKind.SignExtend8, true, low),
        _ => null,
    };

    // x << n | x >> (width - n)
    private static Node? Rotated(NodeKind kind, Node left, Node right, int width)
    {
        if (kind is not (NodeKind.Or or NodeKind.Xor or NodeKind.Add))
        {
            return null;
        }

        (Node up, Node down) = left.Kind == NodeKind.ShiftLeft ? (left, right) : (right, left);
        bool isRotation = up.Kind == NodeKind.ShiftLeft && down.Kind == NodeKind.ShiftRight && up.IsWide == (width == 64) && down.IsWide == up.IsWide
            && up.Right!.IsConstant && down.Right!.IsConstant && up.Right.Value != 0 && up.Right.Value + down.Right.Value == (ulong)width
            && up.Left is { Kind: NodeKind.Local } a && down.Left is { Kind: NodeKind.Local } b && a.Web == b.Web;
        return isRotation ? new(NodeKind.RotateLeft, width == 64, up.Left) { Value = up.Right!.Value } : null;
    }

    /// <summary>Whether another expression is written the same.</summary>
    public bool IsSameAs(Node? other) => this == other || (other is not null && Kind == other.Kind && IsWide == other.IsWide && Value == other.Value && Web == other.Web && Size == other.Size
        && IsSigned == other.IsSigned && (Left?.IsSameAs(other.Left) ?? other.Left is null) && (Right?.IsSameAs(other.Right) ?? other.Right is null));

    /// <summary>Whether the value changes when a variable is assigned.</summary>
    public bool Reads(Web web) => Web == web || (Left?.Reads(web) ?? false) || (Right?.Reads(web) ?? false);
}
