using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Bytecode.Disassembly;

namespace Osmia.Objects.Assembly;

/// <summary>
/// An object as a text that <see cref="ObjectAssembler"/> reads back. Instructions, maps, variables and the license come back as they
/// were; the types of C, and what depends on them (CO-RE records, externs), have no text: <see cref="Losses"/> says what was left out.
/// </summary>
public sealed class ObjectText
{
    private const int BytesInLine = 16;

    private readonly BpfObject _source;
    private readonly Dictionary<string, int> _uses = [];
    private readonly Dictionary<object, string> _names = [];
    private readonly List<string> _losses = [];

    public ObjectText(BpfObject source)
    {
        _source = source;
        foreach (string name in source.Functions.Select(function => function.Name).Concat(source.Maps.Select(map => map.Name)).Concat(source.Variables.Select(variable => variable.Name)))
        {
            _uses[name] = _uses.GetValueOrDefault(name) + 1;
        }

        for (int i = 0; i < source.Functions.Count; i++)
        {
            _names[source.Functions[i]] = Usable(source.Functions[i].Name, "function", i);
        }

        for (int i = 0; i < source.Maps.Count; i++)
        {
            _names[source.Maps[i]] = source.Maps[i].DataSection == DataSectionKind.None ? Usable(source.Maps[i].Name, "map", i) : source.Maps[i].Name;
        }
    }

    // Names may be anything in ELF; what two things share, or what no text can say, is given a name here.
    private string Usable(string name, string kind, int number) => IsUsable(name) ? name : string.Create(CultureInfo.InvariantCulture, $"{kind}_{number}_");

    /// <summary>What the text does not say, after <see cref="Write"/>.</summary>
    public IReadOnlyList<string> Losses => _losses;

    public void Write(TextWriter output)
    {
        _losses.Clear();
        output.Write($"# {(_source.Name.Any(char.IsControl) ? "object" : _source.Name)}\n");
        if (_source.License.Length > 0)
        {
            output.Write($"\t.license {Quoted(Encoding.UTF8.GetBytes(_source.License))}\n");
        }

        foreach (BpfMap map in _source.Maps.Where(IsDefined))
        {
            output.Write($"\t.map {_names[map]}{Properties(map)}\n");
        }

        foreach (BpfMap map in _source.Maps.Where(IsDefined))
        {
            foreach (MapSlot slot in map.Slots)
            {
                output.Write(string.Create(CultureInfo.InvariantCulture, $"\t.slot {_names[map]} {slot.Index} {SlotName(slot.Name)}\n"));
            }
        }

        foreach (BpfMap map in _source.Maps.Where(map => map.DataSection is not (DataSectionKind.None or DataSectionKind.StructOps)))
        {
            WriteData(output, map);
        }

        foreach (IGrouping<string, BpfFunction> section in _source.Functions.GroupBy(function => function.Section))
        {
            output.Write($"\n\t.section {SectionName(section.Key)}\n");
            foreach (BpfFunction function in section)
            {
                WriteFunction(output, function);
            }
        }

        if (_source.Externs.Count > 0)
        {
            _losses.Add($"external symbols: {string.Join(", ", _source.Externs.Select(external => external.Name).Take(10))}");
        }

        foreach (BpfMap map in _source.Maps.Where(map => map.Type == MapType.StructOps))
        {
            _losses.Add($"the struct of operations '{map.Name}' with its functions");
        }

        if (_source.Variables.Any(variable => variable.Map.Type == MapType.Arena))
        {
            _losses.Add("global variables of an arena");
        }

        if (_source.Maps.Any(map => map.NumaNode != 0 || map.PinFolder.Length > 0 || !map.AutoCreate))
        {
            _losses.Add("memory nodes, pin folders and optional creation of maps");
        }

        int records = _source.Functions.Sum(function => function.CoreRelocations.Count);
        if (records > 0)
        {
            _losses.Add($"{records} CO-RE relocation{(records == 1 ? "" : "s")}: offsets stay those of the headers the object was compiled with");
        }
    }

    private static bool IsDefined(BpfMap map) => map.DataSection == DataSectionKind.None && map.Type != MapType.StructOps;

    private string SlotName(string name) =>
        _source.Functions.FirstOrDefault(function => function.Name == name) is { } function ? _names[function]
        : _source.Maps.FirstOrDefault(map => map.Name == name) is { } map ? _names[map]
        : name;

