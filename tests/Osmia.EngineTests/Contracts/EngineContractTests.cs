using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Tests.Kernel;
using Osmia.Verification;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>The same object on the same packets gives the same verdicts and the same maps in both engines.</summary>
public class EngineContractTests
{
    private static readonly string[] s_samples = ["packets", "firewall", "tail"];

    public static TheoryData<string, string[], VmTier, VmMode> Cases =>
    [
        .. from sample in new (string, string[])[] { ("packets", []), ("firewall", []), ("firewall", ["drop_fragments=true"]), ("tail", []) }
           from way in new[] { (VmTier.Interpreter, VmMode.Metered), (VmTier.Interpreter, VmMode.Verified), (VmTier.Il, VmMode.Metered), (VmTier.Il, VmMode.Checked), (VmTier.Il, VmMode.Verified), (VmTier.X64, VmMode.Metered), (VmTier.X64, VmMode.Checked), (VmTier.X64, VmMode.Verified) }
           select (sample.Item1, sample.Item2, way.Item1, way.Item2),
    ];

    [Theory]
    [SupportedOSPlatform("linux")]
    [MemberData(nameof(Cases))]
    public void Engines_agree_on_every_packet_and_every_map(string sample, string[] variables, VmTier tier, VmMode mode)
    {
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        BpfObject source = Read(sample, variables);
        using var vm = new VmEngine(new VmOptions { Tier = tier, Mode = mode == VmMode.Verified ? VmMode.Checked : mode });
        using LoadedObject inVm = mode == VmMode.Verified ? LoadVerified(vm, source) : vm.Load(source);
        Assert.All(inVm.Programs, program => Assert.Equal((tier, mode), (((VmProgram)program).Tier, ((VmProgram)program).Mode)));
        using LoadedObject inKernel = kernel.Load(source);
        var vmReplay = new PacketReplay(Entry(inVm));
        var kernelReplay = new PacketReplay(Entry(inKernel));

        int compared = 0;
        int number = 0;
        using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
        while (packets.TryRead(out _, out ReadOnlySpan<byte> frame))
        {
            number++;
            if (!Entry(inKernel).TakesFrame(frame))
            {
                Assert.True(frame.Length < 14, $"packet {number} of {frame.Length} bytes can be judged by one engine only");
                continue;
            }

            ulong? expected = kernelReplay.Judge(frame);
            ulong? actual = vmReplay.Judge(frame);
            Assert.True(expected == actual, $"packet {number}: the kernel says {expected}, the VM {actual}; {Convert.ToHexStringLower(frame)}");
            compared++;
        }

        Assert.Equal(0, vmReplay.Traps);
        Assert.True(compared > 1000, $"only {compared} packets were compared");
        foreach (LinkedMap map in inVm.Definition.Maps.Where(map => map.Type is not (Bytecode.MapType.ProgArray or Bytecode.MapType.Ringbuf)))
        {
            Assert.Equal(Contents(inKernel.Maps[map.Index]), Contents(inVm.Maps[map.Index]));
        }
    }

    [Fact]
    public void The_vm_judges_runts_without_a_trap()
    {
        foreach (string sample in s_samples)
        {
            using var vm = new VmEngine();
            using LoadedObject loaded = vm.Load(Read(sample, []));
            var replay = new PacketReplay(Entry(loaded));
            for (int length = 0; length < 14; length++)
            {
                Assert.NotNull(replay.Judge(new byte[length]));
            }
        }
    }

    private static LoadedProgram Entry(LoadedObject loaded) => loaded.Program(AttachPlan.Attachable(loaded.Definition).Single().Name);

    private static LoadedObject LoadVerified(VmEngine vm, BpfObject source)
    {
        LinkedObject linked = Linker.Link(source, vm.Target);
        return vm.LoadVerified(linked, [.. linked.Programs.Select(program =>
            VerifiedProgram.Prove(linked, program, vm.Target, out VerificationReport report) ?? throw new InvalidOperationException($"{program.Name}: {report.Problem}"))]);
    }

    private static BpfObject Read(string sample, string[] variables)
    {
        BpfObject source = BpfObject.Read(RepositoryFiles.PathOf("samples", sample, sample + ".bpf.o"));
        foreach (string[] pair in variables.Select(text => text.Split('=')))
        {
            ValueText.Set(source.Types, source.FindVariable(pair[0])!, pair[1]);
        }

        return source;
    }

    /// <summary>Every key with its value as hex; values of per-CPU maps are added up by 64-bit words, as the CPUs that ran differ.</summary>
    private static SortedDictionary<string, string> Contents(Map map)
    {
        var contents = new SortedDictionary<string, string>(StringComparer.Ordinal);
        byte[] key = new byte[map.KeySize];
        byte[] next = new byte[map.KeySize];
        byte[] values = new byte[map.ValueBufferSize];
        bool found = map.TryNextKey(default, next);
        while (found)
        {
            (key, next) = (next, key);
            if (map.TryLookup(key, values))
            {
                contents[Convert.ToHexStringLower(key)] = map.IsPerCpu ? SumByWords(map, values) : Convert.ToHexStringLower(values);
            }

            found = map.TryNextKey(key, next);
        }

        return contents;
    }

    private static string SumByWords(Map map, byte[] values)
    {
        var sums = new ulong[map.ValueStride / sizeof(ulong)];
        for (int cpu = 0; cpu < map.ValuesPerKey; cpu++)
        {
            for (int word = 0; word < sums.Length; word++)
            {
                sums[word] += BitConverter.ToUInt64(values, cpu * map.ValueStride + word * sizeof(ulong));
            }
        }

        return string.Join(' ', sums);
    }
}
