using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Elf;

namespace Osmia.Objects.Reading;

/// <summary>Reads <c>.BTF.ext</c>: function types, source lines and CO-RE records, given by section and byte offset, handed to functions by slot.</summary>
internal sealed class ExtensionReader(string file, ElfSection section, BtfTypes types, CodeReader code)
{
    private const int HeaderWithoutCore = 24;
    private const int HeaderWithCore = 32;
    private const int FunctionRecord = 8;
    private const int LineRecordSize = 16;
    private const int CoreRecord = 16;
    private const int MaximumPath = 512;

    private readonly Dictionary<BpfFunction, List<LineRecord>> _lines = [];
    private readonly Dictionary<BpfFunction, List<CoreRelocation>> _core = [];

    private ReadOnlySpan<byte> Data => section.Data.Span;

    public void Read()
    {
        if (Data.Length < HeaderWithoutCore || Read16(0) != BtfTypes.Magic)
        {
            throw Bad($"its header of {Data.Length} bytes is too short or has another magic number");
        }

        uint header = Read32(4);
        if (header < HeaderWithoutCore || header > Data.Length)
        {
            throw Bad($"header length {header} is out of range");
        }

        ReadTable(header, 8, FunctionRecord, (function, slot, record) =>
        {
            if (slot == 0)
            {
                function.BtfId = new TypeId((int)Math.Min(Read32(record + 4), int.MaxValue));
            }
        });
        ReadTable(header, 16, LineRecordSize, (function, slot, record) =>
            ListOf(_lines, function).Add(new LineRecord(slot, Read32(record + 4), Read32(record + 8), Read32(record + 12))));
        if (header >= HeaderWithCore)
        {
            ReadTable(header, 24, CoreRecord, (function, slot, record) => ListOf(_core, function).Add(new CoreRelocation(
                slot,
                new TypeId((int)Math.Min(Read32(record + 4), int.MaxValue)),
                AccessPath(Read32(record + 8)),
                (CoreRelocationKind)Read32(record + 12))));
        }

        foreach ((BpfFunction function, List<LineRecord> lines) in _lines)
        {
            function.Lines = [.. BySlot(lines, line => line.Slot)];
        }

        foreach ((BpfFunction function, List<CoreRelocation> relocations) in _core)
        {
            function.CoreRelocations = [.. BySlot(relocations, relocation => relocation.Slot)];
        }
    }

    private void ReadTable(uint header, int field, int minimumRecord, Action<BpfFunction, int, int> add)
    {
        ulong start = header + (ulong)Read32(field);
        ulong length = Read32(field + 4);
        if (length == 0)
        {
            return;
        }

        if (start + length > (ulong)Data.Length || length < 4)
        {
            throw Bad($"the table at byte {start} of {length} bytes does not fit {Data.Length} bytes");
        }

        int position = (int)start;
        int end = (int)(start + length);
        uint recordSize = Read32(position);
        position += 4;
        if (recordSize < minimumRecord || recordSize > 4096)
        {
            throw Bad($"records of {recordSize} bytes; at least {minimumRecord} are defined");
        }

        while (position < end)
        {
            if (end - position < 8)
            {
                throw Bad($"a section header at byte {position} is cut off");
            }

            string name = types.String(Read32(position));
            uint count = Read32(position + 4);
            position += 8;
            if (count > (ulong)(end - position) / recordSize)
            {
                throw Bad($"{count} records of section '{name}' are more than the table holds");
            }

            for (uint i = 0; i < count; i++, position += (int)recordSize)
            {
                uint offset = Read32(position);
                if (offset % 8 == 0 && code.At(name, offset / 8) is { } function)
                {
                    add(function, (int)(offset / 8) - function.SectionSlot, position);
                }
            }
        }
    }

    private string AccessPath(uint offset) => types.StringBytes(offset).Length <= MaximumPath
        ? types.String(offset)
        : throw Bad($"an access path is longer than {MaximumPath} characters");

    // Compilers write records in order; those of others are sorted.
    private static IEnumerable<T> BySlot<T>(List<T> records, Func<T, int> slotOf)
    {
        for (int i = 1; i < records.Count; i++)
        {
            if (slotOf(records[i]) < slotOf(records[i - 1]))
            {
                return records.OrderBy(slotOf);
            }
        }

        return records;
    }

    private static List<T> ListOf<T>(Dictionary<BpfFunction, List<T>> table, BpfFunction function)
    {
        if (!table.TryGetValue(function, out List<T>? list))
        {
            table[function] = list = [];
        }

        return list;
    }

    private ushort Read16(int offset) => types.IsBigEndian
        ? BinaryPrimitives.ReadUInt16BigEndian(Data[offset..])
        : BinaryPrimitives.ReadUInt16LittleEndian(Data[offset..]);

    private uint Read32(int offset) => types.IsBigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(Data[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(Data[offset..]);

    private ObjectFormatException Bad(string problem) => ObjectErrors.BadTypes(file, section.Name, problem);
}
