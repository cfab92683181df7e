using System.Collections.Immutable;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;

namespace Osmia.Runtime.Decoding;

/// <summary>
/// Prints what is in maps: a table of keys and values by their BTF, histograms for values with <c>slots</c>, variables of data
/// sections. For one thread.
/// </summary>
public sealed partial class MapPrinter
{
    // A row of more columns is harder to read than one that names its members.
    private const int MaximumColumns = 10;

    private readonly MapPrintOptions _options;
    private readonly ValueShapes? _shapes;
    private readonly ValuePrinter _printer;

    /// <param name="types">Of the object that defines the maps; null to show bytes and the integers they may be.</param>
    public MapPrinter(BtfTypes? types, ISymbolizer? symbolizer = null, MapPrintOptions? options = null)
    {
        _options = options ?? MapPrintOptions.Default;
        _shapes = types is null ? null : new ValueShapes(types);
        _printer = new ValuePrinter(SymbolizerNames.Of(symbolizer));
    }

    /// <summary>Appends a heading line and the map's entries.</summary>
    public void Append(Utf8Buffer text, Map map)
    {
        if (MapNotes.Of(map.Type) is { } note)
        {
            text.Append($"{map.Name} ({map.Type.ToKernelName()}): {note}\n");
            return;
        }

        MapView view = MapView.Read(map, _shapes, _options);
        AppendHeading(text, map, view);
        if (view.Slots is not null)
        {
            AppendHistograms(text, map, view);
        }
        else if (map.Definition.IsDataSection && view.Value.Kind == ShapeKind.Composite)
        {
            AppendVariables(text, view);
        }
        else if (view.Order.Length > 0)
        {
            AppendEntries(text, map, view);
        }

        AppendRest(text, view);
    }

    private static void AppendHeading(Utf8Buffer text, Map map, MapView view)
    {
        text.Append($"{map.Name} ({map.Type.ToKernelName()}");
        if (map.Definition.IsDataSection)
        {
            text.Append("): variables\n"u8);
            return;
        }

        string entries = view.Entries.Count == 1 ? "entry" : "entries";
        text.Append($"): {(view.Entries.Count == 0 ? "no" : view.Entries.Count)} {entries}");
        string? guessed = (view.IsKeyGuessed, view.IsValueGuessed) switch
        {
            (true, true) => "keys and values",
            (true, false) => "keys",
            (false, true) => "values",
            _ => null,
        };
        _ = guessed is not null ? text.Append($", {guessed} without BTF") : text;
        _ = view.IsCombined ? text.Append($", added up over {view.Entries.ValuesPerKey} CPUs") : text;
        text.Append((byte)'\n');
    }

    private static void AppendRest(Utf8Buffer text, MapView view)
    {
        if (view.Zero > 0)
        {
            text.Append($"({view.Zero} that {(view.Zero == 1 ? "is" : "are")} zero not shown)\n");
        }

        if (view.Omitted > 0)
        {
            text.Append($"({view.Omitted} more not shown)\n");
        }

        if (view.Entries.IsCut)
        {
            text.Append("(the map changed while it was read: some entries may be missing)\n"u8);
        }
    }

    private void AppendEntries(Utf8Buffer text, Map map, MapView view)
    {
        ImmutableArray<RecordColumn> keys = ColumnsOf(view.Key, "key");
        ImmutableArray<RecordColumn> values = ColumnsOf(view.Value, "value");
        bool eachCpu = map.IsPerCpu && (!view.IsCombined || _options.PerCpu);
        List<TextColumn> columns = [.. keys.Select(column => new TextColumn(column.Header, column.IsNumber))];
        if (NeedsBytes(view.Key, view.IsKeyGuessed))
        {
            columns.Add(new TextColumn("KEY (HEX)"));
        }

        if (eachCpu)
        {
            columns.Add(new TextColumn("CPU", IsNumber: true));
        }

        columns.AddRange(values.Select(column => new TextColumn(column.Header, column.IsNumber)));
        if (NeedsBytes(view.Value, view.IsValueGuessed))
        {
            columns.Add(new TextColumn("VALUE (HEX)"));
        }

        var table = new TextTable(columns);
        foreach (int entry in view.Order)
        {
            if (!eachCpu || view.IsCombined)
            {
                AddRow(table, keys, values, view, entry, view.ValueOf(entry), eachCpu ? "all" : null);
            }

            for (int cpu = 0; eachCpu && cpu < view.Entries.ValuesPerKey; cpu++)
            {
                AddRow(table, keys, values, view, entry, view.Entries.Value(entry, cpu), cpu.ToString(System.Globalization.CultureInfo.InvariantCulture));
            }
        }

        table.AppendTo(text);
    }

