using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects;

namespace Osmia.Tests.Objects;

/// <summary>All of an object: its inventory, and what the inventory leaves out (bindings, externs, instructions, lines).</summary>
internal static class ObjectText
{
    public static string Of(BpfObject source)
    {
        var text = new StringBuilder(InventoryText.Of(source));
        Line($"version {source.KernelVersion} big-endian {source.IsBigEndian}");
        foreach (BpfFunction function in source.Functions)
        {
            Line($"function {function} at {function.SectionSlot} global {function.IsGlobal} weak {function.IsWeak} hidden {function.IsHidden}");
            var references = function.References.ToDictionary(reference => reference.Slot, reference => reference.Kind);
            for (int slot = 0; slot < function.Instructions.Length; slot++)
            {
                Instruction i = function.Instructions[slot];
                // What a reference leaves in its instruction depends on the symbol it goes by.
                Line(references.TryGetValue(slot, out SymbolKind kind) ? $"  {slot}: {i.Opcode} r{(int)i.Destination} {i.Offset} {kind}" : (FormattableString)$"  {slot}: {i.Opcode} {i.Registers:x2} {i.Offset} {i.Immediate}");
            }

            foreach (LineRecord line in function.Lines)
            {
                Line($"  {line.Slot}: {line.Describe(source.Types!)} column {line.Column}: {line.Describe(source.Types!).Text}");
            }
        }

        foreach (BpfMap map in source.Maps)
        {
            Line($"map {map.Name} global {map.IsGlobal} weak {map.IsWeak} declared '{source.Types?[map.Declaration].Name}' extra {map.Extra} node {map.NumaNode} created {map.AutoCreate} alignment {(map.DataSection == DataSectionKind.None ? 0 : map.Alignment)}");
        }

        foreach (BpfVariable variable in source.Variables)
        {
            Line($"variable {variable.Name} global {variable.IsGlobal} weak {variable.IsWeak} hidden {variable.IsHidden}");
        }

        foreach (BpfMap map in source.Maps.Where(map => map.DataSection is DataSectionKind.StructOps or DataSectionKind.None))
        {
            Line($"contents of {map.Name} in {map.SectionName} = {Convert.ToHexStringLower(map.InitialData)}");
        }

        foreach (BpfSection section in source.OtherSections)
        {
            Line($"section {section.Name} alignment {section.Alignment} writable {section.IsWritable} = {Convert.ToHexStringLower(section.Data.Span)}");
        }

        foreach (BpfExtern external in source.Externs)
        {
            Line($"extern {external} weak {external.IsWeak} declared '{source.Types?[external.Declaration].Name}'");
        }

        return text.ToString();

        void Line(FormattableString line) => text.Append(line.ToString(CultureInfo.InvariantCulture)).Append('\n');
    }
}
