using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Osmia.Btf;
using Osmia.Objects;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Bench;

/// <summary>Records of the connect-guard sample (numbers, a text, an address, a port, an enumeration) as lines of text.</summary>
internal static class RecordBenchmark
{
    private const int Rounds = 50;
    private const int Records = 20_000;

    public static void Run(BenchOptions options)
    {
        BtfTypes types = BpfObject.Read(Repository.File("samples/connect-guard/connect-guard.bpf.o")).Types!;
        RecordSchema schema = RecordSchema.Of(types, types.Find(BtfKind.Struct, "connect_event"));
        byte[][] records = [.. Enumerable.Range(0, 64).Select(i => Example(i, (int)schema.Size))];
        var columns = new ColumnPrinter(schema, Stream.Null);
        using var json = new JsonRecordWriter(schema, Stream.Null);
        var contest = new Contest($"{Records} records of {schema.Size} bytes, {schema.Columns.Length} columns", "ns per record", Contest.InProcess);
        Add(contest, "columns", records, record => columns.Write(record), columns.Flush);
        Add(contest, "JSON lines", records, record => json.Write(record), json.Flush);
        contest.Run(options.RoundsOr(Rounds), Console.Out);
    }

    private static void Add(Contest contest, string name, byte[][] records, Action<byte[]> write, Action flush)
    {
        long allocated = 0;
        long written = 0;
        contest.Add(name, Measure, () => string.Create(CultureInfo.InvariantCulture, $"{(double)allocated / written:0.###} bytes allocated per record"));

        double Measure(bool counts)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long started = Stopwatch.GetTimestamp();
            for (int i = 0; i < Records; i++)
            {
                write(records[i % records.Length]);
            }

            flush();
            double nanoseconds = Stopwatch.GetElapsedTime(started).TotalNanoseconds;

            if (counts)
            {
                allocated += GC.GetAllocatedBytesForCurrentThread() - before;
                written += Records;
            }

            return nanoseconds / Records;
        }
    }

    private static byte[] Example(int number, int size)
    {
        var record = new byte[size];
        MemoryMarshal.Write(record, (uint)(1000 + number * 37));
        MemoryMarshal.Write(record.AsSpan(4), (uint)number);
        "curl"u8.CopyTo(record.AsSpan(8));
        ((ReadOnlySpan<byte>)[10, 0, (byte)number, 7]).CopyTo(record.AsSpan(24));
        ((ReadOnlySpan<byte>)[0x01, 0xbb]).CopyTo(record.AsSpan(28));
        MemoryMarshal.Write(record.AsSpan(32), number & 1);
        return record;
    }
}
