namespace Osmia.Bytecode.Classic.Expressions;

/// <summary>A filter expression taken apart: tests of packet bytes, joined.</summary>
internal abstract record FilterNode
{
    public static FilterNode All(params ReadOnlySpan<FilterNode> parts) => Join(parts, isAnd: true);

    public static FilterNode Any(params ReadOnlySpan<FilterNode> parts) => Join(parts, isAnd: false);

    private static FilterNode Join(ReadOnlySpan<FilterNode> parts, bool isAnd)
    {
        FilterNode joined = parts[0];
        foreach (FilterNode part in parts[1..])
        {
            joined = isAnd ? new AndNode(joined, part) : new OrNode(joined, part);
        }

        return joined;
    }
}

internal sealed record AndNode(FilterNode Left, FilterNode Right) : FilterNode;

internal sealed record OrNode(FilterNode Left, FilterNode Right) : FilterNode;

internal sealed record NotNode(FilterNode Inner) : FilterNode;

/// <summary>Loads a value, masks it and compares it with a constant.</summary>
/// <param name="Operation">Jeq, Jgt, Jge or Jset.</param>
internal sealed record TestNode(FilterValue Value, JumpOperation Operation, uint Constant) : FilterNode
{
    public uint Mask { get; init; } = uint.MaxValue;
}

/// <summary>Compares two computed values.</summary>
internal sealed record RelationNode(FilterValue Left, JumpOperation Operation, FilterValue Right) : FilterNode;

/// <summary>A number that a filter computes.</summary>
internal abstract record FilterValue;

internal sealed record ConstantValue(uint Number) : FilterValue;

internal sealed record LengthValue : FilterValue;

/// <summary>Bytes at a fixed place.</summary>
internal sealed record FixedValue(uint Offset, Size Size) : FilterValue;

/// <summary>Bytes behind the IPv4 header, whose length the packet tells.</summary>
/// <param name="Header">Where the IPv4 header begins.</param>
/// <param name="Offset">From the header's end.</param>
internal sealed record BehindHeaderValue(uint Header, FilterValue Offset, Size Size) : FilterValue;

/// <summary>Bytes at a computed place.</summary>
internal sealed record ComputedValue(uint Base, FilterValue Offset, Size Size) : FilterValue;

/// <summary>Operation of an ALU instruction.</summary>
internal sealed record ArithmeticValue(ArithmeticOperation Operation, FilterValue Left, FilterValue Right) : FilterValue;

internal sealed record NegatedValue(FilterValue Inner) : FilterValue;
