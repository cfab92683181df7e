using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;
using Osmia.Objects.Reading;

namespace Osmia.Objects;

/// <summary>
/// Types from a file: raw BTF such as <c>/sys/kernel/btf/vmlinux</c>, or the <c>.BTF</c> section of an ELF file of any machine: a BPF object, a
/// kernel image or module, a program.
/// </summary>
public static class BtfFile
{
    private const string Section = ".BTF";
    private const string BaseSection = ".BTF.base";

    // What compressed files begin with, and what unpacks them.
    private static readonly (byte[] Magic, string Tool)[] s_compressed =
    [
        ([0x1f, 0x8b], "gzip -dc"),
        ([0xfd, 0x37, 0x7a, 0x58, 0x5a], "xz -dc"),
        ([0x28, 0xb5, 0x2f, 0xfd], "zstd -dc"),
    ];

    /// <param name="path">The file; 2 GB at most.</param>
    /// <param name="baseTypes">What the types of a kernel module continue; null for types that stand alone.</param>
    /// <exception cref="ObjectFormatException">The file cannot be opened, or its types cannot be read (OSM1005, OSM1015).</exception>
    public static BtfTypes Read(string path, BtfTypes? baseTypes = null)
    {
        byte[] data;
        try
        {
            data = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ObjectErrors.Unreadable(path, e);
        }

        return Read(data, path, baseTypes);
    }

    /// <param name="data">The file's bytes; they are kept, not copied.</param>
    /// <param name="file">Stands in error messages.</param>
    /// <param name="baseTypes">As above; not used for a file that brings its own base (<c>.BTF.base</c>, modules built outside the kernel's tree since Linux 6.11).</param>
    /// <exception cref="ObjectFormatException">The types cannot be read, or continue those of a base that is not given (OSM1005).</exception>
    public static BtfTypes Read(ReadOnlyMemory<byte> data, string file, BtfTypes? baseTypes = null)
    {
        if (!ElfTypeSections.IsElf(data.Span))
        {
            foreach ((byte[] magic, string tool) in s_compressed)
            {
                if (data.Span.StartsWith(magic))
                {
                    throw ObjectErrors.CompressedTypes(file, tool);
                }
            }

            return Parse(data, file, null, baseTypes);
        }

        var elf = new ElfTypeSections(file, data);
        ReadOnlyMemory<byte> section = elf.Find(Section) ?? throw ObjectErrors.NoTypes(file);
        BtfTypes? ownBase = elf.Find(BaseSection) is { Length: > 0 } own ? Parse(own, file, BaseSection, null) : null;
        BtfTypes types = Parse(section, file, Section, ownBase ?? baseTypes);
        return elf.IsBpf && types.Base is null ? BtfTypes.Parse(SectionFixups.Apply(types, ElfFile.Parse(file, data))) : types;
    }

    private static BtfTypes Parse(ReadOnlyMemory<byte> data, string file, string? section, BtfTypes? baseTypes)
    {
        BtfTypes types;
        try
        {
            types = BtfTypes.Parse(data, baseTypes);
        }
        catch (BtfFormatException e)
        {
            throw section is null ? ObjectErrors.BadTypeFile(file, e) : ObjectErrors.BadTypes(file, section, e.Message, e);
        }

        return types.LacksBase ? throw ObjectErrors.MissingBase(file, section) : types;
    }
}