    private static string Properties(BpfMap map)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $" type {map.Type.ToKernelName()} key {map.KeySize} value {map.ValueSize} entries {map.MaxEntries}");
        _ = map.Flags == 0 ? text : text.Append(CultureInfo.InvariantCulture, $" flags 0x{map.Flags:x}");
        _ = map.Extra == 0 ? text : text.Append(CultureInfo.InvariantCulture, $" extra 0x{map.Extra:x}");
        _ = map.PinByName ? text.Append(" pin name") : text;
        return map.InnerMap is { } inner ? text.Append(" inner").Append(Properties(inner)).ToString() : text.ToString();
    }

    private void WriteData(TextWriter output, BpfMap map)
    {
        if (map.DataSection == DataSectionKind.Kconfig)
        {
            _losses.Add("values of the kernel's configuration (.kconfig)");
            return;
        }

        if (map.ValueSize == 0)
        {
            return;
        }

        output.Write($"\n\t.section {SectionName(map.SectionName ?? map.Name)}\n");
        ReadOnlySpan<byte> bytes = map.InitialData;
        int at = 0;
        foreach (BpfVariable variable in _source.Variables.Where(variable => variable.Map == map).OrderBy(variable => variable.Offset))
        {
            if (!IsUsable(variable.Name) || variable.Offset < at || variable.Size < 0 || variable.Offset + variable.Size > bytes.Length)
            {
                continue; // Its place has another name: the section and an offset.
            }

            WritePadding(output, bytes[at..variable.Offset]);
            output.Write($"{(variable.IsGlobal ? $"\t.globl {variable.Name}\n" : "")}{variable.Name}:\n");
            WriteValue(output, bytes.Slice(variable.Offset, variable.Size));
            at = variable.Offset + variable.Size;
        }

        WritePadding(output, bytes[at..]);
    }

    /// <summary>Bytes of no variable; <c>.skip</c> ends the one before.</summary>
    private static void WritePadding(TextWriter output, ReadOnlySpan<byte> bytes)
    {
        int zeros = bytes.IndexOfAnyExcept((byte)0);
        zeros = zeros < 0 ? bytes.Length : zeros;
        if (bytes.Length > 0)
        {
            output.Write(string.Create(CultureInfo.InvariantCulture, $"\t.skip {zeros}\n"));
            WriteBytes(output, bytes[zeros..]);
        }
    }

    private static void WriteValue(TextWriter output, ReadOnlySpan<byte> bytes)
    {
        switch (bytes.Length)
        {
            case 1:
                output.Write($"\t.byte 0x{bytes[0]:x}\n");
                return;
            case 2:
                output.Write($"\t.short 0x{BinaryPrimitives.ReadUInt16LittleEndian(bytes):x}\n");
                return;
            case 4:
                output.Write($"\t.long 0x{BinaryPrimitives.ReadUInt32LittleEndian(bytes):x}\n");
                return;
            case 8:
                output.Write($"\t.quad 0x{BinaryPrimitives.ReadUInt64LittleEndian(bytes):x}\n");
                return;
        }

        if (bytes.IndexOfAnyExcept((byte)0) < 0)
        {
            output.Write(string.Create(CultureInfo.InvariantCulture, $"\t.zero {bytes.Length}\n"));
        }
        else if (bytes[^1] == 0 && bytes[..^1].IndexOfAnyExceptInRange((byte)' ', (byte)'~') < 0)
        {
            output.Write($"\t.asciz {Quoted(bytes[..^1])}\n");
        }
        else
        {
            WriteBytes(output, bytes);
        }
    }

    private static void WriteBytes(TextWriter output, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length > 0; bytes = bytes[Math.Min(BytesInLine, bytes.Length)..])
        {
            output.Write($"\t.byte {string.Join(", ", bytes[..Math.Min(BytesInLine, bytes.Length)].ToArray().Select(value => $"0x{value:x2}"))}\n");
        }
    }

    private void WriteFunction(TextWriter output, BpfFunction function)
    {
        Dictionary<int, SymbolReference> references = function.References.ToDictionary(reference => reference.Slot);
        string name = _names[function];
        if (name != function.Name)
        {
            _losses.Add($"the name of a function, which is {name} here");
        }

        output.Write(function.IsGlobal ? $"\n\t.globl {name}\n" : "\n");
        output.Write($"\t.type {name}, @function\n");
        FunctionListing.Of(_source, function, new ListingOptions { Style = DisassemblyStyle.Llvm, WithLabels = true, WithSlots = false }, (slot, instruction, _) =>
            references.GetValueOrDefault(slot) is { } reference ? NameOf(reference)
            : instruction.IsHelperCall && HelperTable.IsKnown(instruction.Immediate) ? HelperTable.NameOf(instruction.Immediate)
            : null, name).WriteText(output);
    }

    private string? NameOf(SymbolReference reference)
    {
        if (reference.Kind is SymbolKind.Extern or SymbolKind.JumpTable || reference.Map?.DataSection == DataSectionKind.Kconfig || (reference.Kind == SymbolKind.MapValue && reference.Map?.DataSection == DataSectionKind.None))
        {
            return null; // Counted among the losses.
        }

        if (reference.Kind != SymbolKind.MapValue)
        {
            object? target = reference.Kind == SymbolKind.Map ? reference.Map : reference.Function;
            return target is not null && _names.TryGetValue(target, out string? known) ? known : null;
        }

        BpfVariable? variable = _source.Variables.FirstOrDefault(variable => variable.Name == reference.Name && variable.Map == reference.Map && IsUsable(variable.Name));
        long offset = reference.Offset - (variable?.Offset ?? 0);
        string name = variable?.Name ?? reference.Map!.SectionName ?? reference.Map.Name;
        return offset == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{(offset < 0 ? "" : "+")}{offset}");
    }

    // A name that two things share, or that reads as something else, cannot be referred to.
    private bool IsUsable(string name) =>
        _uses.GetValueOrDefault(name) == 1 && AssemblySource.IsName(name) && !StatementParser.IsRegister(name);

    private static string SectionName(string name) =>
        name.Contains("//", StringComparison.Ordinal) || name.Contains("/*", StringComparison.Ordinal) || name.Any(c => c is ' ' or '\t' or ';' or ',' or '"' or '\'' or '#') ? Quoted(Encoding.UTF8.GetBytes(name)) : name;

    private static string Quoted(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder("\"");
        foreach (byte value in bytes)
        {
            _ = value switch
            {
                (byte)'"' or (byte)'\\' => text.Append('\\').Append((char)value),
                >= (byte)' ' and <= (byte)'~' => text.Append((char)value),
                _ => text.Append(CultureInfo.InvariantCulture, $"\\x{value:x2}"),
            };
        }

        return text.Append('"').ToString();
    }
}
