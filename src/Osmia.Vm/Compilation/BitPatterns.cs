using System.Numerics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Trees that compilers write for what machines have an instruction for. A rotation and a swap within one value are found where their last node is
/// made (<see cref="Node"/>); those here reach over several variables.
/// </summary>
/// <remarks>
/// Clang knows the shifts and masks of a byte swap and writes <c>bswap</c> or <c>be</c> for them, so that they never come here as trees; counts
/// of bits it writes as below, whatever the source says.
/// </remarks>
internal static class BitPatterns
{
    private static readonly Pattern[] s_patterns = [Ones(64, 56), Ones(32, 24)];

    /// <summary>Counting bits is one instruction, not a routine of the runtime's.</summary>
    private static readonly bool s_canCount = Popcnt.IsSupported || AdvSimd.IsSupported;

    /// <param name="definitionOf">What a variable holds since this block assigned it; null when that is not known, or no longer so.</param>
    /// <param name="bypassed">The variables that the shorter tree no longer reads.</param>
    public static Node? Find(Node node, Func<Web, Node?> definitionOf, out List<Web> bypassed)
    {
        bypassed = [];
        if (node.Kind != NodeKind.ShiftRight || !s_canCount)
        {
            return null;
        }

        foreach (Pattern pattern in s_patterns)
        {
            var match = new ShapeMatch(pattern.Width == 64, definitionOf);
            if (match.Fits(pattern.Whole, node))
            {
                bypassed = match.Kept;
                Node operand = match.ValueOf(pattern.Operand);
                return Node.Unary(pattern.Kind, false, pattern.Width == 64 ? Node.Wide(operand) : Node.Narrow(operand));
            }
        }

        return null;
    }

    // Sums of neighbours: of 1 bit, 2, 4, and by multiplying of all bytes in the highest.
    private static Pattern Ones(int width, int highest)
    {
        Shape x = Shape.Any();
        Shape y = Shape.Kept(x - ((x >> 1) & Mask(0x55)));
        Shape z = Shape.Kept((y & Mask(0x33)) + ((y >> 2) & Mask(0x33)));
        return new(width, NodeKind.CountOnes, ((z + (z >> 4)) & Mask(0x0f)) * Mask(0x01) >> highest, x);

        Shape Mask(ulong part) => Shape.Constant((part * 0x0101010101010101) & (ulong.MaxValue >> (64 - width)));
    }

    private sealed record Pattern(int Width, NodeKind Kind, Shape Whole, Shape Operand);
}

/// <summary>A tree to look for, written as the expression it is.</summary>
internal sealed class Shape
{
    private Shape(NodeKind? kind, Shape? left = null, Shape? right = null, ulong value = 0) => (Kind, Left, Right, Value) = (kind, left, right, value);

    /// <summary>Null for a variable.</summary>
    public NodeKind? Kind { get; }

    public Shape? Left { get; }

    public Shape? Right { get; }

    public ulong Value { get; }

    /// <summary>What the variable must have been assigned; null for any.</summary>
    public Shape? Definition { get; private init; }

    public bool IsCommutative => Kind is NodeKind.Add or NodeKind.Multiply or NodeKind.And or NodeKind.Or or NodeKind.Xor;

    /// <summary>A variable, the same wherever the shape stands.</summary>
    public static Shape Any() => new(kind: null);

    /// <summary>A variable that holds a shape.</summary>
    public static Shape Kept(Shape definition) => new(kind: null) { Definition = definition };

    public static Shape Constant(ulong value) => new(NodeKind.Constant, value: value);

    public static Shape operator +(Shape left, Shape right) => new(NodeKind.Add, left, right);

    public static Shape operator -(Shape left, Shape right) => new(NodeKind.Subtract, left, right);

    public static Shape operator *(Shape left, Shape right) => new(NodeKind.Multiply, left, right);

    public static Shape operator &(Shape left, Shape right) => new(NodeKind.And, left, right);

    public static Shape operator >>(Shape left, int distance) => new(NodeKind.ShiftRight, left, Constant((ulong)distance));
}

/// <summary>A try to find a shape in a tree of 64 or 32 bits.</summary>
internal sealed class ShapeMatch(bool isWide, Func<Web, Node?> definitionOf)
{
    private readonly List<(Shape Shape, Node Node)> _bound = [];

    /// <summary>The variables with a definition, the last assigned first.</summary>
    public List<Web> Kept => [.. _bound.Where(pair => pair.Shape.Definition is not null).Select(pair => pair.Node.Web!)];

    public Node ValueOf(Shape variable) => _bound.Find(pair => pair.Shape == variable).Node;

    public bool Fits(Shape shape, Node node)
    {
        if (!isWide && node.Kind is NodeKind.Truncate or NodeKind.ZeroExtend)
        {
            // Only the low half matters, and each operation is of 32 bits.
            node = node.Left!;
        }

        if (shape.Kind is not { } kind)
        {
            return FitsVariable(shape, node);
        }

        if (kind != node.Kind)
        {
            return false;
        }

        if (kind == NodeKind.Constant)
        {
            return shape.Value == node.Value;
        }

        int bound = _bound.Count;
        if (node.IsWide != isWide)
        {
            return false;
        }

        if (Fits(shape.Left!, node.Left!) && Fits(shape.Right!, node.Right!))
        {
            return true;
        }

        _bound.RemoveRange(bound, _bound.Count - bound);
        return shape.IsCommutative && Fits(shape.Left!, node.Right!) && Fits(shape.Right!, node.Left!);
    }

    private bool FitsVariable(Shape shape, Node node)
    {
        if (node.Kind != NodeKind.Local)
        {
            return false;
        }

        if (ValueOf(shape) is { } known)
        {
            return known.Web == node.Web;
        }

        _bound.Add((shape, node));
        return shape.Definition is null || (definitionOf(node.Web!) is { } definition && Fits(shape.Definition, definition));
    }
}
