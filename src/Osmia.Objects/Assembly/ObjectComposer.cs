using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Assembly;

/// <summary>
/// What was read becomes an object. In this order: labels that are functions are told from those that are jumped to; names are resolved;
/// sections are cut into functions; programs, variables and types follow.
/// </summary>
internal sealed class ObjectComposer(ObjectTextReader text, AssemblySource source, string original, string file)
{
    private const string Text = ".text";

    private readonly Dictionary<string, BpfMap> _maps = text.Maps.ToDictionary(map => map.Name);
    private readonly Dictionary<string, BpfMap> _sections = [];
    private readonly Dictionary<string, BpfVariable> _variables = [];
    private readonly List<BpfVariable> _allVariables = [];
    private readonly Dictionary<string, BpfFunction> _functions = [];
    private readonly List<BpfFunction> _allFunctions = [];
    private readonly Dictionary<string, List<BpfFunction>> _bySection = [];
    private readonly Dictionary<BpfFunction, int[]> _lines = [];

    /// <summary>Names that calls and loads mention anywhere.</summary>
    private readonly HashSet<string> _referred = [.. text.Code.SelectMany(section => section.Code.References).Select(reference => reference.Name)];

    public BpfObject Compose(string name)
    {
        AddVariables();
        var starts = text.Code.ToDictionary(section => section, FunctionLabels);
        // A label of a section without code is no function: what names it is told so.
        HashSet<string> names = [.. starts.Where(pair => pair.Key.Code.Count > 0).SelectMany(pair => pair.Value).Select(label => label.Name)];
        foreach (CodeSection section in text.Code)
        {
            section.Code.Resolve(reference => Resolve(reference, names));
        }

        bool onlyText = text.Code.All(section => section.Name == Text || section.Code.Count == 0);
        foreach (CodeSection section in text.Code.Where(section => section.Code.Count > 0))
        {
            Cut(section, starts[section], onlyText);
        }

        CheckNames();
        foreach (CodeSection section in text.Code)
        {
            Refer(section);
        }

        AddSlots();
        var result = new BpfObject(name)
        {
            License = text.License,
            Functions = _allFunctions,
            Maps = [.. text.Maps, .. _sections.Values],
            Variables = _allVariables,
        };
        result.Programs = [.. _allFunctions.Where(function => function.IsGlobal && (onlyText || function.Section != Text)).Select(function => new BpfProgram(function, SectionTable.Match(function.Section)))];
        if (source.Problems.Count == 0 && result.Functions.Count == 0 && result.Maps.Count == 0)
        {
            source.Report(AssemblyErrors.Directive("the text has no code and no map", "put code into a section such as .section xdp, with a label before it"), 1, 1, 0);
        }

        if (source.Problems.Count == 0)
        {
            new TextTypes(result, original, file, _lines).Add();
        }

        return result;
    }

    private void AddVariables()
    {
        foreach (DataSection section in text.Data.Where(section => section.Bytes.Count > 0))
        {
            BpfMap map = BpfMap.OfSection(section.Name, [.. section.Bytes]);
            _sections.Add(section.Name, map);
            foreach (TextVariable variable in section.Variables)
            {
                var made = new BpfVariable(variable.Name, map, variable.Offset, variable.Size, TypeId.Void) { IsGlobal = text.Globals.Contains(variable.Name) };
                if (!_variables.TryAdd(variable.Name, made))
                {
                    Report(() => AssemblyErrors.SecondLabel(variable.Name, text.Data.SelectMany(data => data.Variables).First(other => other.Name == variable.Name).Line), variable.Line);
                }
                else if (_maps.ContainsKey(variable.Name))
                {
                    Report(() => AssemblyErrors.Directive($"'{variable.Name}' is a variable and a map", "rename one of them"), variable.Line);
                }

                _allVariables.Add(made);
            }
        }
    }

