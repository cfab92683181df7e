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
        for (int i = 0; i < type.Count; i++)
        {
            BtfMember member = type.Member(i);
            BtfType memberType = types.Resolve(member.Type);
            long size = types.SizeOf(member.Type);
            if (member.BitfieldSize != 0 || size < 0 || member.ByteOffset + size > value.Length)
            {
                continue;
            }

            ReadOnlySpan<byte> bytes = value.Slice(member.ByteOffset, (int)size);
            string name = type.MemberName(i);
            if (memberType.Kind == BtfKind.Struct && memberType.Count > 0)
            {
                // The kernel's wrapper holds the struct itself as "data".
                Add(memberType, bytes, name == "data" ? prefix : $"{prefix}{name}.");
            }
            else if (memberType.Kind == BtfKind.Pointer && types.Resolve(memberType.ReferencedId) is { Kind: BtfKind.FunctionPrototype } prototype)
            {
                AddCallback(prefix + name, prototype, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
            }
            else
            {
                var text = new Utf8Buffer();
                printer.Append(text, shapes.Of(member.Type), bytes);
                _table.Add(prefix + name, Encoding.UTF8.GetString(text.Written), "");
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
