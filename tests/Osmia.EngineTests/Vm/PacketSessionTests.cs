using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Vm;

namespace Osmia.Tests.Vm;

/// <summary>Many packets for one program without a lease for each.</summary>
public class PacketSessionTests
{
    private const string Cut = "r6 = r1; r2 = -10; call xdp_adjust_tail; r2 = *(u32 *)(r6 + 0); r3 = *(u32 *)(r6 + 4); r4 = r2; r4 += 14; r0 = 1; if r4 > r3 goto +2; r0 = 3; *(u8 *)(r2 + 0) = 0xee; exit";

    private const string Sum = "r4 = r2; r4 += 64; r0 = 99; if r4 > r3 goto done; r0 = 0; r1 = 8; again: r5 = *(u64 *)(r2 + 0); r0 |= r5; r5 = -1; *(u64 *)(r2 + 0) = r5; r2 += 8; r1 += -1; if r1 != 0 goto again; done: exit";

    [Theory]
    [InlineData(ProgramType.Xdp, Cut)]
    [InlineData(ProgramType.SchedCls, "r0 = *(u32 *)(r1 + 0); exit")]
    [InlineData(ProgramType.SocketFilter, "r6 = r1; r0 = *(u16 *)skb[0]; exit")]
    [InlineData(ProgramType.CgroupSkb, "r0 = *(u32 *)(r1 + 16); r0 &= 1; exit")]
    public void A_session_gives_what_single_runs_give(ProgramType type, string code)
    {
        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 2, Tier = tier });
            using LoadedObject loaded = engine.Load(type, code);
            var program = (VmProgram)loaded.Programs[0];
            byte[] after = new byte[PacketReader.MaxFrameLength];
            using PacketSession session = program.OpenPackets();
            using PacketReader packets = PacketFile.Open(RepositoryFiles.PathOf("samples", "firewall", "traffic.pcapng"));
            for (int number = 1; packets.TryRead(out _, out ReadOnlySpan<byte> frame); number++)
            {
                ProgramRunResult expected = program.Run(new ProgramRun { Data = frame, DataOut = after });
                Assert.True(expected.ReturnValue == session.Judge(frame), $"packet {number}");
                ReadOnlySpan<byte> packet = type is ProgramType.Xdp or ProgramType.SchedCls ? after.AsSpan(0, expected.DataLength) : frame[Math.Min(14, frame.Length)..];
                Assert.True(packet.SequenceEqual(session.Packet), $"packet {number}");
            }
        }
    }

    [Fact]
    public void What_a_run_wrote_in_front_of_its_packet_the_next_does_not_find()
    {
        // Adds up the 64 bytes in front of the packet, then fills them; both by the head and by the metadata.
        foreach (string code in (string[])[
            "r6 = r1; r2 = -64; call xdp_adjust_head; r2 = *(u32 *)(r6 + 0); r3 = *(u32 *)(r6 + 4);" + Sum,
            "r6 = r1; r2 = -64; call xdp_adjust_meta; r2 = *(u32 *)(r6 + 8); r3 = *(u32 *)(r6 + 0);" + Sum])
        {
            foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
            {
                using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
                using LoadedObject loaded = engine.Load(ProgramType.Xdp, code);
                using PacketSession session = ((VmProgram)loaded.Programs[0]).OpenPackets();
                for (int i = 0; i < 3; i++)
                {
                    Assert.Equal(0ul, session.Judge(new byte[100]));
                }
            }
        }
    }

    [Fact]
    public void A_frame_of_any_length_finds_a_fresh_context()
    {
        // What the structure says of metadata, interface and queues, summed up with the length; then the packet is moved, grown or cut.
        const string Code = "r6 = r1; r7 = *(u32 *)(r1 + 4); r2 = *(u32 *)(r1 + 0); r7 -= r2; r3 = *(u32 *)(r1 + 8); r2 -= r3; r2 <<= 40; r7 += r2; r3 = *(u32 *)(r1 + 12); r3 <<= 20; r7 += r3;"
            + "r3 = *(u32 *)(r1 + 16); r3 <<= 24; r7 += r3; r8 = r7; r8 &= 3; r1 = r6; r2 = -8; if r8 == 0 goto meta; if r8 == 1 goto tail; r2 = -32; call xdp_adjust_head; goto done;"
            + "meta: call xdp_adjust_meta; goto done; tail: r2 = 40; call xdp_adjust_tail; done: r0 = r7; exit";
        byte[] context = new byte[24];
        BitConverter.TryWriteBytes(context.AsSpan(4), 60);
        BitConverter.TryWriteBytes(context.AsSpan(12), 1);
        BitConverter.TryWriteBytes(context.AsSpan(16), 3);
        var random = new Random(31);
        foreach (VmTier tier in (VmTier[])[VmTier.Interpreter, VmTier.Il, VmTier.X64])
        {
            using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = tier });
            using LoadedObject loaded = engine.Load(ProgramType.Xdp, Code);
            var program = (VmProgram)loaded.Programs[0];
            Assert.Equal(60ul + (1 << 20) + (3 << 24), program.Run(new ProgramRun { Data = new byte[60], Context = context }).ReturnValue);
            using PacketSession session = program.OpenPackets();
            for (int i = 0; i < 500; i++)
            {
                byte[] frame = new byte[random.Next(10) == 0 ? random.Next(14, 9000) : random.Next(14, 128)];
                random.NextBytes(frame);
                Assert.Equal((ulong)frame.Length + (1 << 20), session.Judge(frame));
                int moved = (frame.Length & 3) switch { 0 => 0, 1 => 40, _ => 32 };
                moved = frame.Length + moved > session.Packet.Length ? 0 : moved;
                Assert.Equal(frame.Length + moved, session.Packet.Length);
                Assert.True(session.Packet.Slice((frame.Length & 3) > 1 ? moved : 0, frame.Length).SequenceEqual(frame), $"frame {i} of {frame.Length} bytes");
            }
        }
    }

    [Fact]
    public void A_packet_allocates_nothing_and_a_trap_ends_no_session()
    {
        using var engine = new VmEngine(new VmOptions { Slots = 1, Tier = VmTier.Il });
        using LoadedObject loaded = engine.Load(ProgramType.Xdp, "r2 = *(u32 *)(r1 + 0); r0 = *(u8 *)(r2 + 59); r1 = 7; r2 = 0; exit");
        var program = (VmProgram)loaded.Programs[0];
        byte[] frame = new byte[60];
        frame[59] = 2;
        using (PacketSession session = program.OpenPackets())
        {
            Assert.Throws<TrapException>(() => session.Judge(new byte[20]));
            Assert.Equal(2ul, session.Judge(frame));
            Repeat(session, frame, 1000);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Repeat(session, frame, 10_000);
            Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
            Assert.ThrowsAny<InvalidOperationException>(() => program.Run(new ProgramRun { Data = frame }));
            Assert.Throws<InvalidOperationException>(loaded.Dispose);
            Exception? elsewhere = null;
            var thread = new Thread(() => elsewhere = Record.Exception(() => session.Judge(frame)));
            thread.Start();
            thread.Join();
            Assert.IsType<InvalidOperationException>(elsewhere);
        }

        Assert.Equal(2ul, program.Run(new ProgramRun { Data = frame }).ReturnValue);

        static void Repeat(PacketSession session, byte[] frame, int packets)
        {
            for (int i = 0; i < packets; i++)
            {
                session.Judge(frame);
            }
        }
    }

    [Fact]
    public void Programs_of_other_kinds_have_no_packet_session()
    {
        using var engine = new VmEngine();
        using LoadedObject loaded = engine.Load(ProgramType.SkLookup, "r0 = 1; exit");
        Assert.Equal("OSM6013", Assert.Throws<UnsupportedFeatureException>(((VmProgram)loaded.Programs[0]).OpenPackets).Id);
    }
}
