using System.Runtime.CompilerServices;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;

namespace Osmia.Tests.Kernel;

/// <summary>Sizes of wire structures, and readers of kernel texts; needs no privileges.</summary>
[SupportedOSPlatform("linux")]
public class SyscallLayoutTests
{
    [Fact]
    public void Attribute_structures_have_the_kernels_sizes()
    {
        (string, int)[] actual =
        [
            (nameof(MapCreateAttributes), Unsafe.SizeOf<MapCreateAttributes>()),
            (nameof(MapElementAttributes), Unsafe.SizeOf<MapElementAttributes>()),
            (nameof(ProgramLoadAttributes), Unsafe.SizeOf<ProgramLoadAttributes>()),
            (nameof(TestRunAttributes), Unsafe.SizeOf<TestRunAttributes>()),
            (nameof(BtfLoadAttributes), Unsafe.SizeOf<BtfLoadAttributes>()),
            (nameof(LinkCreateAttributes), Unsafe.SizeOf<LinkCreateAttributes>()),
            (nameof(IteratorInfo), Unsafe.SizeOf<IteratorInfo>()),
            (nameof(ProgramAttachAttributes), Unsafe.SizeOf<ProgramAttachAttributes>()),
            (nameof(BatchAttributes), Unsafe.SizeOf<BatchAttributes>()),
            (nameof(LinkUpdateAttributes), Unsafe.SizeOf<LinkUpdateAttributes>()),
            (nameof(TokenCreateAttributes), Unsafe.SizeOf<TokenCreateAttributes>()),
            (nameof(StreamReadAttributes), Unsafe.SizeOf<StreamReadAttributes>()),
            (nameof(ProgramBindMapAttributes), Unsafe.SizeOf<ProgramBindMapAttributes>()),
            (nameof(ProgramInfoData), Unsafe.SizeOf<ProgramInfoData>()),
            (nameof(MapInfoData), Unsafe.SizeOf<MapInfoData>()),
            (nameof(BtfInfoData), Unsafe.SizeOf<BtfInfoData>()),
            (nameof(PerfEventAttributes), Unsafe.SizeOf<PerfEventAttributes>()),
            (nameof(FunctionRecord), Unsafe.SizeOf<FunctionRecord>()),
            (nameof(SourceRecord), Unsafe.SizeOf<SourceRecord>()),
            (nameof(ObjectName), Unsafe.SizeOf<ObjectName>()),
        ];
        Assert.Equal(
            [
                ("MapCreateAttributes", 96), ("MapElementAttributes", 32), ("ProgramLoadAttributes", 152), ("TestRunAttributes", 80),
                ("BtfLoadAttributes", 40), ("LinkCreateAttributes", 64), ("IteratorInfo", 16), ("ProgramAttachAttributes", 32), ("BatchAttributes", 56), ("LinkUpdateAttributes", 16), ("TokenCreateAttributes", 8), ("StreamReadAttributes", 24), ("ProgramBindMapAttributes", 12), ("ProgramInfoData", 232), ("MapInfoData", 104), ("BtfInfoData", 32), ("PerfEventAttributes", 112),
                ("FunctionRecord", 8), ("SourceRecord", 16), ("ObjectName", 16),
            ],
            actual);
    }

    [Theory]
    [InlineData("6.18.44-fc-v509", 0x6122cu)]
    [InlineData("5.4.300", 0x504ffu)]
    [InlineData("7.2.0+", 0x70200u)]
    public void Version_code_is_read_from_the_release(string release, uint expected) => Assert.Equal(expected, KernelEngine.ParseVersion(release));

    [Theory]
    [InlineData("0-3,8\n", new[] { 0, 1, 2, 3, 8 })]
    [InlineData("0\n", new[] { 0 })]
    public void Cpu_lists_are_read(string list, int[] expected) => Assert.Equal(expected, PossibleCpus.Parse(list));

    [Theory]
    [InlineData("a_name_of_sixteen_chars", "a_name_of_sixte")]
    [InlineData("hello-ring", "hello_ring")]
    [InlineData("x.rodata", "x.rodata")]
    public void Names_are_cut_and_cleaned_for_the_kernel(string name, string expected) => Assert.Equal(expected, BpfSyscall.Text(BpfSyscall.KernelName(name)));

    [Fact]
    public void Errno_524_has_a_name() => Assert.StartsWith("ENOTSUPP", Errno.Describe(524), StringComparison.Ordinal);

    [Fact]
    public void Verifier_log_of_a_current_kernel_gives_message_slot_place_and_statistics()
    {
        var log = new VerifierLog("""
            0: R1=ctx() R10=fp0
            ; struct ethhdr *eth = data; @ drop.bpf.c:14
            0: (61) r1 = *(u32 *)(r1 +0)          ; R1_w=pkt(r=0)
            1: (69) r0 = *(u16 *)(r1 +12)
            invalid access to packet, off=12 size=2, R1(id=0,off=12,r=0)
            R1 offset is outside of the packet
            processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
            """);
        Assert.Equal(("invalid access to packet, off=12 size=2, R1(id=0,off=12,r=0); R1 offset is outside of the packet", 1, "drop.bpf.c:14", 2L), (log.Message, log.LastSlot, log.LastPlace, log.ProcessedInstructions));
    }

    [Fact]
    public void Verifier_log_of_an_old_kernel_gives_message_and_slot()
    {
        var log = new VerifierLog("back-edge from insn 7 to 3\n");
        Assert.Equal(("back-edge from insn 7 to 3", 7, null, null), (log.Message, log.LastSlot, log.LastPlace, log.ProcessedInstructions));
    }
}
