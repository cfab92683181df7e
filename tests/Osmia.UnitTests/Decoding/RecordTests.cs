using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Tests.Decoding;

public class RecordTests
{
    private static readonly BtfTypes s_types = BtfTypes.Parse(File.ReadAllBytes(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Decoding", "maps.btf")));

    [Fact]
    public void Records_print_as_columns_that_widen_and_as_json_lines()
    {
        RecordSchema schema = Schema("event");
        using var output = new MemoryStream();
        var columns = new ColumnPrinter(schema, output);
        using var json = new JsonRecordWriter(schema, output);
        columns.WriteHeader();
        byte[][] records = [Event(1, "init", 950, 0, "/sbin/init"), Event(uint.MaxValue, "a name of 16 by.", 1_204_000, 1, "/tmp/\u001b[31m"), Event(7, "x", 61_000_000_000, 9, "")];
        foreach (byte[] record in records)
        {
            columns.Write(record);
        }

        columns.Write(records[0].AsSpan(0, 30));
        columns.Flush();
        foreach (byte[] record in records)
        {
            json.Write(record);
        }

        json.Flush();
        GoldenFile.Check(Encoding.UTF8.GetString(output.ToArray()), "Decoding", "records.txt");
    }

    [Fact]
    public void Records_of_unknown_type_print_as_bytes()
    {
        using var output = new MemoryStream();
        var columns = new ColumnPrinter(RecordSchema.Unknown, output);
        columns.WriteHeader();
        columns.Write([1, 2, 0xff]);
        columns.Write(new byte[70]);
        columns.Flush();
        string[] lines = Encoding.UTF8.GetString(output.ToArray()).Split('\n');
        Assert.Equal(["DATA", "01 02 ff"], lines[..2]);
        Assert.EndsWith("00 ... 6 more", lines[2], StringComparison.Ordinal);
    }

    [Fact]
    public void Printing_a_record_allocates_nothing()
    {
        RecordSchema schema = Schema("event");
        var columns = new ColumnPrinter(schema, Stream.Null);
        using var json = new JsonRecordWriter(schema, Stream.Null);
        byte[] record = Event(1234, "bash", 1_204_000, 1, "/usr/bin/bash");
        Print(10_000);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Print(10_000);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Print(int count)
        {
            for (int i = 0; i < count; i++)
            {
                columns.Write(record);
                json.Write(record);
            }
        }
    }

    [Theory]
    [InlineData(112, null, null, "event")]
    [InlineData(112, null, "osmia:event=named", "named")]
    [InlineData(112, "traffic", "osmia:event=named", "traffic")]
    [InlineData(112, "struct named", null, "named")]
    [InlineData(72, null, null, "lone")]
    [InlineData(12, null, null, "unnamed_t")]
    [InlineData(24, null, null, "twin_b")]
    [InlineData(120, null, null, "OSM1104")]
    [InlineData(13, null, null, "OSM1104")]
    [InlineData(112, "nothing", null, "OSM1102")]
    [InlineData(8, "event", null, "OSM1103")]
    [InlineData(16, null, null, "OSM1105")]
    public void Struct_of_the_records_is_chosen_by_option_tag_or_size(int size, string? option, string? tag, string expected)
    {
        SchemaChoice choice = SchemaChoice.Choose(Linked(MapType.Ringbuf, tag), "events", option, size);
        Assert.Equal(expected, choice.Schema?.Name ?? choice.Problem!.Id);
    }

    [Fact]
    public void Ambiguous_size_names_the_candidates()
    {
        SchemaChoice choice = SchemaChoice.Choose(Linked(MapType.Ringbuf, null), "events", null, 16);
        Assert.Contains("place, named", choice.Problem!.Why, StringComparison.Ordinal);
        Assert.Contains("--event", choice.Problem.Try, StringComparison.Ordinal);
    }

    [Fact]
    public void Perf_record_is_recognised_with_its_padding()
    {
        SchemaChoice choice = SchemaChoice.Choose(Linked(MapType.PerfEventArray, null), "events", null, 116);
        Assert.Equal("event", choice.Schema!.Name);
    }

    [Fact]
    public void Object_without_types_is_named()
    {
        SchemaChoice choice = SchemaChoice.Choose(Linked(MapType.Ringbuf, null) with { Types = null }, "events", null, 16);
        Assert.Equal("OSM1101", choice.Problem!.Id);
    }

    [Theory]
    [InlineData("execsnoop", "events", "exec_event", "PID PPID UID RET COMM FILENAME ARGS")]
    [InlineData("hello-ring", "output", "hello_event", "PID UID COMMAND MESSAGE")]
    [InlineData("hello-perf", "output", "hello_event", "PID UID COMMAND MESSAGE")]
    public void Samples_say_what_their_records_are(string sample, string map, string expected, string headers)
    {
        BpfObject definition = BpfObject.Read(RepositoryFiles.PathOf("samples", sample, sample + ".bpf.o"));
        BpfMap events = definition.FindMap(map)!;
        var linked = new LinkedObject(sample, [], [new LinkedMap(0, map, events.Type, 0, 0, 0, 0) { Tags = [.. events.Tags] }], []) { Types = definition.Types };
        SchemaChoice choice = SchemaChoice.Choose(linked, map, null, 0);
        Assert.Equal(expected, choice.Schema!.Name);
        Assert.Equal(headers, string.Join(' ', choice.Schema.Columns.Select(column => column.Header)));
    }

    private static RecordSchema Schema(string name) => RecordSchema.Of(s_types, s_types.Find(BtfKind.Struct, name));

    private static LinkedObject Linked(MapType type, string? tag)
    {
        ImmutableArray<LinkedMap> maps =
        [
            new(0, "events", type, 0, 0, 4096, 0) { Tags = tag is null ? [] : [tag] },
            new(1, "runs", MapType.Hash, 4, 120, 10, 0) { KeyType = s_types.Find(BtfKind.Struct, "process"), ValueType = s_types.Find(BtfKind.Struct, "waits") },
            new(2, "counts", MapType.Hash, 4, 16, 10, 0) { ValueType = s_types.Find(BtfKind.Struct, "traffic") },
        ];
        return new LinkedObject("sample", [], maps, []) { Types = s_types };
    }

    private static byte[] Event(uint pid, string comm, ulong delta, uint rule, string path)
    {
        byte[] bytes = new byte[112];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, pid);
        Encoding.UTF8.GetBytes(comm, bytes.AsSpan(4));
        BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(24), delta);
        ((ReadOnlySpan<byte>)[192, 0, 2, 7]).CopyTo(bytes.AsSpan(32));
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(40), rule);
        Encoding.UTF8.GetBytes(path, bytes.AsSpan(44));
        return bytes;
    }
}
