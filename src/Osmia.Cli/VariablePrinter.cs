using System.Globalization;
using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Objects;

namespace Osmia.Cli;

/// <summary>Types and initial values of an object's variables, as C would write them.</summary>
internal sealed class VariablePrinter(BpfObject source)
{
    private readonly ValueShapes? _shapes = source.Types is { } types ? new ValueShapes(types) : null;
    private readonly ValuePrinter _printer = new();

    public string TypeOf(BpfVariable variable) => source.Types is { } types && !variable.Type.IsVoid
        ? NameOf(types, variable.Type)
        : $"{variable.Size} bytes";

    public string ValueOf(BpfVariable variable)
    {
        if (_shapes is null || variable.Type.IsVoid)
        {
            return Convert.ToHexStringLower(variable.InitialValue);
        }

        var text = new Utf8Buffer();
        _printer.Append(text, _shapes.Of(variable.Type), variable.InitialValue);
        return Encoding.UTF8.GetString(text.Written);
    }

    private static string NameOf(BtfTypes types, TypeId id)
    {
        var lengths = new StringBuilder();
        id = Unqualified(types, id);
        for (int depth = 0; depth < BtfTypes.MaximumDepth && types[id].Kind == BtfKind.Array; depth++)
        {
            lengths.Append(CultureInfo.InvariantCulture, $"[{types[id].ElementCount}]");
            id = Unqualified(types, types[id].ElementId);
        }

        return CTypeNames.NameOf(types, id) + lengths;
    }

    // What "const volatile" says is how the compiler must treat it, not what a user may write into it.
    private static TypeId Unqualified(BtfTypes types, TypeId id)
    {
        for (int depth = 0; depth < BtfTypes.MaximumDepth && types[id].Kind is BtfKind.Const or BtfKind.Volatile; depth++)
        {
            id = types[id].ReferencedId;
        }

        return id;
    }
}
