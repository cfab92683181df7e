using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Decoding;

namespace Osmia.Tests.Decoding;

public class MapPrinterTests
{
    private static readonly BtfTypes s_types = BtfTypes.Parse(File.ReadAllBytes(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Decoding", "maps.btf")));

    [Fact]
    public void Maps_print_as_tables_and_histograms()
    {
        var text = new StringBuilder();
        Show(text, Layers());
        Show(text, Layers(), new MapPrintOptions { PerCpu = true });
        Show(text, Networks());
        Show(text, Waits(MapType.Hash));
        Show(text, SingleHistogram());
        Show(text, FakeMap.Of(MapType.Hash, 16, 8, Struct("place")).Add([.. U32(17), .. U32(0xdead), .. U64(0x401136)], U64(3)));
        Show(text, Named());
        Show(text, Array());
        Show(text, Unknown());
        Show(text, FakeMap.Of(MapType.PercpuHash, 4, 112, default, Struct("event"), cpus: 2).Add(U32(1), [.. new byte[112], .. U32(5), .. Comm("x", 108)]));
        Show(text, Section());
        Show(text, FakeMap.Of(MapType.Ringbuf, 0, 0));
        Show(text, FakeMap.Of(MapType.ProgArray, 4, 4));
        Show(text, FakeMap.Of(MapType.Hash, 4, 8));
        GoldenFile.Check(text.ToString(), "Decoding", "maps.txt");
    }

    [Fact]
    public void Rest_of_a_huge_map_is_counted_and_the_largest_values_come_first()
    {
        FakeMap map = FakeMap.Of(MapType.Hash, 4, 8, default, default);
        for (uint i = 0; i < 1500; i++)
        {
            map.Add(U32(i), U64(i * 7 % 1500));
        }

        string[] lines = Print(map, MapPrintOptions.Default).TrimEnd().Split('\n');
        Assert.Equal("(500 more not shown)", lines[^1]);
        Assert.Equal(1000 + 3, lines.Length);
        Assert.Contains(" 1499 ", lines[2], StringComparison.Ordinal);
        using JsonDocument json = Json(map, MapPrintOptions.Default);
        Assert.Equal(1500, json.RootElement.GetProperty("total").GetInt32());
        Assert.Equal(500, json.RootElement.GetProperty("omitted").GetInt32());
        Assert.Equal(1000, json.RootElement.GetProperty("entries").GetArrayLength());
    }

    [Fact]
    public void Type_of_another_size_than_the_map_is_not_used()
    {
        FakeMap map = FakeMap.Of(MapType.Hash, 8, 8, Struct("process"), Struct("traffic")).Add(U64(1), U64(2));
        Assert.Contains("without BTF", Print(map, MapPrintOptions.Default), StringComparison.Ordinal);
    }

    [Fact]
    public void Map_whose_iteration_never_ends_is_cut()
    {
        FakeMap map = FakeMap.Of(MapType.Hash, 4, 8, maxEntries: 3);
        for (uint i = 0; i < 100; i++)
        {
            map.Add(U32(i), U64(i));
        }

        Assert.Contains("the map changed while it was read", Print(map, MapPrintOptions.Default), StringComparison.Ordinal);
    }

    private static FakeMap Layers() => FakeMap.Of(MapType.PercpuHash, 4, 16, s_types.Find(BtfKind.Enum, "layer"), Struct("traffic"), cpus: 2)
        .Add(U32(1), [.. U64(3), .. U64(300), .. U64(4), .. U64(400)])
        .Add(U32(0), [.. U64(5), .. U64(1000), .. U64(5), .. U64(2000)])
        .Add(U32(9), [.. U64(0), .. U64(0), .. U64(1), .. U64(60)]);

    private static FakeMap Networks() => FakeMap.Of(MapType.LpmTrie, 8, 4, Struct("network"), s_types.Find(BtfKind.Enum, "rule"))
        .Add([.. U32(24), 203, 0, 113, 0], U32(1))
        .Add([.. U32(8), 10, 0, 0, 0], U32(0));

    private static FakeMap Waits(MapType type)
    {
        var slots = new byte[26 * 4];
        BinaryPrimitives.WriteUInt32LittleEndian(slots.AsSpan(0), 12);
        BinaryPrimitives.WriteUInt32LittleEndian(slots.AsSpan(4 * 3), 80);
        BinaryPrimitives.WriteUInt32LittleEndian(slots.AsSpan(4 * 5), 1);
        return FakeMap.Of(type, 4, 120, Struct("process"), Struct("waits"))
            .Add(U32(17), [.. new byte[4], .. U32(1), .. new byte[96], .. Comm("cc1", 16)])
            .Add(U32(4321), [.. slots, .. Comm("bash", 16)]);
    }

    private static FakeMap SingleHistogram() => FakeMap.Of(MapType.PercpuArray, 4, 120, default, Struct("waits"), maxEntries: 1, cpus: 2)
        .Add(U32(0), [.. new byte[100], .. U32(1), .. new byte[16], .. new byte[100], .. U32(2), .. Comm("x", 16)]);

    private static FakeMap Named() => FakeMap.Of(MapType.Hash, 16, 16, Struct("named"), Struct("named"))
        .Add([.. Comm("eth0", 8), .. U64(1)], [.. Comm("é\n", 8), .. U64(20)])
        .Add([.. Comm("lo", 8), .. U64(2)], [.. Comm("", 8), .. U64(300)]);

    private static FakeMap Array() => FakeMap.Of(MapType.Array, 4, 8, s_types.Find(BtfKind.Int, "unsigned int"), s_types.Find(BtfKind.Typedef, "__u64"), maxEntries: 4)
        .Add(U32(0), U64(0)).Add(U32(1), U64(5)).Add(U32(2), U64(0)).Add(U32(3), U64(99));

    private static FakeMap Unknown() => FakeMap.Of(MapType.Hash, 6, 24).Add([1, 2, 3, 4, 5, 6], [.. U64(1), .. U64(2), .. U64(ulong.MaxValue)]);

    private static FakeMap Section()
    {
        // The reader of objects fills in sizes that the compiler leaves 0.
        BtfTypes types = BpfObject.Read(RepositoryFiles.PathOf("samples", "execsnoop", "execsnoop.bpf.o")).Types!;
        TypeId section = types.Find(BtfKind.DataSection, ".rodata");
        uint size = types[section].Size;
        byte[] value = new byte[size];
        value[4] = 0xff;
        return new FakeMap(new LinkedMap(0, "execsnoo.rodata", MapType.Array, 4, size, 1, 0) { ValueType = section, DataSection = DataSectionKind.ReadOnly }).Add(U32(0), value);
    }

    private static void Show(StringBuilder text, FakeMap map, MapPrintOptions? options = null)
    {
        text.Append(Print(map, options ?? MapPrintOptions.Default));
        using JsonDocument json = Json(map, options ?? MapPrintOptions.Default);
        text.Append(json.RootElement.GetRawText()).Append("\n\n");
    }

    private static MapPrinter Printer(FakeMap map, MapPrintOptions options) =>
        new(map.Definition.IsDataSection ? BpfObject.Read(RepositoryFiles.PathOf("samples", "execsnoop", "execsnoop.bpf.o")).Types : s_types, new FakeSymbols(), options);

    private static string Print(FakeMap map, MapPrintOptions options)
    {
        var text = new Utf8Buffer();
        Printer(map, options).Append(text, map);
        return text.ToString();
    }

    private static JsonDocument Json(FakeMap map, MapPrintOptions options)
    {
        var text = new Utf8Buffer();
        using (var json = new Utf8JsonWriter(text, JsonRecordWriter.Options))
        {
            Printer(map, options).WriteJson(json, map);
        }

        return JsonDocument.Parse(text.ToString());
    }

    private static TypeId Struct(string name) => s_types.Find(BtfKind.Struct, name);

    private static byte[] U32(uint value) => BitConverter.GetBytes(value);

    private static byte[] U64(ulong value) => BitConverter.GetBytes(value);

    private static byte[] Comm(string text, int size)
    {
        byte[] bytes = new byte[size];
        Encoding.UTF8.GetBytes(text, bytes);
        return bytes;
    }

    private sealed class FakeSymbols : ISymbolizer
    {
        public string? Kernel(ulong address) => null;

        public string? User(int pid, ulong address) => $"main+0x{address & 0xff:x} of {pid}";
    }
}