    private void AddRow(TextTable table, ImmutableArray<RecordColumn> keys, ImmutableArray<RecordColumn> values, MapView view, int entry, ReadOnlySpan<byte> value, string? cpu)
    {
        ReadOnlySpan<byte> key = view.Entries.Key(entry);
        AddCells(table, keys, key);
        if (NeedsBytes(view.Key, view.IsKeyGuessed))
        {
            SpecialText.AppendBytes(table.Cell, key);
            table.EndCell();
        }

        if (cpu is not null)
        {
            table.Cell.Append(cpu);
            table.EndCell();
        }

        AddCells(table, values, value);
        if (NeedsBytes(view.Value, view.IsValueGuessed))
        {
            SpecialText.AppendBytes(table.Cell, value);
            table.EndCell();
        }
    }

    private static bool NeedsBytes(ValueShape shape, bool isGuessed) => isGuessed && shape.Kind != ShapeKind.Bytes;

    private void AddCells(TextTable table, ImmutableArray<RecordColumn> columns, ReadOnlySpan<byte> value)
    {
        foreach (RecordColumn column in columns)
        {
            column.Append(_printer, table.Cell, value);
            table.EndCell();
        }
    }

    private void AppendVariables(Utf8Buffer text, MapView view)
    {
        var table = new TextTable([new TextColumn("NAME"), new TextColumn("VALUE")]);
        foreach (int entry in view.Order)
        {
            foreach (ShapeMember variable in view.Value.Members)
            {
                table.Cell.Append(variable.NameUtf8);
                table.EndCell();
                _printer.Append(table.Cell, variable, view.ValueOf(entry), pid: 0);
                table.EndCell();
            }
        }

        table.AppendTo(text);
    }

    private void AppendHistograms(Utf8Buffer text, Map map, MapView view)
    {
        bool isOnly = map.Type is MapType.Array or MapType.PercpuArray && map.Definition.MaxEntries == 1;
        string unit = FieldFormats.UnitOf(view.Slots!.Shape.Element!.Format) ?? _options.HistogramUnit;
        foreach (int entry in view.Order)
        {
            if (!isOnly)
            {
                text.Append((byte)'\n');
                AppendHistogramKey(text, view, entry);
            }

            Log2Histogram.Read(view.Slots, view.ValueOf(entry)).Append(text, unit);
        }
    }

    /// <summary>The key and the value's other members: <c>tgid = 17, comm = bash</c>.</summary>
    private void AppendHistogramKey(Utf8Buffer text, MapView view, int entry)
    {
        int start = text.Length;
        AppendNamed(RecordColumn.Of(view.Key, "key"), view.Entries.Key(entry));
        AppendNamed([.. RecordColumn.Of(view.Value, "value").Where(column => column.Name != view.Slots!.Name)], view.ValueOf(entry));
        text.Append((byte)'\n');

        void AppendNamed(ImmutableArray<RecordColumn> columns, ReadOnlySpan<byte> value)
        {
            foreach (RecordColumn column in columns)
            {
                _ = text.Length == start ? text : text.Append(", "u8);
                text.Append(column.Name).Append(" = "u8);
                column.Append(_printer, text, value);
            }
        }
    }

    private static ImmutableArray<RecordColumn> ColumnsOf(ValueShape shape, string name)
    {
        ImmutableArray<RecordColumn> columns = RecordColumn.Of(shape, name);
        return columns.Length <= MaximumColumns ? columns : RecordColumn.Single(shape, name);
    }
}
