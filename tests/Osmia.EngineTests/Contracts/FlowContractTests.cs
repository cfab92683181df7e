using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>Flow dissectors and socket lookups over a capture, in the kernel's test run and in every tier of the VM.</summary>
[SupportedOSPlatform("linux")]
public class FlowContractTests
{
    private const int FlowKeysSize = 56;
    private const int FlagsOffset = 48;

    private const string Dissector = """
        r6 = r1
        r7 = *(u32 *)(r6 + 76)
        r8 = *(u32 *)(r6 + 80)
        r9 = *(u64 *)(r6 + 144)
        r2 = r7
        r2 += 34
        if r2 > r8 goto short
        r3 = *(u32 *)(r7 + 26)
        *(u32 *)(r9 + 16) = r3
        r3 = *(u32 *)(r7 + 30)
        *(u32 *)(r9 + 20) = r3
        r3 = *(u8 *)(r7 + 23)
        *(u8 *)(r9 + 9) = r3
        r3 = *(u16 *)(r9 + 2)
        r4 = *(u8 *)(r7 + 14)
        r4 &= 15
        r4 <<= 2
        r3 += r4
        *(u16 *)(r9 + 2) = r3
        r1 = r6
        r2 = 34
        r3 = r10
        r3 += -8
        r4 = 4
        *(u32 *)(r10 - 8) = 7
        call skb_load_bytes
        *(u32 *)(r9 + 24) = r0
        r3 = *(u32 *)(r10 - 8)
        *(u32 *)(r9 + 28) = r3
        r2 = r7
        r2 += 38
        if r2 > r8 goto short
        r3 = *(u16 *)(r7 + 34)
        *(u16 *)(r9 + 12) = r3
        r3 = *(u16 *)(r7 + 36)
        *(u16 *)(r9 + 14) = r3
        r3 = *(u32 *)(r9 + 48)
        *(u32 *)(r9 + 52) = r3
        r0 = 0
        exit
        short:
        r3 = 0xfff0
        *(u16 *)(r9 + 2) = r3
        r3 = 3
        *(u16 *)(r9 + 0) = r3
        r0 = 129
        exit
        """;

    [Fact]
    public void A_flow_dissector_fills_in_the_same_keys()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        LinkedObject linked = Object(ProgramType.FlowDissector, AttachType.FlowDissector, Dissector);
        using LoadedObject inKernel = kernel.LoadOrSkip(linked, "flow dissectors");
        using var ways = new VmWays(linked, slots: 1);
        Assert.Contains(ways.All, way => way.Name == "il, verified");
        byte[] expected = new byte[FlowKeysSize];
        byte[] actual = new byte[FlowKeysSize];
        byte[] flags = new byte[FlowKeysSize];
        flags[FlagsOffset] = 5;
        using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
        int compared = 0;
        for (int number = 1; packets.TryRead(out _, out ReadOnlySpan<byte> frame); number++)
        {
            if (!inKernel.Programs[0].TakesFrame(frame))
            {
                continue;
            }

            ReadOnlySpan<byte> context = number % 3 == 0 ? flags : default;
            ProgramRunResult wanted = inKernel.Programs[0].Run(new ProgramRun { Data = frame, DataOut = expected, Context = context });
            foreach ((string name, LoadedObject loaded) in ways.All)
            {
                ProgramRunResult got = loaded.Programs[0].Run(new ProgramRun { Data = frame, DataOut = actual, Context = context });
                Assert.True((wanted.ReturnValue, wanted.DataLength) == (got.ReturnValue, got.DataLength) && expected.AsSpan().SequenceEqual(actual),
                    $"packet {number}: the kernel returns {wanted.ReturnValue} with {Convert.ToHexStringLower(expected)}, {name} {got.ReturnValue} with {Convert.ToHexStringLower(actual)}");
            }

            compared++;
        }