    /// <summary>
    /// Labels where functions begin: declared ones, those somebody calls, the first of a section, and what follows the end of another
    /// function and is not jumped to.
    /// </summary>
    private List<(string Name, int Slot)> FunctionLabels(CodeSection section)
    {
        HashSet<string> jumpedTo = [.. section.Code.JumpTargets];
        var functions = new List<(string Name, int Slot)>();
        foreach ((string name, int slot) in section.Code.Labels)
        {
            bool isFirst = slot == 0 && (functions.Count == 0 || functions[^1].Slot != 0);
            bool followsEnd = slot > 0 && slot < section.Code.Count && section.Code[slot - 1].Opcode.Value is Opcodes.Exit or Opcodes.Jump or Opcodes.JumpLong && !jumpedTo.Contains(name) && (functions.Count == 0 || functions[^1].Slot != slot);
            if (text.Functions.Contains(name) || text.Globals.Contains(name) || _referred.Contains(name) || isFirst || followsEnd)
            {
                functions.Add((name, slot));
            }
        }

        return functions;
    }

    private SymbolValue? Resolve(AssemblyReference reference, HashSet<string> functions)
    {
        // The forms compilers leave for the linker: the relocation says the rest.
        bool isKnown = functions.Contains(reference.Name) || (reference.Kind == AssemblyReferenceKind.Load && (_maps.ContainsKey(reference.Name) || _variables.ContainsKey(reference.Name) || _sections.ContainsKey(reference.Name)));
        return !isKnown ? null : reference.Kind == AssemblyReferenceKind.Call ? new(CallKind.Local, -1) : new(PseudoLoad.Immediate, 0);
    }

    private void Cut(CodeSection section, List<(string Name, int Slot)> labels, bool onlyText)
    {
        Instruction[] code = section.Code.ToArray();
        int[] lines = section.Code.LinesToArray();
        if (labels.Count == 0 || labels[0].Slot > 0)
        {
            Report(() => AssemblyErrors.Place("code stands before the first label", $"every instruction of section {section.Name} belongs to a function", "begin it with NAME:"), lines[0]);
            return;
        }

        _bySection.Add(section.Name, []);
        for (int i = 0; i < labels.Count; i++)
        {
            (string name, int start) = labels[i];
            if (i > 0 && labels[i - 1].Slot == start)
            {
                _functions.TryAdd(name, _allFunctions[^1]); // A second name of the same function.
                continue;
            }

            int end = labels.Skip(i + 1).Select(label => label.Slot).FirstOrDefault(slot => slot > start, code.Length);

            if (start == code.Length)
            {
                Report(() => AssemblyErrors.Flow(name, "it has no instructions"), lines[^1]);
                continue;
            }

            if (ControlFlowGraph.TryBuild(code, start, end, out (int Slot, string Reason) problem) is null)
            {
                Report(() => AssemblyErrors.Flow(name, problem.Reason), lines[problem.Slot]);
            }

            // An entry point nobody had to declare: what no other code calls.
            bool isEntry = (section.Name != Text || onlyText) && !_referred.Contains(name);
            var function = new BpfFunction(name, section.Name, start, code[start..end]) { IsGlobal = isEntry || text.Globals.Contains(name) };
            _allFunctions.Add(function);
            _bySection[section.Name].Add(function);
            _lines.Add(function, lines[start..end]);
            if (!_functions.TryAdd(name, function))
            {
                Report(() => AssemblyErrors.SecondLabel(name, _lines[_functions[name]][0]), lines[start]);
            }
        }
    }

    private void CheckNames()
    {
        foreach ((string name, BpfFunction function) in _functions)
        {
            if (_maps.ContainsKey(name) || _variables.ContainsKey(name))
            {
                int line = _lines[function][0];
                Report(() => AssemblyErrors.Directive($"'{name}' is a function and a {(_maps.ContainsKey(name) ? "map" : "variable")}", "rename one of them"), line);
            }
        }
    }

    private void Refer(CodeSection section)
    {
        List<BpfFunction> functions = _bySection.GetValueOrDefault(section.Name, []);
        int at = 0;
        var references = new List<SymbolReference>();
        foreach (AssemblyReference reference in section.Code.References)
        {
            while (at < functions.Count && reference.Slot >= functions[at].SectionSlot + functions[at].Instructions.Length)
            {
                functions[at++].References = [.. references];
                references.Clear();
            }

            if (at < functions.Count && reference.Slot >= functions[at].SectionSlot && Reference(reference, reference.Slot - functions[at].SectionSlot) is { } made)
            {
                references.Add(made);
            }
        }

        if (at < functions.Count)
        {
            functions[at].References = [.. references];
        }
    }

