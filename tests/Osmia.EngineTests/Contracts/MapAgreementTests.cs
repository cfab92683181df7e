using System.Runtime.Versioning;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The cases of maps.data, on the kernel, which is the judge, and in the VM.</summary>
public sealed class MapAgreementTests
{
    private static readonly MapCase[] s_cases = [.. MapCase.ReadAll(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Contracts", "maps.data"))];

    public static TheoryData<string> Names => [.. s_cases.Select(one => one.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    [SupportedOSPlatform("linux")]
    public void Maps_of_the_kernel_do_what_the_cases_say(string name)
    {
        using IEngine engine = KernelTest.OpenOrSkip();
        Check(engine, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Maps_of_the_interpreter_do_what_the_cases_say(string name)
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2, Seed = 5, Tier = VmTier.Interpreter });
        Check(engine, name);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Maps_of_compiled_code_do_what_the_cases_say(string name)
    {
        foreach (VmTier tier in (VmTier[])[VmTier.Il, VmTier.X64])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 2, Seed = 6, Tier = tier });
            Check(engine, name);
        }
    }

    private static void Check(IEngine engine, string name)
    {
        MapCase one = s_cases.Single(candidate => candidate.Name == name);
        using LoadedObject loaded = engine.Load(one.ToObject(), LoadOptions.Default);
        string actual = one.Run(loaded);
        Assert.True(one.Expected == actual, $"{name}\nexpected:\n{one.Expected}\nactual:\n{actual}");
    }
}
