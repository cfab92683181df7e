using System.Buffers.Binary;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>
/// Reads tables of section <c>.jumptables</c>: 64-bit numbers, each the byte of the section of code where a jump may go. Every table has a
/// symbol with its size; the code loads its address.
/// </summary>
internal sealed class JumpTableReader(string file, ElfFile elf, ElfSection section)
{
    public const string SectionName = ".jumptables";
    private const int EntrySize = 8;

    /// <param name="function">The function that loads the table's address: all places are its own.</param>
    public BpfJumpTable Read(ElfSymbol symbol, BpfFunction function)
    {
        if (symbol.Value % EntrySize != 0 || symbol.Size % EntrySize != 0 || symbol.Size == 0
            || symbol.Value > (ulong)section.Data.Length || symbol.Size > (ulong)section.Data.Length - symbol.Value)
        {
            throw ObjectErrors.BadRelocation(file, SectionName, section.Offset, $"jump table '{symbol.Name}' [{symbol.Value}, +{symbol.Size}) is no whole number of {EntrySize}-byte entries of the section's {section.Data.Length} bytes");
        }

        var targets = new int[symbol.Size / EntrySize];
        for (int i = 0; i < targets.Length; i++)
        {
            int at = (int)symbol.Value + i * EntrySize;
            ReadOnlySpan<byte> bytes = section.Data.Span.Slice(at, EntrySize);
            ulong place = elf.IsBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            ulong slot = place / EntrySize - (ulong)function.SectionSlot;
            if (place % EntrySize != 0 || slot >= (ulong)function.Instructions.Length)
            {
                throw ObjectErrors.BadRelocation(file, SectionName, section.Offset + at, $"element {i} of jump table '{symbol.Name}' goes to byte {place} of the code, which is not in function '{function.Name}'");
            }

            targets[i] = (int)slot;
        }

        return new BpfJumpTable(symbol.Name, targets);
    }
}
