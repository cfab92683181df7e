using System.Buffers.Binary;
using System.Text;
using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;
using Osmia.Objects.Sections;

namespace Osmia.Objects.Reading;

/// <summary>
/// Reads an ELF file into a <see cref="BpfObject"/>. The order matters: types before maps (BTF describes them),
/// maps and functions before relocations (they are what relocations name), code before <c>.BTF.ext</c> (it is split by function).
/// </summary>
internal sealed class ObjectReader(string file, ReadOnlyMemory<byte> data, BpfObject target)
{
    // Sections of data that something else here reads.
    private static readonly string[] s_known = ["license", "version", ".maps", ".BTF", ".BTF.ext", JumpTableReader.SectionName];

    public void Read()
    {
        ElfFile elf = ElfFile.Parse(file, data);
        target.IsBigEndian = elf.IsBigEndian;
        target.License = ReadLicense(elf);
        target.KernelVersion = ReadVersion(elf);
        target.Types = ReadTypes(elf);

        var tags = new DeclarationTags(target.Types);
        var maps = new MapReader(file, elf, target.Types, tags);
        maps.Read();
        target.Maps = maps.Maps;
        target.Variables = maps.Variables;

        var externs = new ExternReader(elf, target.Types);
        target.Externs = externs.Read();

        var code = new CodeReader(file, elf, maps, externs);
        code.Read();
        target.Functions = code.Functions;
        target.Programs = Programs(code);
        maps.ReadContents(code, target.Programs);

        target.Warnings = InitialisedPointers(elf, maps);
        target.OtherSections = OtherSections(elf, maps);

        if (target.Types is not null && elf.Find(".BTF.ext") is { } extension)
        {
            new ExtensionReader(file, extension, target.Types, code).Read();
        }

        foreach (BpfFunction function in target.Functions)
        {
            function.Tags = tags.Of(function.BtfId);
        }
    }

    private static bool IsKnown(ElfSection section) => s_known.Contains(section.Name) || LegacyMapReader.IsSection(section) || StructOpsReader.IsSection(section);

    private static List<BpfSection> OtherSections(ElfFile elf, MapReader maps) =>
        [.. elf.Sections.Where(section => section.IsData && maps.ForDataSection(section.Index) is null && !IsKnown(section))
            .Select(section => new BpfSection(section.Name, section.Data) { Alignment = section.Alignment, IsWritable = section.IsWritable })];

    private List<Diagnostic> InitialisedPointers(ElfFile elf, MapReader maps)
    {
        var warnings = new List<Diagnostic>(maps.Warnings);
        foreach (ElfSection relocations in elf.Sections)
        {
            if (relocations.IsRelocations && maps.ForDataSection(relocations.Info) is not null)
            {
                warnings.Add(ObjectErrors.InitialisedPointers(file, elf.Sections[relocations.Info].Name, elf.Relocations(relocations).Count()));
            }
        }

        return warnings;
    }

    private static List<BpfProgram> Programs(CodeReader code)
    {
        // Code outside .text is what section names describe; an object of .text only holds a plain function to run on memory.
        bool onlyText = code.Functions.All(function => function.Section == ".text");
        return [.. code.Functions
            .Where(function => onlyText ? function.IsGlobal : function.Section != ".text" && function.IsGlobal)
            .Select(function => new BpfProgram(function, SectionTable.Match(function.Section)))];
    }

    private BtfTypes? ReadTypes(ElfFile elf)
    {
        if (elf.Find(".BTF") is not { } section)
        {
            return null;
        }

        try
        {
            return BtfTypes.Parse(SectionFixups.Apply(BtfTypes.Parse(section.Data), elf));
        }
        catch (BtfFormatException e)
        {
            throw ObjectErrors.BadTypes(file, ".BTF", e.Message, e);
        }
    }

    private static string ReadLicense(ElfFile elf)
    {
        if (elf.Find("license") is not { } section)
        {
            return "";
        }

        ReadOnlySpan<byte> text = section.Data.Span;
        int end = text.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? text : text[..end]);
    }

    private static uint ReadVersion(ElfFile elf)
    {
        if (elf.Find("version") is not { Data.Length: 4 } section)
        {
            return 0;
        }

        ReadOnlySpan<byte> number = section.Data.Span;
        return elf.IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(number) : BinaryPrimitives.ReadUInt32LittleEndian(number);
    }
}
