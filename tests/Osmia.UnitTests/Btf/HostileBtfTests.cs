using System.Diagnostics;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Runtime.Decoding;

namespace Osmia.Tests.Btf;

public class HostileBtfTests
{
    private const int Mutations = 20_000;

    [Fact]
    public void Every_truncation_reads_or_is_refused_by_name()
    {
        byte[] sample = BtfSamples.KindsBytes;
        for (int length = 0; length < sample.Length; length++)
        {
            ReadAndPrint(sample[..length], seed: length);
        }
    }

    [Fact]
    public void Mutated_types_never_hang_a_printer_or_break_it()
    {
        byte[] sample = BtfSamples.KindsBytes;
        var clock = Stopwatch.StartNew();
        for (int seed = 0; seed < Mutations; seed++)
        {
            var random = new Random(seed);
            byte[] bytes = (byte[])sample.Clone();
            for (int change = random.Next(1, 6); change > 0; change--)
            {
                Mutate(random, bytes);
            }

            ReadAndPrint(bytes, seed);
        }

        TestContext.Current.SendDiagnosticMessage($"{Mutations} mutations in {clock.Elapsed.TotalSeconds:F1} s");
    }

    [Fact]
    public void Struct_that_holds_itself_by_value_prints()
    {
        // [1] STRUCT size=8 vlen=2: both members are of the struct itself, at offset 0.
        uint[] words = [1, (4u << 24) | 2, 8, 1, 1, 0, 1, 1, 0];
        BtfTypes types = BtfTypes.Parse(Blob(words));
        Assert.Equal("{S=00 00 00 00 00 00 00 00, S=00 00 00 00 00 00 00 00}", Print(types, 1));
    }

    [Fact]
    public void Structs_that_double_at_every_level_stop_at_the_limit()
    {
        // [n] STRUCT with 16 members of type n + 1 at offset 0, 30 levels; anonymous members would multiply while the shape is made.
        foreach (uint name in (uint[])[0, 1])
        {
            var words = new List<uint>();
            const int levels = 30;
            for (uint level = 1; level <= levels; level++)
            {
                words.AddRange([1, (4u << 24) | 16, 8]);
                for (int member = 0; member < 16; member++)
                {
                    words.AddRange([name, level == levels ? 0 : level + 1, 0]);
                }
            }

            Assert.True(Print(BtfTypes.Parse(Blob([.. words])), 1).Length < 1_000_000);
        }
    }

    [Fact]
    public void Names_of_types_that_branch_without_end_are_cut()
    {
        // [1] FUNC_PROTO whose result and 20 parameters are pointers to itself.
        var words = new List<uint> { 0, (13u << 24) | 20, 2 };
        for (int i = 0; i < 20; i++)
        {
            words.AddRange([1, 2]);
        }

        words.AddRange([0, 2u << 24, 1]);
        Assert.Contains("...", CTypeNames.NameOf(BtfTypes.Parse(Blob([.. words])), new TypeId(1)), StringComparison.Ordinal);
    }

    private static byte[] Blob(ReadOnlySpan<uint> words)
    {
        byte[] blob = new byte[24 + words.Length * 4 + 3];
        System.Runtime.InteropServices.MemoryMarshal.Cast<uint, byte>([0x0001eb9f, 24, 0, (uint)words.Length * 4, (uint)words.Length * 4, 3]).CopyTo(blob);
        System.Runtime.InteropServices.MemoryMarshal.AsBytes(words).CopyTo(blob.AsSpan(24));
        "\0S\0"u8.CopyTo(blob.AsSpan(24 + words.Length * 4));
        return blob;
    }

    private static void Mutate(Random random, byte[] bytes)
    {
        int position = random.Next(bytes.Length & ~3);
        switch (random.Next(4))
        {
            case 0:
                bytes[position] = (byte)random.Next(256);
                break;
            case 1:
                bytes[position] ^= (byte)(1 << random.Next(8));
                break;
            case 2:
                // A word that means something elsewhere: a small id, a large one, all ones.
                uint[] words = [0, 1, (uint)random.Next(120), 0x7fffffff, 0xffffffff, 0x00ffffff, 0x8400ffff];
                BitConverter.TryWriteBytes(bytes.AsSpan(position & ~3), words[random.Next(words.Length)]);
                break;
            default:
                int from = random.Next(bytes.Length - 12);
                bytes.AsSpan(from, 12).CopyTo(bytes.AsSpan(random.Next(bytes.Length - 12)));
                break;
        }
    }

    private static void ReadAndPrint(byte[] bytes, int seed)
    {
        try
        {
            BtfTypes types = BtfTypes.Parse(bytes);
            RawDump.Write(types, Stream.Null);
            var shapes = new ValueShapes(types);
            byte[] value = new byte[seed % 300];
            new Random(seed).NextBytes(value);
            var text = new Utf8Buffer();
            using var json = new Utf8JsonWriter(text, JsonRecordWriter.Options);
            for (int id = 1; id < types.Count; id++)
            {
                // Printing each type of each mutation would take minutes; over the seeds every type has its turn.
                if ((id + seed) % 32 == 0)
                {
                    CTypeNames.NameOf(types, new TypeId(id));
                    new ValuePrinter().Append(text, shapes.OfPrefixKey(new TypeId(id)), value);
                    new ValuePrinter().WriteJson(json, shapes.Of(new TypeId(id)), value);
                    json.Flush();
                    json.Reset();
                    text.Clear();
                    var columns = new ColumnPrinter(RecordSchema.Of(types, new TypeId(id)), Stream.Null);
                    columns.WriteHeader();
                    columns.Write(value);
                }
            }
        }
        catch (BtfFormatException)
        {
        }
        catch (Exception exception)
        {
            Assert.Fail($"seed {seed}: {exception}\n{Convert.ToHexString(bytes)}");
        }
    }

    private static string Print(BtfTypes types, int id)
    {
        var text = new Utf8Buffer();
        new ValuePrinter().Append(text, new ValueShapes(types).Of(new TypeId(id)), new byte[8]);
        return text.ToString();
    }
}
