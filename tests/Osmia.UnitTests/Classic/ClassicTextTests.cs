using Osmia.Bytecode.Classic;
using Osmia.Objects;
using Osmia.Objects.Classic;
using Osmia.Objects.Diagnostics;

namespace Osmia.Tests.Classic;

/// <summary>Classic filters in the forms in which tools write them.</summary>
public class ClassicTextTests
{
    /// <summary>What tcpdump makes of <c>ip and udp</c>.</summary>
    private const string Numbers = "6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 17\n6 0 0 262144\n6 0 0 0\n";

    private const string Listing = """
        (000) ldh      [12]
        (001) jeq      #0x800           jt 2	jf 5
        (002) ldb      [23]
        (003) jeq      #0x11            jt 4	jf 5
        (004) ret      #262144
        (005) ret      #0

        """;

    public static TheoryData<string> Forms =>
    [
        Numbers,
        "6,40 0 0 12,21 0 3 2048,48 0 0 23,21 0 1 17,6 0 0 262144,6 0 0 0",
        "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 3, 0x00000800 },\n{ 0x30, 0, 0, 0x00000017 },\n{ 0x15, 0, 1, 0x00000011 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n",
        "/* udp */ static struct sock_filter code[] = {\n BPF_STMT(BPF_LD + BPF_H + BPF_ABS, 12), // type\n BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0x800, 0, 3),\n"
        + " BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 23), { .code = 0x15, .jt = 0, .jf = 1, .k = 17 }, BPF_STMT(BPF_RET+BPF_K, 262144),\n BPF_STMT(BPF_RET|BPF_K, 0),\n};",
        Listing,
        "ldh [12]\njeq #0x800 jt 2 jf 5\nldb [23]\njeq #17 jt 4 jf 5\n; keep\nret #262144\nret #0",
    ];

