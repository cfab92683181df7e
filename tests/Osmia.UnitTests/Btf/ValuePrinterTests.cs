using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

public class ValuePrinterTests
{
    private static readonly BtfTypes s_types = BtfSamples.Kinds;
    private static readonly ValueShapes s_shapes = new(s_types);

    [Fact]
    public void Values_print_as_text_and_as_json_by_their_type()
    {
        var text = new StringBuilder();
        Show(text, "all", All());
        Show(text, "all", new byte[All().Length]);
        Show(text, "all, cut at 100 bytes", "all", All().AsSpan(0, 100));
        Show(text, "formats", Formats());
        Show(text, "inner, all ones", "inner", Enumerable.Repeat((byte)0xff, 32).ToArray());
        GoldenFile.Check(text.ToString(), "Btf", "values.txt");
    }

    [Theory]
    [InlineData("prefix4", "08000000 0a000000", "10.0.0.0/8")]
    [InlineData("prefix6", "30000000 20010db80bad00000000000000000000", "2001:db8:bad::/48")]
    [InlineData("prefix_zone", "18000000 07000000 c0000200", "{zone=7, addr=192.0.2.0}/24")]
    [InlineData("inner", "0100000000000000000000000000000000000000000000000000000000000000", "{yes=true, letter=0, tiny=0, single=0, twice=0, wide=0}")]
    public void Keys_of_prefix_tries_print_as_networks(string type, string hex, string expected)
    {
        ValueShape shape = s_shapes.OfPrefixKey(s_types.Find(BtfKind.Struct, type));
        byte[] key = Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
        Assert.Equal(expected, Text(shape, key));
    }

    [Theory]
    [InlineData("00000000000000000000000000000000", "::")]
    [InlineData("00000000000000000000000000000001", "::1")]
    [InlineData("20010db8000000000001000000000001", "2001:db8::1:0:0:1")]
    [InlineData("20010db8000100020003000400050006", "2001:db8:1:2:3:4:5:6")]
    [InlineData("20010db8000000010001000100010001", "2001:db8:0:1:1:1:1:1")]
    [InlineData("fe800000000000000000000000000000", "fe80::")]
    [InlineData("00000000000000000000ffffc0000201", "::ffff:192.0.2.1")]
    public void Ip6_addresses_print_as_RFC_5952_asks(string hex, string expected)
    {
        var text = new Utf8Buffer();
        SpecialText.AppendIp6(text, Convert.FromHexString(hex));
        Assert.Equal(expected, text.ToString());
        Assert.Equal(System.Net.IPAddress.Parse(expected), new System.Net.IPAddress(Convert.FromHexString(hex)));
    }

    [Theory]
    [InlineData(FieldFormat.Nanoseconds, 0, "0 ns")]
    [InlineData(FieldFormat.Nanoseconds, 999, "999 ns")]
    [InlineData(FieldFormat.Nanoseconds, 1_204_000, "1.204 ms")]
    [InlineData(FieldFormat.Nanoseconds, 1_000, "1.000 us")]
    [InlineData(FieldFormat.Microseconds, 1_500_000, "1.500 s")]
    [InlineData(FieldFormat.Milliseconds, 123_456, "123.456 s")]
    [InlineData(FieldFormat.Nanoseconds, -1_204, "-1.204 us")]
    public void Durations_print_in_their_largest_unit(FieldFormat format, long value, string expected)
    {
        var text = new Utf8Buffer();
        SpecialText.AppendDuration(text, format, value);
        Assert.Equal(expected, text.ToString());
    }

    [Fact]
    public void Text_cannot_reach_the_terminal_with_control_bytes()
    {
        var text = new Utf8Buffer();
        SpecialText.AppendEscaped(text, "a\n\t\r\u001b[2J\u0085 é 漢 \\ "u8);
        text.Append((byte)'|');
        SpecialText.AppendEscaped(text, [0xff, 0xc3, (byte)'x', 0, (byte)'y']);
        Assert.Equal(@"a\n\t\r\x1b[2J\xc2\x85 é 漢 \\ |\xff\xc3x", text.ToString());
    }

