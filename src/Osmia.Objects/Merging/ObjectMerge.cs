using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Merging;

/// <summary>Builds the joined object: copies of everything that survives, with places, types and references moved. The inputs are left as they are.</summary>
internal sealed class ObjectMerge(string name, IReadOnlyList<BpfObject> objects, SymbolResolution symbols, SectionLayout layout, TypeMerge types)
{
    private readonly Dictionary<object, BpfFunction> _functions = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, BpfMap> _maps = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, BpfVariable> _variables = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, BpfExtern> _externs = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<object, long> _starts = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<string, BpfVariable> _configuration = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _sectionEnds = new(StringComparer.Ordinal);
    private readonly ILookup<(BpfMap Map, string Name), BpfVariable> _byName = objects.SelectMany(source => source.Variables).ToLookup(variable => (variable.Map, variable.Name));

    public BpfObject Build(string license, uint version)
    {
        var result = new BpfObject(name) { License = license, KernelVersion = version, IsBigEndian = objects[0].IsBigEndian };
        var maps = new List<BpfMap>();
        var variables = new List<BpfVariable>();
        var functions = new List<BpfFunction>();
        AddMaps(maps);
        result.OtherSections = AddSections(maps);
        for (int index = 0; index < objects.Count; index++)
        {
            AddVariables(index, variables);
            AddFunctions(index, functions);
        }

        AddConfiguration(maps, variables);
        (result.Maps, result.Variables, result.Functions, result.Externs) = (maps, variables, functions, Externs());
        result.Programs = [.. functions.Where(function => function.IsGlobal && function.Section != ".text").Select(function => new BpfProgram(function, SectionTable.Match(function.Section)))];
        for (int index = 0; index < objects.Count; index++)
        {
            Connect(index);
        }

        // Last: lines add their names to the types.
        result.Types = types.HasTypes ? types.Build() : null;
        return result;
    }

    private void AddMaps(List<BpfMap> maps)
    {
        var statics = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int index = 0; index < objects.Count; index++)
        {
            foreach (BpfMap map in objects[index].Maps.Where(map => map.DataSection is DataSectionKind.None or DataSectionKind.StructOps && symbols.Survives(map, map.Name, map.IsGlobal || map.IsWeak)))
            {
                GlobalSymbol? symbol = map.IsGlobal || map.IsWeak ? symbols.Find(map.Name) : null;
                BpfMap copy = Copy(index, map, symbol);
                _maps[map] = copy;
                maps.Add(copy);
                if (symbol is null)
                {
                    statics[map.Name] = statics.GetValueOrDefault(map.Name) + 1;
                }
            }
        }

