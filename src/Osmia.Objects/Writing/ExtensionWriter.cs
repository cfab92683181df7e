using Osmia.Bytecode;
using Osmia.Btf;

namespace Osmia.Objects.Writing;

/// <summary>Writes <c>.BTF.ext</c>: function types, source lines and CO-RE records by section and byte offset.</summary>
internal sealed class ExtensionWriter(CodeWriter code, TypeDraft draft, bool bigEndian)
{
    private const int HeaderSize = 32;
    private const int FunctionRecord = 8;
    private const int LineRecordSize = 16;
    private const int CoreRecord = 16;

    private sealed record Row(int Offset, uint Second, uint Third, uint Fourth);

    /// <returns>Null when nothing is known about any instruction.</returns>
    public byte[]? Write()
    {
        byte[] functions = Table(FunctionRecord, function => function.BtfId.IsVoid ? [] : [new Row(0, (uint)function.BtfId.Value, 0, 0)]);
        byte[] lines = Table(LineRecordSize, function => function.Lines.Select(line => new Row(line.Slot, line.FileOffset, line.TextOffset, line.LineAndColumn)));
        byte[] core = Table(CoreRecord, function => function.CoreRelocations.Select(record => new Row(record.Slot, (uint)record.Type.Value, draft.String(record.AccessPath), (uint)record.Kind)));
        if (functions.Length + lines.Length + core.Length == 0)
        {
            return null;
        }

        var sink = new ByteSink(bigEndian);
        sink.Put16(BtfTypes.Magic);
        sink.Put8(1);
        sink.Put8(0);
        sink.Put32(HeaderSize);
        uint offset = 0;
        foreach (byte[] table in (byte[][])[functions, lines, core])
        {
            sink.Put32(offset);
            sink.Put32((uint)table.Length);
            offset += (uint)table.Length;
        }

        sink.Put(functions);
        sink.Put(lines);
        sink.Put(core);
        return sink.ToArray();
    }

    private byte[] Table(int recordSize, Func<BpfFunction, IEnumerable<Row>> rowsOf)
    {
        var sink = new ByteSink(bigEndian);
        sink.Put32((uint)recordSize);
        foreach (OutputSection section in code.Sections)
        {
            List<Row> rows = [.. code.FunctionsOf(section).SelectMany(function => rowsOf(function).Select(row => row with { Offset = (code.PlaceOf(function).Slot + row.Offset) * Instruction.SizeInBytes }))];
            if (rows.Count == 0)
            {
                continue;
            }

            sink.Put32(draft.String(section.Name));
            sink.Put32((uint)rows.Count);
            foreach (Row row in rows)
            {
                ReadOnlySpan<uint> words = [(uint)row.Offset, row.Second, row.Third, row.Fourth];
                foreach (uint word in words[..(recordSize / 4)])
                {
                    sink.Put32(word);
                }
            }
        }

        return sink.Length > 4 ? sink.ToArray() : [];
    }
}
