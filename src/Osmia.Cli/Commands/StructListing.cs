using System.Buffers.Binary;
using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Runtime;

namespace Osmia.Cli.Commands;

/// <summary>A struct as rows: fields by their path, callbacks with the program behind them, and in one line those that nobody implements.</summary>
/// <param name="nameOf">A program's name by its number.</param>
internal sealed class StructListing(BtfTypes types, ValueShapes shapes, ValuePrinter printer, Func<ulong, string> nameOf)
{
    private readonly TextTable _table = new("FIELD", "VALUE", "CALLED AS");
    private readonly List<string> _absent = [];

    public void Add(BtfType type, ReadOnlySpan<byte> value, string prefix = "")
    {
        foreach (StructMember member in StructMember.Of(types, type, value.Length))
        {
            ReadOnlySpan<byte> bytes = value.Slice(member.Offset, member.Size);
            if (member.IsStruct)
            {
                // The kernel's wrapper holds the struct itself as "data".
                Add(member.Resolved, bytes, member.Name == "data" ? prefix : $"{prefix}{member.Name}.");
            }
            else if (member.Prototype(types) is { } prototype)
            {
                AddCallback(prefix + member.Name, prototype, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            }
            else
            {
                var text = new Utf8Buffer();
                printer.Append(text, shapes.Of(member.Type), bytes);
                _table.Add(prefix + member.Name, Encoding.UTF8.GetString(text.Written), "");
            }
        }
    }

    public void Write(TextWriter output)
    {
        _table.Write(output);
        if (_absent.Count > 0)
        {
            output.WriteLine($"  no program implements {string.Join(", ", _absent)}");
        }
    }

    private void AddCallback(string name, BtfType prototype, ulong program)
    {
        if (program == 0)
        {
            _absent.Add(name);
        }
        else
        {
            _table.Add(name, $"{nameOf(program)} (prog {program})", CTypeNames.NameOf(types, prototype.Id));
        }
    }
}

/// <summary>A member of a struct that lies within a value; bit-fields are left out.</summary>
internal readonly record struct StructMember(string Name, TypeId Type, BtfType Resolved, int Offset, int Size)
{
    public bool IsStruct => Resolved.Kind == BtfKind.Struct && Resolved.Count > 0;

    public static IEnumerable<StructMember> Of(BtfTypes types, BtfType type, int length)
    {
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            long size = types.SizeOf(member.Type);
            if (member.BitfieldSize == 0 && size >= 0 && member.ByteOffset + size <= length)
            {
                yield return new StructMember(type.MemberName(i), member.Type, types.Resolve(member.Type), member.ByteOffset, (int)size);
            }
        }
    }

    /// <summary>Of the function that the member points to; null when it points to none.</summary>
    public BtfType? Prototype(BtfTypes types) =>
        Resolved.Kind == BtfKind.Pointer && types.Resolve(Resolved.ReferencedId) is { Kind: BtfKind.FunctionPrototype } prototype ? prototype : null;
}
