using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Merging;
using Osmia.Tests.Objects;

namespace Osmia.Tests.Merging;

/// <summary>Objects that do not fit each other, and what people are told.</summary>
public class ConflictTests
{
    private const int Cases = 12;

    // bpftool 7.1 dies of a value of the configuration that another object defines.
    private const int CrashesBpftool = 9;

    [Fact]
    public void Each_conflict_names_what_differs_and_both_places()
    {
        Toolchain.Require("clang-19");
        var text = new StringBuilder();
        for (int number = 1; number <= Cases; number++)
        {
            RelocationException refusal = Assert.Throws<RelocationException>(() => StaticLinker.Link("joined", [Half(number, false), Half(number, true)]));
            text.Append(refusal.Message).Append("\n\n");
        }

        GoldenFile.Check(text.ToString(), "Merging", "conflicts.txt");
    }

    [Fact]
    public void Bpftool_refuses_them_too()
    {
        Toolchain.Require("clang-19");
        Toolchain.Require("bpftool");
        using var folder = new TemporaryFolder();
        string[] files = [Path.Combine(folder.Path, "first.o"), Path.Combine(folder.Path, "second.o")];
        foreach (int number in Enumerable.Range(1, Cases).Where(number => number != CrashesBpftool))
        {
            File.WriteAllBytes(files[0], Compile(number, false));
            File.WriteAllBytes(files[1], Compile(number, true));

            Assert.Contains("failed to link", ReferenceTool.RunForAllOutput("bpftool", ["gen", "object", Path.Combine(folder.Path, "joined.o"), .. files]), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Objects_of_different_byte_orders_are_refused()
    {
        BpfObject big = BpfObject.Read(Toolchain.Compile("clang-19", "Merging/Sources/zero.c", "-target", "bpfeb"), "zero.o");

        RelocationException refusal = Assert.Throws<RelocationException>(() => StaticLinker.Link("joined", [Half(1, false), big]));

        Assert.Equal("OSM2051", refusal.Id);
        Assert.Contains("byte order", refusal.Diagnostic.What, StringComparison.Ordinal);
    }

    [Fact]
    public void Static_map_that_a_first_value_names_must_be_the_only_one_of_its_name()
    {
        BpfObject one = BuiltObject.Make();
        var inner = new BpfMap("inner") { Type = MapType.Array, KeySize = 4, ValueSize = 4, MaxEntries = 1, IsGlobal = false };
        var other = new BpfObject("other") { License = "GPL", Maps = [inner] };

        RelocationException refusal = Assert.Throws<RelocationException>(() => StaticLinker.Link("joined", [one, other]));

        Assert.Equal("OSM2053", refusal.Id);
    }

    [Fact]
    public void Nothing_cannot_be_linked() => Assert.Throws<ArgumentException>(() => StaticLinker.Link("joined", []));

    private static BpfObject Half(int number, bool second) => BpfObject.Read(Compile(number, second), second ? "second.bpf.o" : "first.bpf.o");

    private static byte[] Compile(int number, bool second) => Toolchain.Compile(
        "clang-19",
        "Merging/Sources/conflict.c",
        ["-DCASE=" + number.ToString(CultureInfo.InvariantCulture), "-Wno-everything", $"-ffile-prefix-map={RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Merging", "Sources")}/=", .. second ? ["-DSECOND"] : (string[])[]]);
}
