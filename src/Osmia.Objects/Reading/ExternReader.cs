using Osmia.Btf;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>
/// Undefined symbols, told apart by the BTF data section that declares them: <c>.kconfig</c>, <c>.ksyms</c>, <c>.maps</c>,
/// or none for those of another object.
/// </summary>
internal sealed class ExternReader(ElfFile elf, BtfTypes? types)
{
    private const string KernelSymbols = ".ksyms";
    private const string Maps = ".maps";

    private readonly Dictionary<int, BpfExtern> _bySymbol = [];

    public IReadOnlyList<BpfExtern> Read()
    {
        Dictionary<string, Declaration>? declarations = null;
        var externs = new List<BpfExtern>();
        foreach (ElfSymbol symbol in elf.Symbols)
        {
            if (symbol.SectionIndex == ElfSymbol.Undefined && symbol.IsGlobal && symbol.Name.Length > 0)
            {
                declarations ??= Declarations();
                Declaration? declaration = declarations.GetValueOrDefault(symbol.Name);
                var found = new BpfExtern(symbol.Name, declaration is null ? ExternKind.Function : KindOf(declaration))
                {
                    Declaration = declaration is null ? TypeId.Void : new TypeId(declaration.Id),
                    IsWeak = symbol.IsWeak,
                    IsHidden = symbol.IsHidden,
                };
                _bySymbol.Add(symbol.Index, found);
                externs.Add(found);
            }
        }

        return externs;
    }

    /// <summary>The external symbol of an undefined ELF symbol, or null for one without a name.</summary>
    public BpfExtern? Find(ElfSymbol symbol) => _bySymbol.GetValueOrDefault(symbol.Index);

    private static ExternKind KindOf(Declaration declaration) => declaration.Section switch
    {
        KernelConfiguration.SectionName => ExternKind.Configuration,
        KernelSymbols => declaration.IsFunction ? ExternKind.KernelFunction : ExternKind.KernelVariable,
        Maps => ExternKind.Map,
        _ => declaration.IsFunction ? ExternKind.Function : ExternKind.Variable,
    };

    private Dictionary<string, Declaration> Declarations()
    {
        var found = new Dictionary<string, Declaration>(StringComparer.Ordinal);
        for (int id = types?.FirstId ?? 0; id < (types?.Count ?? 0); id++)
        {
            BtfType type = types![id];
            if (type.Kind == BtfKind.DataSection)
            {
                for (int i = 0; i < type.Count; i++)
                {
                    Add(types[type.SectionVariable(i).Type], type.Name);
                }
            }
        }

        for (int id = types?.FirstId ?? 0; id < (types?.Count ?? 0); id++)
        {
            BtfType type = types![id];
            if (type.Kind is BtfKind.Function or BtfKind.Variable && type.Linkage == BtfLinkage.External)
            {
                Add(type, "");
            }
        }

        return found;

        void Add(BtfType type, string section)
        {
            if (type.Kind is BtfKind.Function or BtfKind.Variable && (type.Linkage == BtfLinkage.External || section == KernelConfiguration.SectionName))
            {
                found.TryAdd(type.Name, new Declaration(type.Id.Value, type.Kind == BtfKind.Function, section));
            }
        }
    }

    private sealed record Declaration(int Id, bool IsFunction, string Section);
}
