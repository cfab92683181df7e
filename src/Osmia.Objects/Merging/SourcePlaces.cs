using Osmia.Btf;

namespace Osmia.Objects.Merging;

/// <summary>Where people find a symbol: its object and, as far as line records tell, the C line that defines or first uses it.</summary>
internal static class SourcePlaces
{
    public static string Of(BpfObject source, object thing)
    {
        string line = thing is BpfFunction function
            ? source.Types is { } types && function.Lines.Length > 0 ? $" ({function.Lines[0].Describe(types)})" : ""
            : FirstUse(source, thing);
        return $"object '{source.Name}'{line}";
    }

    private static string FirstUse(BpfObject source, object thing)
    {
        foreach (BpfFunction function in source.Functions)
        {
            foreach (SymbolReference reference in function.References)
            {
                if (IsOf(reference, thing) && source.Types is { } types && LineRecord.At(function.Lines, reference.Slot)?.Describe(types) is { } line)
                {
                    return $" (used at {line})";
                }
            }
        }

        return "";
    }

    private static bool IsOf(SymbolReference reference, object thing) => thing switch
    {
        BpfVariable variable => reference.Map == variable.Map && reference.Name == variable.Name,
        BpfExtern { Kind: ExternKind.Configuration } value => reference.Map is { DataSection: DataSectionKind.Kconfig } && reference.Name == value.Name,
        _ => ReferenceEquals(reference.Map, thing) || ReferenceEquals(reference.Extern, thing),
    };
}
