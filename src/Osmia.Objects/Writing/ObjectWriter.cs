using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Writing;

/// <summary>
/// Writes a <see cref="BpfObject"/> as an ELF file. The order matters: functions, maps and variables get places and symbols before
/// references and first values name them; strings and definitions are added to the types until the last moment, so BTF is written last.
/// </summary>
internal sealed class ObjectWriter(BpfObject source)
{
    private const int WordAlignment = 4;

    public byte[] Write()
    {
        var elf = new ElfBuilder(source.IsBigEndian);
        var draft = new TypeDraft(source.Types, source.Name);
        var symbols = new SymbolTable(elf);
        var data = new DataWriter(source, elf, draft, symbols);
        var maps = new MapWriter(source, elf, draft, symbols);
        var code = new CodeWriter(source, elf, symbols, data);

        code.PlaceFunctions();
        data.WriteLicense();
        maps.Write();
        new StructOpsWriter(source, elf, draft, symbols).Write();
        data.WriteSections();
        data.WriteOthers();
        data.WriteExterns();
        maps.WriteSlots();
        code.WriteCode();

        data.DropStaleSections();

        byte[]? extension = source.Types is null ? null : new ExtensionWriter(code, draft, source.IsBigEndian).Write();
        if (draft.Count > 1 || source.Types is not null)
        {
            Add(elf, ".BTF", draft.ToArray(source.IsBigEndian));
        }

        if (extension is not null)
        {
            Add(elf, ".BTF.ext", extension);
        }

        // Each section may get a section of relocations beside it.
        if (elf.SectionCount > ElfBuilder.MaximumSections / 2)
        {
            throw WriteErrors.CannotWrite(source.Name, $"{elf.SectionCount} sections are more than an ELF file numbers", "section headers");
        }

        return elf.ToArray();
    }

    private static void Add(ElfBuilder elf, string name, byte[] bytes) =>
        elf.AddSection(name, ElfSectionType.ProgramBits, 0, WordAlignment).Data = bytes;
}
