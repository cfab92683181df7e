using Osmia.Btf;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Merging;

/// <summary>
/// Binds names across objects, in their order, by the rules of libbpf's static linker: a strong definition beats a weak one, the first of weak ones
/// stays, a definition fills a declaration, and one strong or hidden word makes the symbol strong or hidden.
/// </summary>
internal sealed class SymbolResolution(IReadOnlyList<BpfObject> objects)
{
    private readonly Dictionary<string, GlobalSymbol> _symbols = new(StringComparer.Ordinal);
    private readonly List<GlobalSymbol> _order = [];

    /// <summary>In the order in which the names first stood.</summary>
    public IReadOnlyList<GlobalSymbol> Symbols => _order;

    public GlobalSymbol? Find(string name) => _symbols.GetValueOrDefault(name);

    /// <summary>False for a definition that gave way to another.</summary>
    public bool Survives(object thing, string name, bool isGlobal) => !isGlobal || ReferenceEquals(Find(name)?.Chosen.Thing, thing);

    public void Run()
    {
        for (int index = 0; index < objects.Count; index++)
        {
            foreach (Occurrence occurrence in Occurrences(objects[index], index))
            {
                Add(occurrence);
            }
        }
    }

    private static IEnumerable<Occurrence> Occurrences(BpfObject source, int index)
    {
        foreach (BpfFunction function in source.Functions.Where(function => function.IsGlobal || function.IsWeak))
        {
            yield return new Occurrence(index, function.Name, function, SymbolNature.Function, function.BtfId, function.IsWeak, function.IsHidden);
        }

        foreach (BpfMap map in source.Maps.Where(map => map.DataSection == DataSectionKind.None && (map.IsGlobal || map.IsWeak)))
        {
            yield return new Occurrence(index, map.Name, map, SymbolNature.Map, map.Declaration, map.IsWeak, false);
        }

        foreach (BpfMap map in source.Maps.Where(map => map.DataSection == DataSectionKind.StructOps && map.IsGlobal))
        {
            yield return new Occurrence(index, map.Name, map, SymbolNature.Variable, map.Declaration, false, false);
        }

        foreach (BpfVariable variable in source.Variables.Where(variable => variable.Map.DataSection != DataSectionKind.Kconfig && (variable.IsGlobal || variable.IsWeak)))
        {
            yield return new Occurrence(index, variable.Name, variable, SymbolNature.Variable, variable.Declaration, variable.IsWeak, variable.IsHidden);
        }

        foreach (BpfSection section in source.OtherSections)
        {
            BtfType declared = source.Types is { } types ? types[types.Find(BtfKind.DataSection, section.Name)] : default;
            for (int i = 0; i < declared.Count; i++)
            {
                BtfType variable = source.Types![declared.SectionVariable(i).Type];
                if (variable is { Kind: BtfKind.Variable, Linkage: BtfLinkage.Global })
                {
                    yield return new Occurrence(index, variable.Name, section, SymbolNature.Variable, variable.Id, false, false);
                }
            }
        }

        foreach (BpfExtern external in source.Externs)
        {
            yield return new Occurrence(index, external.Name, external, NatureOf(external.Kind), external.Declaration, external.IsWeak, external.IsHidden);
        }
    }

    private static SymbolNature NatureOf(ExternKind kind) => kind switch
    {
        ExternKind.Function => SymbolNature.Function,
        ExternKind.Variable => SymbolNature.Variable,
        ExternKind.Map => SymbolNature.Map,
        ExternKind.Configuration => SymbolNature.Configuration,
        _ => SymbolNature.KernelSymbol,
    };

    private void Add(Occurrence added)
    {
        if (!_symbols.TryGetValue(added.Name, out GlobalSymbol? symbol))
        {
            symbol = new GlobalSymbol(added);
            _symbols.Add(added.Name, symbol);
            _order.Add(symbol);
            return;
        }

        Occurrence chosen = symbol.Chosen;
        if (!added.IsExtern && !chosen.IsExtern && !symbol.IsWeak && !added.IsWeak)
        {
            throw MergeErrors.DefinedTwice(added.Name, PlaceOf(chosen), PlaceOf(added));
        }

        if (Difference(chosen, added) is { } difference)
        {
            throw MergeErrors.DeclaredOtherwise(added.Name, difference, PlaceOf(chosen), PlaceOf(added));
        }

        symbol.IsWeak &= added.IsWeak;
        symbol.IsHidden |= added.IsHidden;
        if (!added.IsExtern && (chosen.IsExtern || !added.IsWeak))
        {
            symbol.Chosen = added;
        }
    }

    private string? Difference(Occurrence one, Occurrence two)
    {
        if (one.Nature != two.Nature)
        {
            return $"{Words(one.Nature)} and {Words(two.Nature)}";
        }

        if (objects[one.Object].Types is not { } left || objects[two.Object].Types is not { } right || one.Declaration.IsVoid || two.Declaration.IsVoid)
        {
            return null;
        }

        return one.Nature == SymbolNature.Map
            ? new MapComparison(left, right).Differs(MapOf(one), MapOf(two))
            : new TypeComparison(left, right).Differs(one.Declaration, two.Declaration);
    }

    private BpfMap MapOf(Occurrence occurrence) =>
        occurrence.Thing as BpfMap ?? MapComparison.Declared(objects[occurrence.Object], occurrence.Name, occurrence.Declaration);

    private static string Words(SymbolNature nature) => nature switch
    {
        SymbolNature.Function => "a function",
        SymbolNature.Variable => "a variable",
        SymbolNature.Map => "a map",
        SymbolNature.Configuration => "a value of the kernel's configuration",
        _ => "a symbol of the kernel",
    };

    private string PlaceOf(Occurrence occurrence) => SourcePlaces.Of(objects[occurrence.Object], occurrence.Thing);
}