        Assert.True(compared > 1000, $"only {compared} packets were compared");
    }

    [Fact]
    public void Socket_lookups_see_the_same_context()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        foreach (int bit in (int[])[0, 1, 4, 8, 15, 24])
        {
            LinkedObject linked = Object(ProgramType.SkLookup, AttachType.SkLookup, $"""
                r0 = 0
                r2 = *(u32 *)(r1 + 8)
                r0 ^= r2
                r2 = *(u32 *)(r1 + 12)
                r0 ^= r2
                r2 = *(u32 *)(r1 + 16)
                r0 += r2
                r2 = *(u32 *)(r1 + 28)
                r0 += r2
                r2 = *(u32 *)(r1 + 36)
                r0 ^= r2
                r2 = *(u32 *)(r1 + 40)
                r0 += r2
                r2 = *(u16 *)(r1 + 54)
                r0 += r2
                r2 = *(u32 *)(r1 + 60)
                r0 ^= r2
                r2 = *(u32 *)(r1 + 64)
                r0 += r2
                r0 >>= {bit}
                r0 &= 1
                r2 = *(u64 *)(r1 + 0)
                if r2 == 0 goto end
                r0 = 0
                end:
                exit
                """);
            using LoadedObject inKernel = kernel.LoadOrSkip(linked, "sk_lookup programs");
            using var ways = new VmWays(linked, slots: 1);
            PacketReplay expected = Replay(inKernel.Programs[0]);
            Assert.Equal(2, expected.Verdicts.Count);
            Assert.True(expected is { Packets: > 100, Skipped: > 100 });
            foreach ((string name, LoadedObject loaded) in ways.All)
            {
                Assert.Equal((name, Counts(expected)), (name, Counts(Replay(loaded.Programs[0]))));
            }
        }
    }

    [Fact]
    public void Frames_without_an_Ethernet_header_are_skipped_when_a_flow_dissector_judges_a_capture()
    {
        using var vm = new VmEngine();
        using LoadedObject loaded = vm.Load(Object(ProgramType.FlowDissector, AttachType.FlowDissector, "r0 = 0; exit"), LoadOptions.Default);
        using PacketRecorder recorder = new(new MemoryStream());
        foreach (PacketOutput? output in (PacketOutput?[])[null, recorder])
        {
            var replay = new PacketReplay(loaded.Programs[0]) { Output = output };
            Assert.Equal([null, null, 0UL], ((int[])[0, 13, 14]).Select(length => replay.Judge(new byte[length])));
            Assert.Equal((1L, 2L), (replay.Packets, replay.Skipped));
        }
    }

    [Fact]
    public void Inputs_that_mean_nothing_are_refused_in_both_engines()
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        using var vm = new VmEngine();
        LinkedObject dissector = Object(ProgramType.FlowDissector, AttachType.FlowDissector, "r0 = 0; exit");
        LinkedObject lookup = Object(ProgramType.SkLookup, AttachType.SkLookup, "r0 = 1; exit");
        foreach (IEngine engine in (IEngine[])[kernel, vm])
        {
            using LoadedObject flow = engine.Load(dissector, LoadOptions.Default);
            using LoadedObject look = engine.Load(lookup, LoadOptions.Default);
            byte[] keys = new byte[FlowKeysSize];
            keys[3] = 1;
            byte[] interfaceGiven = new byte[72];
            interfaceGiven[64] = 1;
            foreach (Action act in (Action[])
                [
                    () => flow.Programs[0].Run(new ProgramRun { Data = new byte[13] }),
                    () => flow.Programs[0].Run(new ProgramRun { Data = new byte[64], Context = keys }),
                    () => look.Programs[0].Run(new ProgramRun { Data = new byte[64] }),
                    () => look.Programs[0].Run(new ProgramRun { Context = interfaceGiven }),
                ])
            {
                Exception refusal = Assert.ThrowsAny<Exception>(act);
                Assert.True(refusal is ArgumentException or BpfException, refusal.ToString());
            }
        }
    }

    private static PacketReplay Replay(LoadedProgram program)
    {
        var replay = new PacketReplay(program);
        using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
        replay.Run(packets);
        return replay;
    }

    private static string Counts(PacketReplay replay) => $"{string.Join(", ", replay.Verdicts.Select(verdict => $"{verdict.Verdict} {verdict.Packets}"))}; {replay.Skipped} skipped";

    private static LinkedObject Object(ProgramType type, AttachType attach, string code) =>
        TestPrograms.Object([TestPrograms.Program(code, type, attachType: attach)]) with { License = "GPL" };
}
