using System.Collections.Immutable;
using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>One column of printed records: a member, however deep it stands, with its place counted from the record's start.</summary>
/// <param name="Name">The path in the record: <c>key.pid</c>.</param>
/// <param name="ProcessMember">The sibling that says whose addresses these are, for user addresses; else null.</param>
public sealed record RecordColumn(string Name, ShapeMember Member, ShapeMember? ProcessMember)
{
    // Nested structures deeper than this, and structures of more columns, are printed as one column.
    private const int MaximumDepth = 8;
    private const int MaximumColumns = 64;
    private const int TextWidth = 16;

    /// <summary>The heading: the last part of the path in capitals, the whole path where that would be ambiguous.</summary>
    public string Header { get; private init; } = "";

    /// <summary>Characters the column starts with.</summary>
    public int Width { get; private init; }

    public bool IsText => Member.Shape.Kind == ShapeKind.Text;

    public bool IsNumber => Member.Shape is { Kind: ShapeKind.Integer, Format: not (FieldFormat.Hex or FieldFormat.KernelSymbol or FieldFormat.UserSymbol) }
        or { Kind: ShapeKind.Float };

    public void Append(ValuePrinter printer, Utf8Buffer text, ReadOnlySpan<byte> record)
    {
        long pid = 0;
        if (ProcessMember is not null)
        {
            ValueNumbers.TryRead(ProcessMember, record, out pid);
        }

        printer.Append(text, Member, record, (int)pid);
    }

    /// <summary>The columns of a shape: the members of a structure, nested ones in place; anything else is one column of the given name.</summary>
    internal static ImmutableArray<RecordColumn> Of(ValueShape shape, string name)
    {
        var columns = ImmutableArray.CreateBuilder<RecordColumn>();
        if (shape.Kind != ShapeKind.Composite || shape.Members.IsEmpty || !Flatten(columns, shape, "", 0, 0))
        {
            return Single(shape, name);
        }

        var lastParts = columns.CountBy(column => LastPart(column.Name), StringComparer.Ordinal).ToDictionary(StringComparer.Ordinal);
        return [.. columns.Select(column =>
        {
            string header = lastParts[LastPart(column.Name)] == 1 ? LastPart(column.Name) : column.Name;
            return column with { Header = header.ToUpperInvariant(), Width = Math.Max(header.Length, WidthOf(column.Member.Shape)) };
        })];
    }

    /// <summary>A value as one column, whatever it holds.</summary>
    internal static ImmutableArray<RecordColumn> Single(ValueShape shape, string name)
    {
        var column = new RecordColumn(name, new ShapeMember(name, shape, 0, 0), null);
        return [column with { Header = name.ToUpperInvariant(), Width = Math.Max(name.Length, WidthOf(shape)) }];
    }

    private static string LastPart(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static bool Flatten(ImmutableArray<RecordColumn>.Builder columns, ValueShape shape, string prefix, long bitOffset, int depth)
    {
        ShapeMember? process = shape.ProcessMember < 0 ? null : Moved(shape.Members[shape.ProcessMember], bitOffset);
        foreach (ShapeMember member in shape.Members)
        {
            string name = prefix + (member.Name.Length == 0 ? "?" : member.Name);
            if (member.Shape is { Kind: ShapeKind.Composite, Members.IsEmpty: false } && depth < MaximumDepth)
            {
                if (!Flatten(columns, member.Shape, name + ".", bitOffset + member.BitOffset, depth + 1))
                {
                    return false;
                }

                continue;
            }

            if (columns.Count == MaximumColumns)
            {
                return false;
            }

            bool needsProcess = member.Shape.Format == FieldFormat.UserSymbol || member.Shape.Element?.Format == FieldFormat.UserSymbol;
            columns.Add(new RecordColumn(name, Moved(member, bitOffset), needsProcess ? process : null));
        }

        return true;
    }

    private static ShapeMember Moved(ShapeMember member, long bits) => bits == 0 ? member : member with { BitOffset = member.BitOffset + bits };

    private static int WidthOf(ValueShape shape) => (shape.Kind, shape.Format) switch
    {
        (_, FieldFormat.Nanoseconds or FieldFormat.Microseconds or FieldFormat.Milliseconds) => 10,
        (_, FieldFormat.Ip4) => 15,
        (_, FieldFormat.Ip6) => 24,
        (_, FieldFormat.Mac) => 17,
        (_, FieldFormat.Port) => 5,
        (_, FieldFormat.KernelSymbol or FieldFormat.UserSymbol) => 24,
        (ShapeKind.Integer, FieldFormat.Hex) => 2 + 2 * (int)shape.Size,
        (ShapeKind.Integer, _) => shape.Size switch { 1 => 4, 2 => 6, 4 => 7, _ => 10 },
        (ShapeKind.Bool, _) => 5,
        (ShapeKind.Enum, _) => Math.Min(shape.LongestName, TextWidth),
        (ShapeKind.Float, _) => 10,
        (ShapeKind.Pointer, _) => 18,
        (ShapeKind.Prefix, _) => 18,
        _ => (int)Math.Min(shape.Size, TextWidth),
    };
}