    /// <returns>Null for a helper, which its number says.</returns>
    private SymbolReference? Reference(AssemblyReference reference, int slot)
    {
        string name = reference.Name;
        if (_functions.TryGetValue(name, out BpfFunction? function))
        {
            return new SymbolReference(slot, reference.Kind == AssemblyReferenceKind.Call ? SymbolKind.Call : SymbolKind.FunctionAddress, function.Name) { Function = function };
        }

        if (reference.Kind == AssemblyReferenceKind.Call)
        {
            return null;
        }

        if (_maps.TryGetValue(name, out BpfMap? map))
        {
            return reference.Offset == 0
                ? new SymbolReference(slot, SymbolKind.Map, name) { Map = map }
                : Refuse(reference, $"'{name}{reference.Offset:+0;-0}' is within a map", "a map is loaded as a whole");
        }

        long start = _variables.TryGetValue(name, out BpfVariable? variable) ? variable.Offset : 0;
        BpfMap? section = variable?.Map ?? _sections.GetValueOrDefault(name);
        if (section is null)
        {
            return null; // Reported as unknown when it was resolved.
        }

        return start + reference.Offset < 0 || start + reference.Offset > section.ValueSize
            ? Refuse(reference, $"'{name}{reference.Offset:+0;-0}' is outside of its section", $"section {section.Name} has {section.ValueSize} bytes")
            : new SymbolReference(slot, SymbolKind.MapValue, name) { Map = section, Offset = start + reference.Offset };
    }

    private SymbolReference? Refuse(AssemblyReference reference, string what, string why)
    {
        Report(() => AssemblyErrors.NoSuchInstruction(what, why), reference.Line, reference.Column);
        return null;
    }

    /// <summary>First values, and what libbpf takes for granted of maps that may have them: keys and values of 4 bytes, as many entries as values.</summary>
    private void AddSlots()
    {
        foreach (BpfMap map in text.Maps.Where(map => map.InnerMap is not null))
        {
            CompleteSizes(map);
        }

        foreach (IGrouping<BpfMap, ObjectTextReader.TextSlot> group in text.Slots.GroupBy(slot => slot.Map))
        {
            BpfMap map = group.Key;
            CompleteSizes(map);
            map.MaxEntries = map.MaxEntries == 0 ? (uint)group.Max(slot => slot.Index) + 1 : map.MaxEntries;
            var taken = new HashSet<int>();
            foreach (ObjectTextReader.TextSlot slot in group)
            {
                if (!source.HasTooManyProblems && Problem(slot, taken) is { } problem)
                {
                    source.Report(problem, slot.Line, slot.Column, slot.LineStart);
                }
            }

            map.Slots = [.. group.OrderBy(slot => slot.Index).Select(slot => new MapSlot(slot.Index, slot.Name))];
        }
    }

    private static void CompleteSizes(BpfMap map)
    {
        map.KeySize = map.KeySize == 0 ? 4 : map.KeySize;
        map.ValueSize = map.ValueSize == 0 ? 4 : map.ValueSize;
    }

    private AssemblyDiagnostic? Problem(ObjectTextReader.TextSlot slot, HashSet<int> taken)
    {
        bool holdsPrograms = slot.Map.Type == MapType.ProgArray;
        if (!(holdsPrograms ? _functions.ContainsKey(slot.Name) : _maps.ContainsKey(slot.Name)))
        {
            return AssemblyErrors.UnknownName(
                slot.Name, holdsPrograms ? "a prog array holds programs" : "a map of maps holds maps", NearestName.Find(slot.Name, _functions.Keys.Concat(_maps.Keys)));
        }

        return slot.Index >= slot.Map.MaxEntries ? AssemblyErrors.Directive($"slot {slot.Index} is past the {slot.Map.MaxEntries} entries of map '{slot.Map.Name}'")
            : !taken.Add(slot.Index) ? AssemblyErrors.Directive($"slot {slot.Index} of map '{slot.Map.Name}' is filled twice")
            : null;
    }

    // Lines are looked for and messages made only while somebody may read them.
    private void Report(Func<AssemblyDiagnostic> problem, int line, int column = 1)
    {
        if (!source.HasTooManyProblems)
        {
            source.Report(problem(), line, column, StartOfLine(line));
        }
    }

    private int StartOfLine(int line)
    {
        int start = 0;
        for (int i = 1; i < line; i++)
        {
            start = original.IndexOf('\n', start) + 1;
        }

        return start;
    }
}
