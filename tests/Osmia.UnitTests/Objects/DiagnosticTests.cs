using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Objects;

/// <summary>Each diagnostic of the object and linking families, raised by the smallest change to a sample that deserves it.</summary>
public class DiagnosticTests
{
    [Fact]
    public void Text_is_no_ELF_file_OSM1001() =>
        Assert.Contains("it has 11 bytes", Refused("OSM1001", "int main();"u8.ToArray()).Diagnostic.Why, StringComparison.Ordinal);

    [Fact]
    public void Object_of_another_machine_is_told_by_its_number_OSM1002()
    {
        byte[] data = SampleObjects.Bytes("hello");
        data[18] = 62;
        Assert.Contains("its machine is 62", Refused("OSM1002", data).Diagnostic.Why, StringComparison.Ordinal);

        data = SampleObjects.Bytes("hello");
        data[4] = 1;
        Assert.Contains("its ELF class is 1", Refused("OSM1002", data).Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Truncated_object_is_damaged_OSM1003()
    {
        ObjectFormatException refusal = Refused("OSM1003", SampleObjects.Bytes("hello")[..1000]);
        Assert.Equal(40, refusal.Offset);
        Assert.Null(refusal.Section);
    }

    [Fact]
    public void Section_past_the_end_names_itself_OSM1003()
    {
        byte[] data = Changed("hello", ".maps", header => BinaryPrimitives.WriteInt64LittleEndian(header[24..], 1 << 30));
        Assert.Equal(".maps", Refused("OSM1003", data).Section);
    }

    [Fact]
    public void Overlapping_sections_cannot_multiply_a_small_file_OSM1003()
    {
        byte[] data = SampleObjects.Bytes("hello");
        for (int i = 1; i < SectionCount(data); i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(Header(data, i)[24..], 0);
            BinaryPrimitives.WriteInt64LittleEndian(Header(data, i)[32..], data.Length / 2);
        }

        Refused("OSM1003", data);
    }

    [Fact]
    public void Huge_bss_is_refused_without_memory_OSM1003()
    {
        byte[] data = Changed("execsnoop", ".bss", header => BinaryPrimitives.WriteInt64LittleEndian(header[32..], 1L << 40));
        long before = GC.GetAllocatedBytesForCurrentThread();

        Refused("OSM1003", data);

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 10_000_000);
    }

    [Fact]
    public void Broken_type_information_is_told_with_its_section_OSM1005()
    {
        byte[] data = WithBytes("hello", ".BTF", bytes => bytes[0] ^= 0xff);
        ObjectFormatException refusal = Refused("OSM1005", data);
        Assert.Equal(".BTF", refusal.Section);
        Assert.IsType<BtfFormatException>(refusal.InnerException);

        Assert.Equal(".BTF.ext", Refused("OSM1005", WithBytes("hello", ".BTF.ext", bytes => bytes[0] ^= 0xff)).Section);
    }

    [Fact]
    public void Maps_without_types_are_refused_OSM1009() =>
        Refused("OSM1009", Changed("hello", ".BTF", header => BinaryPrimitives.WriteInt32LittleEndian(header, 0)));

    [Fact]
    public void Map_with_an_unknown_attribute_is_named_OSM1010()
    {
        byte[] data = WithBytes("hello", ".BTF", bytes => bytes[(bytes.IndexOf("\0max_entries\0"u8) + 1)] = (byte)'M');
        ObjectFormatException refusal = Refused("OSM1010", data);
        Assert.Contains("attribute 'Max_entries' is not known", refusal.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("max_entries", refusal.Diagnostic.Try, StringComparison.Ordinal);
    }

    [Fact]
    public void Relocation_of_an_unknown_kind_is_refused_OSM1011()
    {
        byte[] data = SampleObjects.Bytes("hello");
        Span<byte> relocations = Bytes(data, Find(data, header => BinaryPrimitives.ReadInt32LittleEndian(header[4..]) == 9 && Bytes(data, BinaryPrimitives.ReadInt32LittleEndian(header[44..])).Length >= 80));
        relocations[8] = 77;
        Assert.Contains("type 77", Refused("OSM1011", data).Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Missing_map_section_is_told_with_the_map_OSM1012()
    {
        byte[] data = WithBytes("hello", ".strtab", bytes => Replace(bytes, ".maps\0"u8, "maps_\0"u8));
        Assert.Contains("older SEC(\"maps\")", Refused("OSM1012", data).Diagnostic.Try, StringComparison.Ordinal);
    }

    [Fact]
    public void Object_without_code_is_read_and_refused_where_a_program_is_needed_OSM1013()
    {
        byte[] data = EachHeader("hello", header =>
        {
            if ((header[8] & 4) != 0)
            {
                header[8] &= 0xfb;
            }
        });
        BpfObject source = BpfObject.Read(data, "hello.bpf.o");
        Assert.Empty(source.Programs);
        Assert.NotEmpty(source.Maps);
        Assert.Equal("OSM1013", Assert.Throws<ObjectFormatException>(source.RequirePrograms).Id);
    }

    [Fact]
    public void Missing_file_is_refused_OSM1015()
    {
        var refusal = Assert.Throws<ObjectFormatException>(() => BpfObject.Read("/no/such/file.bpf.o"));
        Assert.Equal("OSM1015", refusal.Id);
        Assert.IsType<DirectoryNotFoundException>(refusal.InnerException);
        Assert.Equal("OSM1015", Assert.Throws<ObjectFormatException>(() => BpfObject.Read(Path.GetTempPath())).Id);
    }

    [Fact]
    public void Endless_device_is_refused_OSM1015()
    {
        Assert.SkipUnless(File.Exists("/dev/zero"), "needs /dev/zero");
        Assert.Equal("OSM1015", Assert.Throws<ObjectFormatException>(() => BpfObject.Read("/dev/zero")).Id);
    }

    [Fact]
    public void Code_of_half_a_slot_is_refused_OSM1016() => Refused("OSM1016", EachHeader("hello", header =>
    {
        if ((header[8] & 4) != 0)
        {
            header[32] |= 4;
        }
    }));

    [Fact]
    public void Initialised_pointers_are_warned_of_OSM1017()
    {
        BpfObject source = BpfObject.Read(Toolchain.Compile("clang-19", "Objects/Sources/pointers.c"), "pointers.bpf.o");
        Diagnostic warning = Assert.Single(source.Warnings);
        Assert.Equal("OSM1017", warning.Id);
        Assert.StartsWith("2 initialised pointers", warning.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Target_without_types_is_refused_OSM2001()
    {
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(Read("execsnoop"), new Target("bare") { NoTypesReason = "none were given" }));
        Assert.Equal(("OSM2001", "none were given"), (refusal.Id, refusal.Diagnostic.Why));
    }

    [Fact]
    public void Missing_types_are_collected_not_thrown_OSM2002()
    {
        BpfObject other = Read("hello");
        LinkedObject linked = Linker.Link(Read("execsnoop"), new Target("another object", () => other.Types), new LinkOptions(LeaveToKernel: true));

        Assert.All(linked.Programs.SelectMany(program => program.Unresolved), unresolved => Assert.Equal("OSM2002", unresolved.Diagnostic.Id));
        Assert.Contains(linked.Programs.SelectMany(program => program.Unresolved), unresolved => unresolved.Diagnostic.What.Contains("struct `task_struct`", StringComparison.Ordinal));
    }

    [Fact]
    public void Unknown_attach_type_names_the_nearest_OSM2006()
    {
        BpfObject source = Read("runqlat");
        BtfTypes types = source.Types!;
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("itself", () => types)));
        Assert.Equal("OSM2006", refusal.Id);
        Assert.Empty(refusal.Candidates);
    }

    [Fact]
    public void Slot_of_a_program_left_out_is_refused_OSM2008()
    {
        BpfObject source = Read("tail");
        source.FindProgram("handle_udp")!.AutoLoad = false;
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("none")));
        Assert.Equal("OSM2008", refusal.Id);
        Assert.Contains("element 1 of map 'handlers' names 'handle_udp'", refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Unknown_section_names_the_nearest_OSM2009()
    {
        BpfObject source = Read("tail");
        source.FindProgram("dispatch")!.Section = SectionTable.Match("xpd");
        var refusal = Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("none")));
        Assert.Equal("OSM2009", refusal.Id);
        Assert.Contains("xdp", refusal.Diagnostic.Why, StringComparison.Ordinal);
    }

    [Fact]
    public void Object_that_grows_beyond_bounds_when_linked_is_refused_OSM2010()
    {
        BpfObject source = Toolchain.Read("clang-19", "Objects/Sources/huge.c", "-g0");
        Assert.Equal(100, source.Programs.Count);
        Assert.Equal("OSM2010", Assert.Throws<RelocationException>(() => Linker.Link(source, new Target("none"))).Id);

        foreach (BpfProgram program in source.Programs.Skip(10))
        {
            program.AutoLoad = false;
        }

        Assert.Equal(10, Linker.Link(source, new Target("none")).Programs.Length);
    }

    private static BpfObject Read(string sample) => BpfObject.Read(SampleObjects.PathOf(sample));

    private static ObjectFormatException Refused(string id, byte[] data)
    {
        var refusal = Assert.Throws<ObjectFormatException>(() => BpfObject.Read(data, "damaged.bpf.o"));
        Assert.Equal(id, refusal.Id);
        Assert.Contains("damaged.bpf.o", refusal.Message, StringComparison.Ordinal);
        Assert.False(string.IsNullOrEmpty(refusal.Diagnostic.Try));
        Assert.False(BpfObject.TryRead(data, "damaged.bpf.o", out _, out Diagnostic? problem));
        Assert.Equal(id, problem.Id);
        return refusal;
    }

    private delegate void Change(Span<byte> bytes);

    private delegate bool Question(Span<byte> bytes);

    private static byte[] Changed(string sample, string section, Change change)
    {
        byte[] data = SampleObjects.Bytes(sample);
        change(Header(data, Find(data, section)));
        return data;
    }

    private static byte[] WithBytes(string sample, string section, Change change)
    {
        byte[] data = SampleObjects.Bytes(sample);
        change(Bytes(data, Find(data, section)));
        return data;
    }

    private static byte[] EachHeader(string sample, Change change)
    {
        byte[] data = SampleObjects.Bytes(sample);
        for (int i = 0; i < SectionCount(data); i++)
        {
            change(Header(data, i));
        }

        return data;
    }

    private static void Replace(Span<byte> bytes, ReadOnlySpan<byte> old, ReadOnlySpan<byte> wanted) => wanted.CopyTo(bytes[bytes.IndexOf(old)..]);

    private static int SectionCount(byte[] data) => BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(60));

    private static Span<byte> Header(byte[] data, int index) => data.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(40)) + index * 64, 64);

    private static Span<byte> Bytes(byte[] data, int index)
    {
        Span<byte> header = Header(data, index);
        return data.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(header[24..]), (int)BinaryPrimitives.ReadInt64LittleEndian(header[32..]));
    }

    private static int Find(byte[] data, string section)
    {
        byte[] wanted = System.Text.Encoding.UTF8.GetBytes(section + "\0");
        Span<byte> names = Bytes(data, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(62)));
        int namesLength = names.Length;
        return Find(data, header =>
        {
            int at = BinaryPrimitives.ReadInt32LittleEndian(header);
            return at < namesLength && Bytes(data, BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(62)))[at..].StartsWith(wanted);
        });
    }

    private static int Find(byte[] data, Question question)
    {
        for (int i = 1; i < SectionCount(data); i++)
        {
            if (question(Header(data, i)))
            {
                return i;
            }
        }

        throw new InvalidDataException("no such section");
    }
}
