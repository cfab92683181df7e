using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>
/// Compilers leave the size of a BTF data section and the offsets of its variables zero; only ELF knows them.
/// The kernel refuses such types, so they are filled in on a copy, variables in the order of their offsets.
/// </summary>
internal static class SectionFixups
{
    private const int HeaderWords = 3;

    public static ReadOnlyMemory<byte> Apply(BtfTypes types, ElfFile elf)
    {
        byte[] copy = types.Data.ToArray();
        var symbols = new Dictionary<int, Dictionary<string, ElfSymbol>>();
        for (int id = types.FirstId; id < types.Count; id++)
        {
            BtfType type = types[id];
            if (type.Kind == BtfKind.DataSection && elf.Find(type.Name) is { } section)
            {
                if (!symbols.TryGetValue(section.Index, out Dictionary<string, ElfSymbol>? byName))
                {
                    symbols[section.Index] = byName = NamesOf(elf, section);
                }

                Fix(copy, types, type, section, byName);
            }
        }

        return copy;
    }

    private static Dictionary<string, ElfSymbol> NamesOf(ElfFile elf, ElfSection section)
    {
        var names = new Dictionary<string, ElfSymbol>(StringComparer.Ordinal);
        foreach (ElfSymbol symbol in elf.SymbolsOf(section).Where(symbol => symbol.Type != ElfSymbolType.Section))
        {
            names.TryAdd(symbol.Name, symbol);
        }

        return names;
    }

    private static void Fix(byte[] copy, BtfTypes types, BtfType dataSection, ElfSection section, Dictionary<string, ElfSymbol> symbols)
    {
        var variables = new List<Placed>(dataSection.Count);
        for (int i = 0; i < dataSection.Count; i++)
        {
            BtfSectionVariable variable = dataSection.SectionVariable(i);
            BtfType declared = types[variable.Type];
            // Compilers place static variables themselves, and names of those need not be unique.
            bool isPlaced = declared is { Kind: BtfKind.Variable, Linkage: BtfLinkage.Static };
            variables.Add(new Placed((uint)variable.Type.Value, !isPlaced && symbols.TryGetValue(declared.Name, out ElfSymbol? symbol) ? (uint)symbol.Value : variable.Offset, variable.Size));
        }

        variables.Sort((left, right) => left.Offset.CompareTo(right.Offset));
        int at = types.OffsetOf(dataSection.Id);
        if (dataSection.Size == 0)
        {
            Write(copy, at + 8, (uint)section.Size, types.IsBigEndian);
        }

        for (int i = 0; i < variables.Count; i++)
        {
            int entry = at + (HeaderWords + i * 3) * 4;
            Write(copy, entry, variables[i].Type, types.IsBigEndian);
            Write(copy, entry + 4, variables[i].Offset, types.IsBigEndian);
            Write(copy, entry + 8, variables[i].Size, types.IsBigEndian);
        }
    }

    private sealed record Placed(uint Type, uint Offset, uint Size);

    private static void Write(byte[] copy, int offset, uint value, bool bigEndian)
    {
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(copy.AsSpan(offset), value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(copy.AsSpan(offset), value);
        }
    }
}
