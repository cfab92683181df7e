using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Linking;

/// <summary>Programs that come to a poisoned instruction on every way are refused when they are linked, and no others.</summary>
public class ReachabilityTests
{
    private const string Source = "Linking/Sources/reached.c";

    [Fact]
    public void Programs_are_refused_when_every_way_comes_to_what_is_missing()
    {
        Target target = KernelOfOurOwn();
        foreach (string compiler in (string[])["clang-14", "clang-19"])
        {
            BpfObject source = Toolchain.Read(compiler, Source, "-mcpu=v3", "-Wno-everything");
            foreach (BpfProgram program in source.Programs)
            {
                source.Programs.ToList().ForEach(other => other.AutoLoad = other == program);
                bool isReached = program.Name.StartsWith("reached_", StringComparison.Ordinal);
                try
                {
                    LinkedProgram linked = Linker.Link(source, target).Programs.Single();
                    Assert.False(isReached, $"{compiler} {program.Name} was linked");
                    Assert.NotEmpty(linked.Unresolved);
                }
                catch (RelocationException refusal)
                {
                    Assert.True(isReached, $"{compiler} {program.Name} was refused: {refusal.Message}");
                    Assert.Contains(refusal.Id, (string[])["OSM2002", "OSM2030"]);
                    Assert.Contains($"every way through program '{program.Name}'", refusal.Diagnostic.Why, StringComparison.Ordinal);
                    Assert.Contains("reached.c:", refusal.Diagnostic.Where, StringComparison.Ordinal);
                }
            }
        }
    }

    [Fact]
    public void Check_of_a_target_says_which_programs_fail()
    {
        TargetReport report = TargetCheck.Run(Toolchain.Read("clang-19", Source, "-mcpu=v3", "-Wno-everything"), KernelOfOurOwn());
        Assert.All(report.Programs, program => Assert.Equal(program.Program.StartsWith("reached_", StringComparison.Ordinal), program.Failure is not null));
    }

    private static Target KernelOfOurOwn() => new("a kernel of our own", () => TargetTypes.Compile("clang-19", "Linking/Sources/target.c"));
}