        foreach (BpfMap map in maps.Where(map => map.Type != MapType.ProgArray))
        {
            foreach (MapSlot slot in map.Slots.Where(slot => statics.GetValueOrDefault(slot.Name) > 1))
            {
                throw MergeErrors.SlotOfTwo(map.Name, slot.Name, $"object '{name}'");
            }
        }
    }

    private BpfMap Copy(int index, BpfMap map, GlobalSymbol? symbol)
    {
        BpfMap copy = CopyOf(index, map, symbol);
        if (map.HasInitialData)
        {
            copy.InitialData = (byte[])map.InitialData.Clone();
        }

        return copy;
    }

    private BpfMap CopyOf(int index, BpfMap map, GlobalSymbol? symbol) => new(map.Name)
    {
        Type = map.Type,
        KeySize = map.KeySize,
        ValueSize = map.ValueSize,
        MaxEntries = map.MaxEntries,
        Flags = map.Flags,
        Extra = map.Extra,
        Declaration = types.Id(index, map.Declaration),
        IsGlobal = map.IsGlobal,
        IsWeak = symbol?.IsWeak ?? map.IsWeak,
        KeyType = types.Id(index, map.KeyType),
        ValueType = types.Id(index, map.ValueType),
        PinByName = map.PinByName,
        PinFolder = map.PinFolder,
        NumaNode = map.NumaNode,
        DataSection = map.DataSection,
        SectionName = map.SectionName,
        InnerMap = map.InnerMap is { } inner ? Copy(index, inner, null) : null,
        Slots = map.Slots,
        Tags = map.Tags,
    };

    private List<BpfSection> AddSections(List<BpfMap> maps)
    {
        var others = new List<BpfSection>();
        foreach (SectionLayout.Joined joined in layout.Sections)
        {
            byte[]? bytes = joined.Parts.Exists(part => part.Part is BpfSection or BpfMap { HasInitialData: true }) ? new byte[joined.Size] : null;
            foreach ((object part, long start) in joined.Parts)
            {
                _starts[part] = start;
                ReadOnlySpan<byte> data = part is BpfSection section ? section.Data.Span : ((BpfMap)part).HasInitialData ? ((BpfMap)part).InitialData : [];
                if (bytes is not null)
                {
                    data.CopyTo(bytes.AsSpan((int)start));
                }
            }

            if (joined.Parts.Find(part => part.Part is BpfMap).Part is not BpfMap first)
            {
                others.Add(new BpfSection(joined.Name, bytes) { Alignment = joined.Alignment, IsWritable = ((BpfSection)joined.Parts[0].Part).IsWritable });
                continue;
            }

            var map = new BpfMap(first.Name)
            {
                Type = first.Type,
                KeySize = first.KeySize,
                ValueSize = (uint)joined.Size,
                MaxEntries = first.MaxEntries,
                Flags = first.Flags,
                DataSection = first.DataSection,
                SectionName = joined.Name,
                Alignment = joined.Alignment,
            };
            if (bytes is not null)
            {
                map.InitialData = bytes;
            }

            foreach ((object part, _) in joined.Parts)
            {
                _maps[part] = map;
            }

            maps.Add(map);
        }

        return others;
    }

    private void AddVariables(int index, List<BpfVariable> variables)
    {
        foreach (BpfVariable variable in objects[index].Variables.Where(variable => variable.Map.DataSection != DataSectionKind.Kconfig && symbols.Survives(variable, variable.Name, variable.IsGlobal || variable.IsWeak)))
        {
            GlobalSymbol? symbol = variable.IsGlobal || variable.IsWeak ? symbols.Find(variable.Name) : null;
            var copy = new BpfVariable(variable.Name, _maps[variable.Map], (int)(_starts.GetValueOrDefault(variable.Map) + variable.Offset), variable.Size, types.Id(index, variable.Type))
            {
                Declaration = types.Id(index, variable.Declaration),
                IsGlobal = variable.IsGlobal,
                IsWeak = symbol?.IsWeak ?? variable.IsWeak,
                IsHidden = symbol?.IsHidden ?? variable.IsHidden,
                Tags = variable.Tags,
            };
            _variables[variable] = copy;
            variables.Add(copy);
        }
    }

    /// <summary>Functions stand one behind the other; those that gave way to another object's are left out.</summary>
    private void AddFunctions(int index, List<BpfFunction> functions)
    {
        Dictionary<BpfFunction, string> renamed = objects[index].Programs.ToDictionary(program => program.Entry, program => program.Section.Name);
        foreach (BpfFunction function in objects[index].Functions.Where(function => symbols.Survives(function, function.Name, function.IsGlobal || function.IsWeak)))
        {
            GlobalSymbol? symbol = function.IsGlobal || function.IsWeak ? symbols.Find(function.Name) : null;
            string section = renamed.GetValueOrDefault(function, function.Section);
            int slot = _sectionEnds.GetValueOrDefault(section);
            _sectionEnds[section] = slot + function.Instructions.Length;
            var copy = new BpfFunction(function.Name, section, slot, (Instruction[])function.Instructions.Clone())
            {
                IsGlobal = function.IsGlobal,
                IsWeak = symbol?.IsWeak ?? function.IsWeak,
                IsHidden = symbol?.IsHidden ?? function.IsHidden,
                BtfId = types.Id(index, function.BtfId),
                CoreRelocations = [.. function.CoreRelocations.Select(relocation => relocation with { Type = types.Id(index, relocation.Type) })],
                Lines = objects[index].Types is null ? [] : [.. function.Lines.Select(line => types.Line(index, line))],
            };
            _functions[function] = copy;
            functions.Add(copy);
        }
    }

    // Where the values stand is the reader's matter: here each needs a place of its own.
    private void AddConfiguration(List<BpfMap> maps, List<BpfVariable> variables)
    {
        BpfVariable[] values = [.. objects.SelectMany(source => source.Variables).Where(variable => variable.Map.DataSection == DataSectionKind.Kconfig)];
        if (values.Length == 0)
        {
            return;
        }

        var map = new BpfMap(KernelConfiguration.SectionName) { DataSection = DataSectionKind.Kconfig, SectionName = KernelConfiguration.SectionName };
        int end = 0;
        foreach (BpfVariable value in values)
        {
            if (!_configuration.ContainsKey(value.Name))
            {
                var copy = new BpfVariable(value.Name, map, end, value.Size, TypeId.Void) { IsWeak = symbols.Find(value.Name)?.IsWeak ?? value.IsWeak };
                _configuration.Add(value.Name, copy);
                variables.Add(copy);
                end += KernelConfiguration.MaximumValue;
            }
        }

        map.ValueSize = (uint)end;
        maps.Add(map);
    }

    private List<BpfExtern> Externs()
    {
        var externs = new List<BpfExtern>();
        foreach (GlobalSymbol symbol in symbols.Symbols)
        {
            if (symbol.Chosen.Thing is BpfExtern external)
            {
                var copy = new BpfExtern(external.Name, external.Kind)
                {
                    Declaration = types.Id(symbol.Chosen.Object, external.Declaration),
                    IsWeak = symbol.IsWeak,
                    IsHidden = symbol.IsHidden,
                };
                _externs[external] = copy;
                externs.Add(copy);
            }
        }

        return externs;
    }

    private void Connect(int index)
    {
        foreach (BpfFunction function in objects[index].Functions)
        {
            if (_functions.TryGetValue(function, out BpfFunction? copy))
            {
                copy.References = [.. function.References.Select(reference => Moved(function, reference))];
            }
        }
    }

    private SymbolReference Moved(BpfFunction function, SymbolReference reference) => reference.Kind switch
    {
        SymbolKind.Map when reference.Map is { } map => reference with { Map = Chosen(map, map.Name, map.IsGlobal || map.IsWeak, _maps) },
        SymbolKind.MapValue when reference.Map is { } map => MovedValue(reference, map),
        SymbolKind.Call or SymbolKind.FunctionAddress when reference.Function is { } callee => reference with { Function = Chosen(callee, callee.Name, callee.IsGlobal || callee.IsWeak, _functions) },
        SymbolKind.Extern when reference.Extern is { } external => Bound(function, reference, external),
        _ => reference,
    };

    private T? Chosen<T>(T thing, string thingName, bool isGlobal, Dictionary<object, T> copies)
        where T : class => copies.GetValueOrDefault(isGlobal && symbols.Find(thingName) is { } symbol ? symbol.Chosen.Thing : thing);

    /// <summary>A reference that names a global variable follows the name; one by section stays with its object's bytes.</summary>
    private SymbolReference MovedValue(SymbolReference reference, BpfMap map)
    {
        if (map.DataSection == DataSectionKind.Kconfig)
        {
            BpfVariable? value = _byName[(map, reference.Name)].FirstOrDefault();
            return value is null ? reference : reference with { Map = _configuration[value.Name].Map, Offset = _configuration[value.Name].Offset + reference.Offset - value.Offset };
        }

        foreach (BpfVariable variable in _byName[(map, reference.Name)].Where(variable => variable.IsGlobal || variable.IsWeak))
        {
            if (symbols.Find(variable.Name)?.Chosen.Thing is { } chosen && _variables.TryGetValue(chosen, out BpfVariable? copy))
            {
                return reference with { Map = copy.Map, Offset = copy.Offset + reference.Offset - variable.Offset };
            }
        }

        return reference with { Map = _maps.GetValueOrDefault(map), Offset = reference.Offset + _starts.GetValueOrDefault(map) };
    }

    /// <summary>An external symbol becomes a reference to its definition, when there is one.</summary>
    private SymbolReference Bound(BpfFunction function, SymbolReference reference, BpfExtern external)
    {
        object? chosen = symbols.Find(external.Name)?.Chosen.Thing;
        Instruction instruction = function.Instructions[reference.Slot];
        return chosen switch
        {
            BpfFunction callee => reference with { Kind = instruction.IsCall ? SymbolKind.Call : SymbolKind.FunctionAddress, Extern = null, Function = _functions[callee] },
            BpfMap map => reference with { Kind = SymbolKind.Map, Extern = null, Map = _maps[map] },
            BpfVariable variable => reference with { Kind = SymbolKind.MapValue, Extern = null, Map = _variables[variable].Map, Offset = _variables[variable].Offset + instruction.Immediate },
            BpfExtern other => reference with { Extern = _externs[other] },
            _ => reference,
        };
    }
}
