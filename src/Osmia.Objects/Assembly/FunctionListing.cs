using System.Globalization;
using Osmia.Btf.Printing;
using Osmia.Bytecode.Disassembly;

namespace Osmia.Objects.Assembly;

/// <summary>What a reader sees of a listing, beside the instructions.</summary>
public sealed record ListingOptions
{
    public DisassemblyStyle Style { get; init; }

    /// <summary>Source lines before the instructions they begin.</summary>
    public bool WithLines { get; init; } = true;

    /// <summary>File, line and column with each source line; then a line is shown again for each column.</summary>
    public bool WithPositions { get; init; }

    public bool WithOpcodes { get; init; }

    /// <summary>Jumps to labels in place of distances.</summary>
    public bool WithLabels { get; init; }

    public bool WithSlots { get; init; } = true;
}

/// <summary>Listings of an object's functions as the file holds them, with what it knows of their slots: names, lines, CO-RE records.</summary>
public static class FunctionListing
{
    public static ProgramListing Of(BpfObject source, BpfFunction function, ListingOptions? options = null) => Of(source, function, options, null, HeadingOf(source, function, options?.Style ?? DisassemblyStyle.Kernel));

    internal static ProgramListing Of(BpfObject source, BpfFunction function, ListingOptions? options, SymbolNames? names, string heading)
    {
        options ??= new ListingOptions();
        Dictionary<int, SymbolReference> references = [];
        foreach (SymbolReference reference in function.References)
        {
            references[reference.Slot] = reference;
        }

        ILookup<int, CoreRelocation> core = function.CoreRelocations.ToLookup(relocation => relocation.Slot);
        return new ProgramListing(function.Instructions)
        {
            IsOneFunction = true,
            Style = options.Style,
            WithLabels = options.WithLabels,
            LabelPrefix = string.Create(CultureInfo.InvariantCulture, $"LBB{IndexOf(source, function)}_"),
            WithOpcodes = options.WithOpcodes,
            WithPositions = options.WithPositions,
            WithSlots = options.WithSlots,
            Names = names ?? ((slot, _, _) => references.GetValueOrDefault(slot) is { } reference ? NameOf(source, reference, options.Style) : null),
            Heading = slot => slot == 0 ? heading : null,
            Source = options.WithLines && source.Types is not null ? SourceOf(source, function, everyRecord: options.WithPositions) : null,
            Notes = slot => core[slot].Select(relocation => $"CO-RE {relocation.Kind} {relocation.Describe(source.Types!)}"),
        };
    }

    /// <summary>The function's C declaration; its bare name where there is no BTF, and in llvm's style, where it is a label.</summary>
    public static string HeadingOf(BpfObject source, BpfFunction function, DisassemblyStyle style = DisassemblyStyle.Kernel) =>
        style == DisassemblyStyle.Kernel && source.Types is { } types && !function.BtfId.IsVoid
            ? CTypeNames.Declare(types, function.BtfId, function.Name)
            : function.Name;

    private static int IndexOf(BpfObject source, BpfFunction function)
    {
        for (int i = 0; i < source.Functions.Count; i++)
        {
            if (source.Functions[i] == function)
            {
                return i;
            }
        }

        return source.Functions.Count;
    }

    private static Func<int, ListingSource?> SourceOf(BpfObject source, BpfFunction function, bool everyRecord)
    {
        var bySlot = new Dictionary<int, ListingSource>();
        SourceLine? last = null;
        foreach (LineRecord record in function.Lines)
        {
            // Records differ by column too; a reader wants each line once.
            SourceLine line = record.Describe(source.Types!);
            if (line.Text.Length > 0 && (everyRecord || line.Line != last?.Line || line.File != last.File))
            {
                bySlot[record.Slot] = new(line.Text, line.File, line.Line, line.Column);
                last = line;
            }
        }

        return bySlot.GetValueOrDefault;
    }

    private static string? NameOf(BpfObject source, SymbolReference reference, DisassemblyStyle style) =>
        style == DisassemblyStyle.Llvm ? SymbolText(source, reference)
        : reference.Kind switch
        {
            SymbolKind.Map => $"map[{reference.Name}]",
            SymbolKind.MapValue => string.Create(CultureInfo.InvariantCulture, $"map[{reference.Map!.Name}][0]+{reference.Offset}"),
            _ => reference.Name,
        };

    /// <summary>The symbol as assemblers take it: bare, with the offset behind it.</summary>
    internal static string SymbolText(BpfObject source, SymbolReference reference)
    {
        if (reference.Kind != SymbolKind.MapValue)
        {
            return reference.Name;
        }

        BpfVariable? variable = source.Variables.FirstOrDefault(v => v.Name == reference.Name && v.Map == reference.Map);
        long offset = reference.Offset - (variable?.Offset ?? 0);
        string name = variable?.Name ?? reference.Map!.Name;
        return offset == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{(offset < 0 ? "" : "+")}{offset}");
    }
}
