using Osmia.Objects;
using Osmia.Runtime;
using Osmia.Samples.Pricing;
using Osmia.Verification;
using Osmia.Vm;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>The sample of a .NET program with rules as plug-ins: what it prints, and that its header and object are what its sources say.</summary>
public class PricingSampleTests
{
    private static readonly string s_folder = RepositoryFiles.PathOf("samples", "pricing");

    [Fact]
    public void The_shop_prints_what_its_page_shows()
    {
        using var output = new StringWriter { NewLine = "\n" };
        Shop.Run(Path.Combine(s_folder, "pricing.rules.o"), output);
        string shown = string.Join('\n', File.ReadAllLines(Path.Combine(s_folder, "README.md"))
            .SkipWhile(line => !line.StartsWith("    dotnet run", StringComparison.Ordinal)).Skip(2)
            .TakeWhile(line => line.StartsWith("    ", StringComparison.Ordinal)).Select(line => line[4..])) + "\n";
        Assert.Equal(shown, output.ToString());
    }

    [Fact]
    public void The_lines_of_the_readme_do_what_they_say()
    {
        var pricing = new HookType<Order>("pricing").Helper("stock_of", (uint article) => article == 7 ? 100u : 0u)
            .ContextHelper("note", (ref Order order, ReadOnlySpan<byte> text) => 0);
        using var engine = new VmEngine(new VmOptions { HookTypes = [pricing] });
        using LoadedObject rules = engine.LoadVerified(BpfObject.Read(Path.Combine(s_folder, "pricing.rules.o")), "limit", "volume");
        using Hook<Order> hook = engine.CreateHook(pricing);
        using HookLink limit = hook.Attach(rules.Program("limit"), priority: 1);
        using HookLink discount = hook.Attach(rules.Program("volume"), priority: 2);
        var order = new Order { Article = 7, Quantity = 10, Price = 250 };
        int answer = hook.Fire(ref order);
        Assert.Equal((0, 250ul), (answer, order.Discount));
        Assert.Equal("OSM3014", Assert.Throws<VerificationException>(() => engine.LoadVerified(BpfObject.Read(Path.Combine(s_folder, "pricing.rules.o")), "careless")).Id);
        Assert.Throws<ArgumentException>(() => engine.LoadVerified(BpfObject.Read(Path.Combine(s_folder, "pricing.rules.o")), "none"));
    }

    [Fact]
    public void The_header_is_what_the_program_type_says() =>
        Assert.Equal(HookHeader.Write(Shop.DefineRules(TextWriter.Null)), File.ReadAllText(Path.Combine(s_folder, "pricing.h")));

    [Fact]
    public void The_object_is_what_its_source_compiles_to()
    {
        Assert.SkipUnless(ReferenceTool.Exists("clang-19") && ReferenceTool.Exists("llvm-strip-19"), "needs clang-19 and llvm-19");
        string folder = Directory.CreateTempSubdirectory("osmia-rules-").FullName;
        try
        {
            ReferenceTool.Run("bash", RepositoryFiles.PathOf("eng", "build-samples"), "--out", folder, "pricing");
            Assert.Equal(SampleListing.Of(Path.Combine(s_folder, "pricing.rules.o")), SampleListing.Of(Path.Combine(folder, "pricing.rules.o")));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
