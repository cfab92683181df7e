using Osmia.Objects;

namespace Osmia.Tests.Objects;

public class SampleInventoryTests
{
    public static TheoryData<string> Names => [.. SampleObjects.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void Inventory_of_a_sample_is_what_the_golden_file_says(string name) =>
        GoldenFile.Check(InventoryText.Of(BpfObject.Read(SampleObjects.PathOf(name))), "Objects", "Data", name + ".inventory.txt");

    [Fact]
    public void No_inventory_is_orphaned() => Assert.Equal(
        SampleObjects.Names,
        Directory.GetFiles(RepositoryFiles.PathOf("tests", "Osmia.UnitTests", "Objects", "Data"), "*.inventory.txt")
            .Select(file => Path.GetFileName(file).Replace(".inventory.txt", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
}

internal static class SampleObjects
{
    public static string[] Names { get; } = [.. Directory.GetFiles(RepositoryFiles.PathOf("samples"), "*.bpf.o", SearchOption.AllDirectories)
        .Select(file => Path.GetFileName(file)[..^".bpf.o".Length]).Order(StringComparer.Ordinal)];

    public static string PathOf(string name) => RepositoryFiles.PathOf("samples", name, name + ".bpf.o");

    public static byte[] Bytes(string name) => File.ReadAllBytes(PathOf(name));
}
