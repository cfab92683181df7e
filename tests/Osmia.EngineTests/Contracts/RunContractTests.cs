using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>One call, either engine: the same input gives the same result, the same data and the same context.</summary>
[SupportedOSPlatform("linux")]
public class RunContractTests
{
    private const int FrameLength = 64;

    public static TheoryData<ProgramType, string, int, int, int> Runs => new()
    {
        // Type, code, bytes of data, of context, repeat.
        { ProgramType.Xdp, "r6 = r1\nr2 = -4\ncall xdp_adjust_head\nr1 = r6\nr2 = -8\ncall xdp_adjust_tail\nr0 = *(u32 *)(r6 + 12)\nexit", FrameLength, 0, 1 },
        { ProgramType.Xdp, "r2 = *(u32 *)(r1 + 0)\nr3 = *(u32 *)(r1 + 4)\nr4 = r2\nr4 += 8\nr0 = 1\nif r4 > r3 goto end\nr0 = *(u32 *)(r2 + 0)\nr0 += 1\n*(u32 *)(r2 + 0) = r0\nend:\nexit", FrameLength, 24, 3 },
        { ProgramType.SchedCls, "r2 = *(u32 *)(r1 + 8)\nr2 += 5\n*(u32 *)(r1 + 8) = r2\nr0 = *(u32 *)(r1 + 32)\nexit", FrameLength, 192, 1 },
        { ProgramType.SchedCls, "r2 = *(u32 *)(r1 + 48)\nr2 += 1\n*(u32 *)(r1 + 48) = r2\nr0 = r2\nexit", FrameLength, 192, 5 },
        { ProgramType.SocketFilter, "r0 = *(u32 *)(r1 + 0)\nexit", FrameLength, 0, 7 },
        { ProgramType.CgroupSkb, "r0 = *(u32 *)(r1 + 8)\nr0 &= 1\nexit", FrameLength, 192, 2 },
        { ProgramType.Syscall, "r2 = *(u64 *)(r1 + 0)\nr2 += 3\n*(u64 *)(r1 + 8) = r2\nr0 = *(u32 *)(r1 + 4)\nexit", 0, 16, 1 },
        { ProgramType.RawTracepoint, "r2 = *(u64 *)(r1 + 0)\nr0 = *(u64 *)(r1 + 8)\nr0 += r2\nexit", 0, 16, 1 },
    };

    [Theory]
    [MemberData(nameof(Runs))]
    public void A_run_gives_the_same_in_both_engines(ProgramType type, string code, int dataLength, int contextLength, int repeat)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        SectionMatch section = new("test", "", "", type, type == ProgramType.CgroupSkb ? AttachType.CgroupInetEgress : null, AttachKind.None) { IsSleepable = type == ProgramType.Syscall };
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program(code, type) with { Section = section }]) with { License = "GPL" };
        byte[] data = [.. Enumerable.Range(0, dataLength).Select(i => (byte)(i * 7))];
        byte[] context = new byte[contextLength];
        FillContext(type, context, dataLength);
        string expected;
        using (LoadedObject loaded = kernel.LoadOrSkip(linked, $"{type.ToKernelName()} programs"))
        {
            expected = Outcome(loaded, data, context, repeat);
        }

        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
        {
            using var vm = new VmEngine(new VmOptions { Slots = 1, Tier = tier, TreatAsMemoryPrograms = true });
            using LoadedObject loaded = vm.Load(linked, LoadOptions.Default);
            Assert.Equal(expected, Outcome(loaded, data, context, repeat));
        }
    }

    [Fact]
    public void The_callers_context_is_not_written_to()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program("r2 = 9\n*(u64 *)(r1 + 0) = r2\nr0 = 0\nexit", ProgramType.Syscall) with
        {
            Section = new SectionMatch("syscall", "syscall", "", ProgramType.Syscall, null, AttachKind.None) { IsSleepable = true },
        }]) with { License = "GPL" };
        using var vm = new VmEngine();
        foreach (IEngine engine in (IEngine[])[kernel, vm])
        {
            using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
            byte[] context = new byte[8];
            byte[] after = new byte[8];
            ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Context = context, ContextOut = after });
            Assert.Equal((0, 9, 8), (context[0], after[0], result.ContextLength));
            Assert.True(result.NanosecondsPerRun >= 0);
        }
    }

    [Fact]
    public void Inputs_that_a_type_does_not_take_are_refused_by_name()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        LinkedObject linked = TestPrograms.Object([TestPrograms.Program("r0 = 0\nexit", ProgramType.RawTracepoint)]) with { License = "GPL" };
        using LoadedObject loaded = kernel.Load(linked);
        var refusal = Assert.Throws<UnsupportedFeatureException>(() => loaded.Programs[0].Run(new ProgramRun { Context = new byte[8], ContextOut = new byte[8] }));
        Assert.Equal("OSM5023", refusal.Id);
        Assert.Contains("no context back", refusal.Diagnostic.Why, StringComparison.Ordinal);
        using var vm = new VmEngine(new VmOptions { TreatAsMemoryPrograms = true });
        using LoadedObject inVm = vm.Load(linked, LoadOptions.Default);
        Assert.Contains("not both", Assert.Throws<ArgumentException>(() => inVm.Programs[0].Run(new ProgramRun { Context = new byte[8], Data = new byte[8] })).Message, StringComparison.Ordinal);
    }

    private static void FillContext(ProgramType type, byte[] context, int dataLength)
    {
        switch (type)
        {
            case ProgramType.Xdp when context.Length > 0:
                context[0] = 8;
                context[4] = (byte)dataLength;
                break;
            case ProgramType.SchedCls or ProgramType.CgroupSkb:
                context[8] = 0x21;
                context[32] = 0x43;
                context[48] = 5;
                break;
            case ProgramType.Syscall or ProgramType.RawTracepoint:
                for (int i = 0; i < context.Length; i++)
                {
                    context[i] = (byte)(i + 1);
                }

                break;
        }
    }

    private static string Outcome(LoadedObject loaded, byte[] data, byte[] context, int repeat)
    {
        byte[] dataOut = new byte[data.Length == 0 ? 0 : 128];
        byte[] contextOut = new byte[loaded.Programs[0].Type == ProgramType.RawTracepoint ? 0 : context.Length];
        ProgramRunResult result = loaded.Programs[0].Run(new ProgramRun { Data = data, DataOut = dataOut, Context = context, ContextOut = contextOut, Repeat = repeat });
        Assert.True(result.NanosecondsPerRun >= 0);
        return $"{(uint)result.ReturnValue} {result.DataLength} {Convert.ToHexStringLower(dataOut)} {(contextOut.Length == 0 ? 0 : result.ContextLength)} {Convert.ToHexStringLower(contextOut)}";
    }
}
