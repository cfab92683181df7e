using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects;

namespace Osmia.Tests.Objects;

/// <summary>Everything an object says of itself, one line a thing, for golden files people can read.</summary>
internal static class InventoryText
{
    public static string Of(BpfObject source)
    {
        var text = new StringBuilder();
        Line($"object {source.Name} license '{source.License}' types {source.Types?.Count ?? 0}");
        foreach (BpfFunction function in source.Functions)
        {
            Line($"function {function} slots {function.Instructions.Length} {(function.IsGlobal ? "global" : "static")} btf '{source.Types?[function.BtfId].Name}' lines {function.Lines.Length}");
            foreach (SymbolReference reference in function.References)
            {
                Line($"  {reference.Slot}: {reference.Kind} {reference.Name}{(reference.Kind == SymbolKind.MapValue ? $" = {reference.Map!.Name}+{reference.Offset}" : "")}");
            }

            foreach (CoreRelocation relocation in function.CoreRelocations)
            {
                Line($"  {relocation.Slot}: {relocation.Kind} {relocation.Describe(source.Types!)}");
            }
        }

        foreach (BpfProgram program in source.Programs)
        {
            Line($"program {program.Name} section {program.Section.Name} type {program.Section.Type} attach {program.Section.AttachType?.ToString() ?? "-"} kind {program.Section.Kind} target '{program.Section.Target}' {(program.AutoLoad ? "loaded" : "optional")}");
        }

        foreach (BpfMap map in source.Maps)
        {
            Map(map, "map");
        }

        foreach (BpfVariable variable in source.Variables)
        {
            Line($"variable {variable.Name} in {variable.Map.Name}+{variable.Offset} size {variable.Size} type '{source.Types?.Resolve(variable.Type).Name}' = {Convert.ToHexStringLower(variable.InitialValue)}{Tags(variable.Tags)}");
        }

        return text.ToString();

        void Map(BpfMap map, string word)
        {
            Line($"{word} {map.Name} {map.Type.ToKernelName()} key {map.KeySize} '{source.Types?.Resolve(map.KeyType).Name}' value {map.ValueSize} '{source.Types?.Resolve(map.ValueType).Name}' entries {map.MaxEntries} flags 0x{map.Flags:x}{(map.PinByName ? " pinned" : "")}{Tags(map.Tags)}");
            foreach (MapSlot slot in map.Slots)
            {
                Line($"  [{slot.Index}] = {slot.Name}");
            }

            if (map.InnerMap is { } inner)
            {
                Map(inner, "  holds");
            }
        }

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }

    private static string Tags(IReadOnlyList<string> tags) => tags.Count == 0 ? "" : $" tags {string.Join(' ', tags)}";
}