    [Theory]
    [InlineData("(\u0660) ret #0")]
    [InlineData("ret #\u0660")]
    [InlineData("jeq #1 jt \u0661 jf 2")]
    public void Digits_of_other_scripts_are_none(string text)
    {
        Assert.Null(ClassicText.Read(text, out ClassicTextProblem? problem));
        Assert.Equal(1, problem!.Line);
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Every_form_gives_the_same_filter(string text)
    {
        ClassicProgram? program = ClassicText.Read(text.ReplaceLineEndings("\n"), out ClassicTextProblem? problem);
        Assert.True(program is not null, problem?.ToString());
        Assert.Equal(Numbers, Written(program, ClassicListing.WriteNumbers));
        Assert.Equal(Listing.ReplaceLineEndings("\n"), Written(program, ClassicListing.Write));
        Assert.Equal(program.ToBytes(), ClassicProgram.FromBytes(program.ToBytes()).ToBytes());
    }

    [Fact]
    public void Every_instruction_comes_back_from_its_listing()
    {
        ushort[] codes = [0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24, 0x28, 0x30, 0x34, 0x35, 0x40, 0x44, 0x45, 0x48, 0x50, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x74, 0x80, 0x81, 0x84, 0x87, 0x94, 0xa4, 0xac, 0xb1];
        ClassicInstruction[] code = [.. codes.Select(one => new ClassicInstruction(one, 0, 0, HasConstant(one) ? 3u : 0)), new(0x20, 0, 0, 0xfffff02c), new(0x28, 0, 0, 0xfffff000), new(0x6, 0, 0, 0xffffffff), new(0x40, 0, 0, 0xffffffff)];
        string text = Written(new ClassicProgram([.. code]), ClassicListing.Write);
        ClassicProgram? again = ClassicText.Read(text, out ClassicTextProblem? problem);
        Assert.True(again is not null, $"{problem}\n{text}");

        // What jt and jf of a jump are is lost in nothing: all others have none.
        Assert.Equal(code, again.Instructions);

        static bool HasConstant(ushort one) => one is not (0x07 or 0x87 or 0x16 or 0x84 or 0x80 or 0x81 or 0x0c or 0x1c or 0x1d or 0x5c or 0xac);
    }

    [Theory]
    [InlineData("tcp port 80", "OSM1040", "is no classic BPF")]
    [InlineData("", "OSM1040", "nothing to read")]
    [InlineData("3\n6 0 0 0\n", "OSM1040", "1 instructions where 3 were announced")]
    [InlineData("1\n6 0 0\n", "OSM1040", "'6 0 0' is no instruction")]
    [InlineData("1\n6 0 256 0\n", "OSM1040", "'6 0 256 0' is no instruction")]
    [InlineData("{ 0x28, 0, 0 }", "OSM1040", "'0x28, 0, 0' is no instruction")]
    [InlineData("BPF_STMT(BPF_RAT, 0)", "OSM1040", "'BPF_RAT' is no number")]
    [InlineData("{ 0x10028, 0, 0, 1 }", "OSM1040", "the code has 16 bits")]
    [InlineData("ret #0\njmp #1", "OSM1040", "'jmp #1' is no instruction")]
    [InlineData("(001) ret #0", "OSM1040", "is no line of a listing")]
    [InlineData("ld #5", "OSM1041", "the last instruction is no return")]
    [InlineData("ld M[3]\nret #0", "OSM1041", "a load of scratch word 3")]
    [InlineData("div #0\nret #0", "OSM1041", "a division by the constant 0")]
    [InlineData("lsh #32\nret #0", "OSM1041", "a shift by 32")]
    [InlineData("jeq #1 jt 2 jf 9\nret #0\nret #1", "OSM1041", "a jump to instruction 9")]
    [InlineData("ld [poff]\nret a", "OSM1042", "ancillary load 'poff'")]
    [InlineData("ldh [hatype]\nret a", "OSM1042", "ancillary load 'hatype'")]
    public void What_is_no_filter_is_refused_by_name(string text, string id, string what)
    {
        var refusal = Assert.Throws<ObjectFormatException>(() => ClassicObject.Translate(ClassicObject.Read(System.Text.Encoding.UTF8.GetBytes(text), "filter.txt", ClassicUse.Socket)));
        Assert.Equal(id, refusal.Id);
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ldh [0]\nret a", "a load that is no whole word")]
    [InlineData("ld [2]\nret a", "a load at offset 2")]
    [InlineData("ld [64]\nret a", "a load at offset 64")]
    [InlineData("ldxb 4*([0]&0xf)\nret a", "a load that is no whole word")]
    [InlineData("mod #3\nret a", "a remainder")]
    public void What_is_no_seccomp_filter_is_refused_by_name(string text, string what)
    {
        var refusal = Assert.Throws<ObjectFormatException>(() => ClassicObject.Translate(ClassicObject.Read(System.Text.Encoding.UTF8.GetBytes(text), "filter.txt", ClassicUse.Seccomp)));
        Assert.Equal("OSM1041", refusal.Id);
        Assert.Contains(what, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_filter_becomes_an_object_that_is_written_and_read()
    {
        ClassicProgram filter = ClassicText.Read(Numbers, out _)!;
        string path = Path.GetTempFileName();
        try
        {
            ClassicObject.Translate(filter, "udp").Write(path);
            BpfProgram program = Assert.Single(BpfObject.Read(path).Programs);
            Assert.Equal(("udp", "socket", Osmia.Bytecode.ProgramType.SocketFilter), (program.Name, program.Section.Name, program.Section.Type));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public void Bytes_are_taken_for_an_array_of_instructions()
    {
        ClassicProgram filter = ClassicText.Read(Numbers, out _)!;
        Assert.Equal(filter.Instructions, ClassicObject.Read(filter.ToBytes(), "bytes", ClassicUse.Socket).Instructions);
        Assert.Equal("OSM1040", Assert.Throws<ObjectFormatException>(() => ClassicObject.Read(filter.ToBytes().AsSpan(1), "bytes", ClassicUse.Socket)).Id);
    }

    private static string Written(ClassicProgram program, Action<TextWriter, ClassicProgram> write)
    {
        using var text = new StringWriter { NewLine = "\n" };
        write(text, program);
        return text.ToString();
    }
}
