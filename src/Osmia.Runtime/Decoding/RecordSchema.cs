using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>How the records of a buffer are read: the struct a program writes, as a shape and as columns.</summary>
public sealed class RecordSchema
{
    private RecordSchema(string name, ValueShape shape)
    {
        Name = name;
        Shape = shape;
        Columns = RecordColumn.Of(shape, "data");
    }

    /// <summary>The struct's name; empty when nothing is known of the records.</summary>
    public string Name { get; }

    public ValueShape Shape { get; }

    /// <summary>Bytes of the struct; a record may be longer (a perf buffer pads records).</summary>
    public long Size => Shape.Size;

    /// <summary>Members in order, nested ones in place, without those tagged <c>osmia:skip</c>.</summary>
    public ImmutableArray<RecordColumn> Columns { get; }

    /// <param name="name">What the struct is called when it has only a typedef's name.</param>
    public static RecordSchema Of(BtfTypes types, TypeId type, string? name = null) => new(name ?? types[type].Name, new ValueShapes(types).Of(type));

    /// <summary>For records nothing is known of: one column of bytes.</summary>
    public static RecordSchema Unknown { get; } = new("", ValueShape.Bytes(int.MaxValue));
}