    [Fact]
    public void Long_arrays_say_how_much_they_leave_out()
    {
        ValueShape shape = ValueShape.ArrayOf(ValueShape.Integer(1), 100);
        Assert.EndsWith(", 63, ... 36 more]", Text(shape, Enumerable.Range(0, 100).Select(i => (byte)i).ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_of_several_cpus_add_up_and_keep_text()
    {
        ValueShape shape = s_shapes.Of(s_types.Find(BtfKind.Struct, "formats"));
        byte[] sum = new byte[shape.Size];
        ValueNumbers.Add(shape, sum, new byte[shape.Size]);
        ValueNumbers.Add(shape, sum, Formats());
        ValueNumbers.Add(shape, sum, Formats());
        string text = Text(shape, sum);
        Assert.Contains("ns=2.408 ms", text, StringComparison.Ordinal);
        Assert.Contains("letters=\"hello\"", text, StringComparison.Ordinal);
        Assert.False(shape.IsSummable);
    }

    [Fact]
    public void Values_of_big_endian_types_are_read_from_their_high_end()
    {
        var builder = new BtfBuilder(isBigEndian: true);
        TypeId number = builder.AddInt("int", 4, isSigned: true);
        TypeId wide = builder.AddInt("__int128", 16, isSigned: true);
        TypeId real = builder.AddFloat("double", 8);
        TypeId color = builder.AddEnum("color", 4, false, new("RED", 1), new("GREEN", 2));
        TypeId type = builder.AddStruct("s", 44, new("n", number, 0), new("high", number, 32, 3), new("low", number, 35, 5), new("color", color, 64),
            new("real", real, 96), new("wide", wide, 160), new("p", builder.AddPointer(number), 288));
        ValueShape shape = new ValueShapes(builder.Build()).Of(type);
        byte[] value = Convert.FromHexString("fffffffe" + "e5000000" + "00000002" + "bff8000000000000" + "fffffffffffffffffffffffffffffff9" + "00000000000000ff");
        Assert.Equal("{n=-2, high=-1, low=5, color=GREEN, real=-1.5, wide=-7, p=0xff}", Text(shape, value));
        Assert.Equal("""{"n":-2,"high":-1,"low":5,"color":"GREEN","real":-1.5,"wide":-7,"p":"0xff"}""", Json(shape, value));
        byte[] sum = (byte[])value.Clone();
        ValueNumbers.Add(shape, sum, value);
        Assert.StartsWith("{n=-4, ", Text(shape, sum), StringComparison.Ordinal);
    }

    internal static byte[] Formats()
    {
        byte[] bytes = new byte[s_types.SizeOf(s_types.Find(BtfKind.Struct, "formats"))];
        void At(string member, params ReadOnlySpan<byte> value) => value.CopyTo(bytes.AsSpan(OffsetOf("formats", member)));
        void Number(string member, long value)
        {
            Span<byte> number = stackalloc byte[8];
            BinaryPrimitives.WriteInt64LittleEndian(number, value);
            BtfType type = s_types[s_types.Find(BtfKind.Struct, "formats")];
            int index = Enumerable.Range(0, type.Count).First(i => type.MemberName(i) == member);
            At(member, number[..(int)s_types.SizeOf(type.Member(index).Type)]);
        }

        At("source", 192, 0, 2, 1);
        At("port", 0x1f, 0x90);
        Number("host_port", 8080);
        At("mac", 2, 0, 0x5e, 0x10, 0, 1);
        Number("pad", 0xdead);
        At("four", 10, 0, 0, 1);
        At("six", 0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
        At("other", 0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
        At("route", 10, 0, 0, 1, 10, 0, 0, 2, 10, 0, 0, 3);
        Number("ns", 1_204_000);
        Number("us", 15);
        Number("ms", 61_000);
        Number("flags", 0x8002);
        Number("typed", 2_500);
        Number("kernel_ip", unchecked((long)0xffffffff81000010));
        Number("tgid", 4321);
        At("digest", 0xde, 0xad, 0xbe, 0xef, 0, 1, 2, 3);
        Number("user_ip", 0x401136);
        At("plain", 1, 2, 3);
        At("letters", "hello"u8);
        return bytes;
    }

    private static byte[] All()
    {
        byte[] bytes = new byte[s_types.SizeOf(s_types.Find(BtfKind.Struct, "all"))];
        Span<byte> At(string member) => bytes.AsSpan(OffsetOf("all", member));
        bytes[0] = 0b10110_110;
        BinaryPrimitives.WriteUInt32LittleEndian(At("cv"), 77);
        BinaryPrimitives.WriteUInt64LittleEndian(At("p"), 0xffff888012345678);
        "quoted \"name\"\n"u8.CopyTo(At("name"));
        for (int i = 0; i < 6; i++)
        {
            BinaryPrimitives.WriteInt32LittleEndian(At("matrix")[(i * 4)..], i - 3);
        }

        BinaryPrimitives.WriteInt32LittleEndian(At("color"), 5);
        BinaryPrimitives.WriteInt64LittleEndian(At("big"), 0x100000000);
        BinaryPrimitives.WriteInt32LittleEndian(At("sign"), -3);
        BinaryPrimitives.WriteInt64LittleEndian(At("signed_big"), 4);
        Span<byte> inner = At("in");
        inner[0] = 1;
        inner[1] = (byte)'x';
        inner[2] = 0xfe;
        BinaryPrimitives.WriteSingleLittleEndian(inner[4..], 1.5f);
        BinaryPrimitives.WriteDoubleLittleEndian(inner[8..], -0.1);
        BinaryPrimitives.WriteInt128LittleEndian(inner[16..], Int128.MinValue);
        int anonymous = OffsetOf("all", "");
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(anonymous), -9);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(anonymous + 4), 2f);
        return bytes;
    }

    private static int OffsetOf(string type, string member)
    {
        BtfType owner = s_types[s_types.Find(BtfKind.Struct, type)];
        return owner.Member(Enumerable.Range(0, owner.Count).First(i => owner.MemberName(i) == member)).ByteOffset;
    }

    private static void Show(StringBuilder text, string type, ReadOnlySpan<byte> value) => Show(text, type, type, value);

    private static void Show(StringBuilder text, string title, string type, ReadOnlySpan<byte> value)
    {
        ValueShape shape = s_shapes.Of(s_types.Find(BtfKind.Struct, type));
        text.Append($"# {title}\n{Text(shape, value)}\n{Json(shape, value)}\n");
    }

    private static string Text(ValueShape shape, ReadOnlySpan<byte> value)
    {
        var text = new Utf8Buffer();
        Printer().Append(text, shape, value);
        return text.ToString();
    }

    private static string Json(ValueShape shape, ReadOnlySpan<byte> value)
    {
        var text = new Utf8Buffer();
        using (var json = new Utf8JsonWriter(text))
        {
            Printer().WriteJson(json, shape, value);
        }

        using JsonDocument parsed = JsonDocument.Parse(text.ToString());
        return text.ToString();
    }

    private static ValuePrinter Printer() => new((format, address, pid) => format == FieldFormat.KernelSymbol ? $"symbol_{address:x}+0x10" : pid == 4321 ? $"main+0x{address & 0xff:x}" : null);
}
