using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>
/// Variables of <c>.struct_ops</c> and <c>.struct_ops.link</c>: each is a struct of the kernel's callbacks, whose function pointers are set
/// by relocations. The object keeps the bytes as the file has them and the programs by member; the target's layout is the linker's affair.
/// </summary>
internal sealed class StructOpsReader(string file, ElfFile elf, BtfTypes? types, List<BpfMap> maps)
{
    private const string SectionName = ".struct_ops";
    private const string LinkSectionName = ".struct_ops.link";
    private const uint LinkFlag = 1u << 13;

    private readonly List<Placed> _placed = [];

    private sealed record Placed(BpfMap Map, int Section, ulong Offset);

    public static bool IsSection(ElfSection section) => section.Type == ElfSectionType.ProgramBits && section.Name.TrimStart('?') is SectionName or LinkSectionName && section.Size > 0;

    public void Read()
    {
        foreach (ElfSection section in elf.Sections)
        {
            if (IsSection(section))
            {
                ReadSection(section);
            }
        }
    }

    /// <summary>After functions are read: relocations name the programs that members point to.</summary>
    public void ReadMembers(CodeReader code)
    {
        if (_placed.Count == 0)
        {
            return;
        }

        foreach (IGrouping<int, Placed> section in _placed.GroupBy(placed => placed.Section))
        {
            foreach (ElfSection relocations in elf.Sections.Where(s => s.IsRelocations && s.Info == section.Key))
            {
                foreach (ElfRelocation relocation in elf.Relocations(relocations))
                {
                    ReadMember(code, section, relocations, relocation);
                }
            }
        }
    }

    private void ReadSection(ElfSection section)
    {
        BtfType variables = types is null ? default : types[types.Find(BtfKind.DataSection, section.Name)];
        if (variables.IsVoid)
        {
            throw ObjectErrors.BadStructOps(file, section.Name, "it has no BTF that describes it");
        }

        for (int i = 0; i < variables.Count; i++)
        {
            BtfSectionVariable entry = variables.SectionVariable(i);
            BtfType variable = types![entry.Type];
            BtfType definition = types.Resolve(variable.ReferencedId);
            if (variable.Kind != BtfKind.Variable || definition.Kind != BtfKind.Struct || definition.NameBytes.IsEmpty)
            {
                throw ObjectErrors.BadStructOps(file, section.Name, $"variable '{variable.Name}' is of no named struct");
            }

            if (entry.Offset > section.Size || definition.Size > section.Size - entry.Offset)
            {
                throw ObjectErrors.BadStructOps(file, section.Name, $"variable '{variable.Name}' ends after the section's {section.Size} bytes");
            }

            var map = new BpfMap(variable.Name)
            {
                Type = MapType.StructOps,
                KeySize = 4,
                ValueSize = definition.Size,
                MaxEntries = 1,
                Flags = section.Name.EndsWith(LinkSectionName, StringComparison.Ordinal) ? LinkFlag : 0,
                ValueType = definition.Id,
                Declaration = variable.Id,
                DataSection = DataSectionKind.StructOps,
                SectionName = section.Name,
                InitialData = section.Data.Slice((int)entry.Offset, (int)definition.Size).ToArray(),
                AutoCreate = !section.Name.StartsWith('?'),
            };
            maps.Add(map);
            _placed.Add(new Placed(map, section.Index, entry.Offset));
        }
    }

    private void ReadMember(CodeReader code, IEnumerable<Placed> section, ElfSection relocations, ElfRelocation relocation)
    {
        ElfSymbol symbol = elf.Symbols[relocation.Symbol];
        Placed? placed = section.FirstOrDefault(candidate => relocation.Offset >= candidate.Offset && relocation.Offset - candidate.Offset < candidate.Map.ValueSize);
        BtfType definition = placed is null ? default : types!.Resolve(placed.Map.ValueType);
        int member = placed is null ? -1 : MemberAt(definition, relocation.Offset - placed.Offset);
        if (member < 0 || !IsFunctionPointer(definition.Member(member)))
        {
            throw ObjectErrors.BadRelocation(file, relocations.Name, (long)Math.Min(relocation.Offset, long.MaxValue), $"'{symbol.Name}' is written into something that is no function pointer of a struct");
        }

        BpfFunction? function = symbol.SectionIndex < elf.Sections.Count && elf.Sections[symbol.SectionIndex] is { IsExecutable: true } codeSection && symbol.Value % 8 == 0
            ? code.At(codeSection.Name, (long)(symbol.Value / 8))
            : null;
        if (function is null || (ulong)function.SectionSlot * 8 != symbol.Value)
        {
            throw ObjectErrors.BadRelocation(file, relocations.Name, (long)relocation.Offset, $"'{symbol.Name}' is no program");
        }

        placed!.Map.Slots = [.. placed.Map.Slots.Where(slot => slot.Index != member), new MapSlot(member, function.Name)];
    }

    private static int MemberAt(BtfType definition, ulong offset)
    {
        for (int i = 0; i < definition.Count; i++)
        {
            if ((ulong)definition.Member(i).BitOffset == offset * 8)
            {
                return i;
            }
        }

        return -1;
    }

    private bool IsFunctionPointer(BtfMember member)
    {
        BtfType pointer = types!.Resolve(member.Type);
        return pointer.Kind == BtfKind.Pointer && types.Resolve(pointer.ReferencedId).Kind == BtfKind.FunctionPrototype;
    }
}
