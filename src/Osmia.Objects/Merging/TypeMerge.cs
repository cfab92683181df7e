using Osmia.Btf;
using Osmia.Btf.Writing;

namespace Osmia.Objects.Merging;

/// <summary>
/// One BTF of many: types are appended object by object; of a global symbol only the chosen declaration stays, and data sections of one name
/// become one, their variables moved to where their object's part begins.
/// </summary>
internal sealed class TypeMerge
{
    private const string MapSection = ".maps";
    private const string StructOpsSection = ".struct_ops";

    private readonly IReadOnlyList<BpfObject> _objects;
    private readonly SymbolResolution _symbols;
    private readonly BtfBuilder _builder;
    private readonly int[]?[] _ids;
    private readonly HashSet<string> _loneSections = [];

    public TypeMerge(IReadOnlyList<BpfObject> objects, SymbolResolution symbols, SectionLayout layout)
    {
        _objects = objects;
        _symbols = symbols;
        var all = new BtfBuilder(objects[0].IsBigEndian);
        _ids = new int[objects.Count][];
        for (int index = 0; index < objects.Count; index++)
        {
            if (objects[index].Types is { } types)
            {
                int current = index;
                HashSet<string> lone = LoneVariables(types);
                _ids[index] = all.Append(types, type => Keeps(types, current, type, lone));
            }
        }

        _builder = Deduplicated(all);
        AddSections(layout);
    }

    /// <summary>Types that several objects have stand once; ids are put right.</summary>
    private BtfBuilder Deduplicated(BtfBuilder all)
    {
        var builder = new BtfBuilder(_objects[0].IsBigEndian);
        BtfTypes once = BtfDeduplicator.Deduplicate(all.Build(), out int[] map);
        int[] last = builder.Append(once);
        foreach (int[]? ids in _ids)
        {
            for (int id = 0; id < (ids?.Length ?? 0); id++)
            {
                ids![id] = last[map[ids[id]]];
            }
        }

        return builder;
    }

    public bool HasTypes => _ids.Any(map => map is not null);

    public BtfTypes Build() => _builder.Build();

    public TypeId Id(int index, TypeId id) => _ids[index] is { } map && (uint)id.Value < (uint)map.Length ? new TypeId(map[id.Value]) : TypeId.Void;

    public LineRecord Line(int index, LineRecord line)
    {
        BtfTypes types = _objects[index].Types!;
        return line with { FileOffset = _builder.AddString(types.String(line.FileOffset)), TextOffset = _builder.AddString(types.String(line.TextOffset)) };
    }

    private bool Keeps(BtfTypes types, int index, BtfType type, HashSet<string> lone) => type.Kind switch
    {
        BtfKind.DataSection => false,
        BtfKind.Variable or BtfKind.Function => type.Linkage == BtfLinkage.Static || KeepsGlobal(index, type, lone),
        // A tag goes with what it stands on.
        BtfKind.DeclarationTag => types[type.ReferencedId] is var tagged && (tagged.Kind is not (BtfKind.Variable or BtfKind.Function) || Keeps(types, index, tagged, lone)),
        _ => true,
    };

    private bool KeepsGlobal(int index, BtfType type, HashSet<string> lone)
    {
        if (_symbols.Find(type.Name) is { } symbol)
        {
            Occurrence chosen = symbol.Chosen;
            return chosen.Object == index && (chosen.Declaration.IsVoid || chosen.Declaration == type.Id);
        }

        return lone.Contains(type.Name);
    }

    /// <summary>Variables of sections that objects have once (license, version): those of the first object that has the section.</summary>
    private HashSet<string> LoneVariables(BtfTypes types)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (string section in (string[])["license", "version"])
        {
            BtfType declared = types[types.Find(BtfKind.DataSection, section)];
            if (!declared.IsVoid && _loneSections.Add(section))
            {
                for (int i = 0; i < declared.Count; i++)
                {
                    names.Add(types[declared.SectionVariable(i).Type].Name);
                }
            }
        }

        return names;
    }

    private void AddSections(SectionLayout layout)
    {
        var sections = new Dictionary<string, SectionTypes>(StringComparer.Ordinal);
        var order = new List<SectionTypes>();
        for (int index = 0; index < _objects.Count; index++)
        {
            BtfTypes? types = _objects[index].Types;
            for (int id = types?.FirstId ?? 0; id < (types?.Count ?? 0); id++)
            {
                BtfType declared = types![id];
                if (declared.Kind != BtfKind.DataSection)
                {
                    continue;
                }

                if (!sections.TryGetValue(declared.Name, out SectionTypes? section))
                {
                    sections[declared.Name] = section = new SectionTypes(declared.Name, layout.SizeOf(declared.Name) ?? declared.Size);
                    order.Add(section);
                }

                AddVariables(index, declared, section, layout.StartOf(index, declared.Name));
            }
        }

        foreach (SectionTypes section in order.Where(section => section.Variables.Count > 0 || layout.SizeOf(section.Name) is not null))
        {
            _builder.AddDataSection(section.Name, section.Size, [.. section.Variables.OrderBy(variable => variable.Offset)]);
        }
    }

    private void AddVariables(int index, BtfType declared, SectionTypes section, uint start)
    {
        for (int i = 0; i < declared.Count; i++)
        {
            BtfSectionVariable variable = declared.SectionVariable(i);
            TypeId id = Id(index, variable.Type);
            // Where definitions of maps stand is decided when they are written.
            bool isMap = (section.Name == MapSection || section.Name.TrimStart('?').StartsWith(StructOpsSection, StringComparison.Ordinal)) && declared.Owner[variable.Type].Linkage != BtfLinkage.External;
            if (!id.IsVoid && !isMap && section.Known.Add(id.Value))
            {
                section.Variables.Add(new BtfSectionVariable(id, unchecked(variable.Offset + start), variable.Size));
            }
        }
    }

    private sealed record SectionTypes(string Name, uint Size)
    {
        public List<BtfSectionVariable> Variables { get; } = [];

        public HashSet<int> Known { get; } = [];
    }
}
