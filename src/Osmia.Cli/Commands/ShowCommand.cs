using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Objects;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia show FILE</c>: the inert object, nothing is loaded.</summary>
internal static class ShowCommand
{
    public static Command Build()
    {
        var command = new Command("show", CommandTree.DescriptionOf("show"));
        Argument<string> file = CommonOptions.ObjectFile();
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        command.Add(file);
        command.Add(json);
        command.Add(pretty);
        command.SetAction(parsed =>
        {
            BpfObject source = BpfObject.Read(parsed.GetValue(file)!);
            if (parsed.GetValue(json) || parsed.GetValue(pretty))
            {
                JsonOutput.Write(parsed.GetValue(pretty), writer => WriteJson(writer, source));
            }
            else
            {
                WriteText(Console.Out, parsed.GetValue(file)!, source);
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void WriteText(TextWriter output, string file, BpfObject source)
    {
        string types = source.Types is { } btf ? $"BTF with {btf.Count - 1} types" : "no BTF";
        string license = source.License.Length > 0 ? $"license {source.License}" : "no license";
        output.WriteLine($"{file}: BPF object, {(source.IsBigEndian ? "big" : "little")}-endian, {license}, {types}");

        output.WriteLine("\nPrograms");
        var programs = new TextTable("NAME", "TYPE", "SECTION", "SLOTS", "SOURCE");
        foreach (BpfProgram program in source.Programs)
        {
            programs.Add(program.Name, program.Section.Type.ToKernelName(), program.Section.Name, Number(program.Entry.Instructions.Length), SourceOf(source, program.Entry));
        }

        programs.Write(output);
        WriteSubprograms(output, source);
        WriteMaps(output, source);
        WriteVariables(output, source);
        WriteExterns(output, source);
        WriteRelocations(output, source);
    }

    private static void WriteSubprograms(TextWriter output, BpfObject source)
    {
        var table = new TextTable("NAME", "LINKAGE", "SECTION", "SLOTS", "SOURCE");
        foreach (BpfFunction function in source.Functions.Except(source.Programs.Select(program => program.Entry)))
        {
            table.Add(function.Name, LinkageOf(function), function.Section, Number(function.Instructions.Length), SourceOf(source, function));
        }

        WriteSection(output, "Subprograms", table);
    }

    private static void WriteMaps(TextWriter output, BpfObject source)
    {
        var table = new TextTable("NAME", "TYPE", "KEY", "VALUE", "ENTRIES", "FLAGS", "TYPES");
        foreach (BpfMap map in source.Maps)
        {
            string types = map.DataSection == DataSectionKind.None && source.Types is { } btf && !map.KeyType.IsVoid
                ? $"{CTypeNames.NameOf(btf, map.KeyType)} -> {CTypeNames.NameOf(btf, map.ValueType)}"
                : string.Join(' ', map.Tags);
            table.Add(map.Name, map.Type.ToKernelName(), Number(map.KeySize), Number(map.ValueSize), Number(map.MaxEntries), $"0x{map.Flags:x}", types);
        }

        WriteSection(output, "Maps", table);
    }

    private static void WriteVariables(TextWriter output, BpfObject source)
    {
        var table = new TextTable("NAME", "TYPE", "SECTION", "OFFSET", "SIZE", "VALUE");
        var printer = new VariablePrinter(source);
        foreach (BpfVariable variable in source.Variables.OrderBy(variable => variable.Map.Name, StringComparer.Ordinal).ThenBy(variable => variable.Offset))
        {
            table.Add(variable.Name, printer.TypeOf(variable), variable.Map.Name, Number(variable.Offset), Number(variable.Size), printer.ValueOf(variable));
        }

        WriteSection(output, "Variables", table);
    }

    private static void WriteExterns(TextWriter output, BpfObject source)
    {
        var table = new TextTable("NAME", "FOUND IN", "BINDING", "TYPE");
        foreach (BpfExtern external in source.Externs)
        {
            table.Add(external.Name, PlaceOf(external.Kind), external.IsWeak ? "weak" : "strong", TypeOf(source, external));
        }

        WriteSection(output, "External symbols", table);
    }

    private static string PlaceOf(ExternKind kind) => kind switch
    {
        ExternKind.Configuration => "kernel configuration",
        ExternKind.KernelFunction => "kernel functions",
        ExternKind.KernelVariable => "kernel symbols",
        _ => "another object",
    };

    private static string TypeOf(BpfObject source, BpfExtern external) =>
        source.Types is { } types && !external.Declaration.IsVoid ? CTypeNames.NameOf(types, types[external.Declaration].ReferencedId) : "";

    private static string LinkageOf(BpfFunction function) =>
        !function.IsGlobal ? "static" : (function.IsWeak, function.IsHidden) switch
        {
            (true, true) => "weak, hidden",
            (true, false) => "weak",
            (false, true) => "hidden",
            _ => "global",
        };

    private static void WriteRelocations(TextWriter output, BpfObject source)
    {
        var table = new TextTable("FUNCTION", "SLOT", "KIND", "REFERS TO");
        foreach (BpfFunction function in source.Functions)
        {
            foreach (RelocationRow row in Relocations(source, function))
            {
                table.Add(function.Name, Number(row.Slot), row.Kind, row.Name);
            }
        }

        WriteSection(output, "Relocations", table);
    }

    /// <summary>Both tables of a function are sorted by slot, and so is what they make together.</summary>
    private static IEnumerable<RelocationRow> Relocations(BpfObject source, BpfFunction function)
    {
        int next = 0;
        foreach (SymbolReference reference in function.References)
        {
            while (next < function.CoreRelocations.Count && function.CoreRelocations[next].Slot < reference.Slot)
            {
                yield return Row(source, function.CoreRelocations[next++]);
            }

            yield return Row(reference);
        }

        while (next < function.CoreRelocations.Count)
        {
            yield return Row(source, function.CoreRelocations[next++]);
        }
    }

    private static RelocationRow Row(SymbolReference reference) => reference.Kind switch
    {
        SymbolKind.Map => new(reference.Slot, "map", reference.Name),
        SymbolKind.MapValue => new(reference.Slot, "variable", $"{reference.Map!.Name}+{reference.Offset} ({reference.Name})"),
        SymbolKind.Call => new(reference.Slot, "call", reference.Name),
        SymbolKind.FunctionAddress => new(reference.Slot, "callback", reference.Name),
        SymbolKind.JumpTable => new(reference.Slot, "jump table", $"{reference.Name}: {string.Join(", ", reference.JumpTable!.Targets)}"),
        _ => new(reference.Slot, "extern", reference.Name),
    };

    private static RelocationRow Row(BpfObject source, CoreRelocation relocation) =>
        new(relocation.Slot, $"CO-RE {relocation.Kind}", relocation.Describe(source.Types!));

    private static void WriteSection(TextWriter output, string title, TextTable table)
    {
        if (table.Count > 0)
        {
            output.WriteLine($"\n{title}");
            table.Write(output);
        }
    }

    private static void WriteJson(Utf8JsonWriter json, BpfObject source)
    {
        json.WriteStartObject();
        json.WriteString("name", source.Name);
        json.WriteString("license", source.License);
        json.WriteString("endian", source.IsBigEndian ? "big" : "little");
        json.WriteNumber("btf_types", source.Types is null ? 0 : source.Types.Count - 1);
        json.WriteStartArray("programs");
        foreach (BpfProgram program in source.Programs)
        {
            json.WriteStartObject();
            json.WriteString("name", program.Name);
            json.WriteString("type", program.Section.Type.ToKernelName());
            json.WriteString("section", program.Section.Name);
            json.WriteNumber("slots", program.Entry.Instructions.Length);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("maps");
        foreach (BpfMap map in source.Maps)
        {
            json.WriteStartObject();
            json.WriteString("name", map.Name);
            json.WriteString("type", map.Type.ToKernelName());
            json.WriteNumber("bytes_key", map.KeySize);
            json.WriteNumber("bytes_value", map.ValueSize);
            json.WriteNumber("max_entries", map.MaxEntries);
            json.WriteNumber("flags", map.Flags);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("variables");
        var printer = new VariablePrinter(source);
        foreach (BpfVariable variable in source.Variables)
        {
            json.WriteStartObject();
            json.WriteString("name", variable.Name);
            json.WriteString("type", printer.TypeOf(variable));
            json.WriteString("section", variable.Map.Name);
            json.WriteNumber("offset", variable.Offset);
            json.WriteNumber("size", variable.Size);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("externs");
        foreach (BpfExtern external in source.Externs)
        {
            json.WriteStartObject();
            json.WriteString("name", external.Name);
            json.WriteString("found_in", PlaceOf(external.Kind));
            json.WriteBoolean("weak", external.IsWeak);
            json.WriteString("type", TypeOf(source, external));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("relocations");
        foreach (BpfFunction function in source.Functions)
        {
            foreach (RelocationRow row in Relocations(source, function))
            {
                json.WriteStartObject();
                json.WriteString("function", function.Name);
                json.WriteNumber("slot", row.Slot);
                json.WriteString("kind", row.Kind);
                json.WriteString("name", row.Name);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static string SourceOf(BpfObject source, BpfFunction function) =>
        source.Types is { } types && LineRecord.At(function.Lines, 0)?.Describe(types) is { } line ? line.ToString() : "";

    private static string Number(long value) => value.ToString(CultureInfo.InvariantCulture);

    private sealed record RelocationRow(int Slot, string Kind, string Name);
}
