using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>Which definitions of maps are taken, and with which error the others are refused: definitions.data, on the kernel, which is the judge, and in the VM.</summary>
public sealed class DefinitionAgreementTests
{
    /// <summary>The engine knows the kernel's rule and did not ask it.</summary>
    private const string Unasked = "refused by the engine";

    private static readonly int[] s_bits = [.. Enumerable.Range(0, 13), 17, 18];

    [Fact]
    [SupportedOSPlatform("linux")]
    public void The_kernel_takes_and_refuses_what_the_lines_say()
    {
        using IEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipUnless(KernelEngine.IsAtLeast(6, 18), "the lines are those of Linux 6.18");
        Check(engine);
    }

    [Fact]
    public void The_VM_takes_and_refuses_what_the_lines_say()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 2 });
        Check(engine);
    }

    [Theory]
    [InlineData(MapCreateFlags.ReadOnly | MapCreateFlags.WriteOnly, "read-only and write-only at once")]
    [InlineData(MapCreateFlags.ReadOnlyForPrograms | MapCreateFlags.WriteOnlyForPrograms, "for programs at once")]
    [InlineData(MapCreateFlags.StackBuildId, "does not take the flags 0x20")]
    public void A_refusal_says_which_flags(MapCreateFlags flags, string why)
    {
        using var engine = new VmEngine();
        Assert.Contains(why, Assert.Throws<MapException>(() => engine.CreateMap(TestPrograms.Map(0, MapType.Hash, 4, 8, 4, (uint)flags))).Message, StringComparison.Ordinal);
    }

    private static void Check(IEngine engine)
    {
        int lines = 0;
        foreach (string line in File.ReadLines(RepositoryFiles.PathOf("tests", "Osmia.EngineTests", "Contracts", "definitions.data")).Where(line => line.Length != 0 && line[0] != '#'))
        {
            lines++;
            string[] words = line.Split(' ');
            MapType type = Enum.GetValues<MapType>().Single(one => one.ToKernelName() == words[0]);
            LinkedMap map = TestPrograms.Map(0, type, Number(words[1]), Number(words[2]), Number(words[3]));
            if (words[4] != "takes")
            {
                string result = ResultOf(engine, map);
                Assert.True(result == words[4] || (result == Unasked && words[4] != "ok"), $"{line}: {result}");
                continue;
            }

            string taken = string.Join(' ', s_bits.Select(bit => 1u << bit).Where(flag => ResultOf(engine, map with { Flags = flag }) == "ok").Select(flag => $"0x{flag:x}"));
            Assert.Equal(line, $"{string.Join(' ', words[..4])} takes {taken}");
        }

        Assert.InRange(lines, 150, 1000);
    }

    private static string ResultOf(IEngine engine, LinkedMap map)
    {
        try
        {
            engine.Load(TestPrograms.Object([], map), LoadOptions.Default).Dispose();
            return "ok";
        }
        catch (MapException refusal)
        {
            return NameOf(refusal.Errno);
        }
        catch (KernelException refusal)
        {
            return refusal.Id == "OSM5010" ? Unasked : NameOf(refusal.Errno);
        }
    }

    private static string NameOf(int error) => error switch { 7 => "E2BIG", 22 => "EINVAL", _ => $"error {error}" };

    private static uint Number(string word) => uint.Parse(word, CultureInfo.InvariantCulture);
}
