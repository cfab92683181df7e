using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Kernel;

/// <summary>The linker's "certainly reached" beside the kernel's verifier: what is refused at link, the kernel refuses.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ReachabilityTests(ITestOutputHelper output)
{
    [Fact]
    public void Whatever_the_linker_refuses_the_kernel_refuses()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject source = Toolchain.Read("clang-19", "Linking/Sources/reached.c", "-mcpu=v3", "-Wno-everything");
        int refused = 0;
        var loaded = new List<string>();
        foreach (BpfProgram program in source.Programs)
        {
            source.Programs.ToList().ForEach(other => other.AutoLoad = other == program);
            LinkedObject linked = Linker.Link(source, engine.Target, new LinkOptions(LeaveToKernel: true));
            try
            {
                engine.Load(linked).Dispose();
                loaded.Add(program.Name);
            }
            catch (KernelException refusal)
            {
                output.WriteLine($"{program.Name}: {refusal.Message}");
                refused++;
                continue;
            }

            Assert.NotEmpty(Linker.Link(source, engine.Target).Programs); // What the kernel loads, the linker does not refuse.
        }

        output.WriteLine($"{refused} refused; loaded: {string.Join(", ", loaded)}");
        Assert.Equal(["chosen_by_constant", "guarded", "guarded_by_size", "guarded_by_symbol", "guarded_by_type", "guarded_far", "guarded_in_call"], loaded.Order(StringComparer.Ordinal));
    }
}
