using System.Runtime.Versioning;
using System.Text;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Devices;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Runtime.Packets;
using Osmia.Tests.Kernel;
using Osmia.Tests.Vm;
using Osmia.Vm;

namespace Osmia.Tests.Contracts;

/// <summary>What a program lets through is written back as it left it: the same file of either engine. And live: packets of a device.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class PacketOutputTests
{
    private const int HeaderLength = 14;

    // The verdict is the frame's last byte but one; 0x11 in its last byte cuts 20 bytes off, 0x22 puts 8 bytes of metadata in front, 0x33 writes to it.
    private const string Xdp = """
        r6 = r1
        r7 = *(u32 *)(r6 + 0)
        r8 = *(u32 *)(r6 + 4)
        r2 = r7
        r2 += 62
        r0 = 1
        if r2 > r8 goto end
        r9 = *(u8 *)(r7 + 60)
        r3 = *(u8 *)(r7 + 61)
        if r3 == 0x11 goto cut
        if r3 == 0x22 goto meta
        if r3 != 0x33 goto out
        r4 = 0xabcd
        *(u16 *)(r7 + 20) = r4
        goto out
        cut:
        r1 = r6
        r2 = -20
        call xdp_adjust_tail
        goto out
        meta:
        r1 = r6
        r2 = -8
        call xdp_adjust_meta
        out:
        if r9 != 4 goto verdict
        r1 = 3
        r2 = 0
        call redirect
        verdict:
        r0 = r9
        end:
        exit
        """;

    [Fact]
    public void Rewritten_packets_are_written_alike_in_both_engines()
    {
        byte[][] frames = [.. from verdict in new byte[] { 0, 1, 2, 3, 4 } from act in new byte[] { 0, 0x11, 0x22, 0x33 } select Frame(verdict, act)];
        using var vm = new VmEngine(new VmOptions { Slots = 1 });
        string written = Recorded(vm, Object(ProgramType.Xdp, Xdp), frames);
        string[] lines = written.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(12, lines.Length);
        Assert.Equal(
            ["8 62 -", "9 42 -", "10 62 -", "11 62 -", "12 62 XDP_TX", "13 42 XDP_TX", "14 62 XDP_TX", "15 62 XDP_TX", "16 62 XDP_REDIRECT to interface 3"],
            lines.Take(9).Select(line => line[..line.LastIndexOf(' ')]));
        Assert.Contains("cdab", lines[3], StringComparison.Ordinal);
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        string inKernel = Recorded(kernel, Object(ProgramType.Xdp, Xdp), frames);

        // Where a packet is redirected to the kernel does not tell.
        Assert.Equal(written.Replace(" to interface 3", "", StringComparison.Ordinal), inKernel);
    }

    [Fact]
    public void Traffic_control_and_filters_write_what_they_let_through()
    {
        byte[][] frames = [.. new byte[] { 0, 1, 2, 3, 7, 40, 60 }.Select(verdict => Frame(verdict, 0))];
        string skb = "r6 = r1\nr2 = 60\nr3 = r10\nr3 += -8\nr4 = 1\ncall skb_load_bytes\nr7 = *(u8 *)(r10 - 8)\n";
        string filter = skb.Replace("r2 = 60", "r2 = 46", StringComparison.Ordinal) + "r0 = r7\nexit";
        string tc = skb + "r3 = 0x55\n*(u64 *)(r10 - 8) = r3\nr1 = r6\nr2 = 20\nr3 = r10\nr3 += -8\nr4 = 1\nr5 = 0\ncall skb_store_bytes\nr0 = r7\nexit";
        using var vm = new VmEngine(new VmOptions { Slots = 1 });
        string written = Recorded(vm, Object(ProgramType.SchedCls, tc), frames);
        Assert.Equal(["0 62 -", "1 62 -", "3 62 -", "4 62 TC_ACT_REDIRECT", "5 62 -", "6 62 -"], written.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line[..line.LastIndexOf(' ')]));
        Assert.All(written.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.Equal("55", line.Split(' ')[^1].Substring(40, 2)));
        string kept = Recorded(vm, Object(ProgramType.SocketFilter, filter), frames);
        Assert.Equal([15, 16, 17, 21, 54, 62], kept.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1].Length / 2));
        using KernelEngine kernel = KernelTest.OpenOrSkip();
        Assert.Equal(written, Recorded(kernel, Object(ProgramType.SchedCls, tc), frames));
        Assert.Equal(kept, Recorded(kernel, Object(ProgramType.SocketFilter, filter), frames));
    }

    [Fact]
    public void Packets_of_a_device_are_judged_and_sent_back() => IsolatedNetwork.Run(() =>
    {
        const int Count = 7;
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        PacketDevice near;
        try
        {
            near = PacketDevice.Open("v0", stop.Token);
        }
        catch (KernelException refusal)
        {
            Assert.Skip($"needs packet sockets: {refusal.Diagnostic.Why}");
            throw;
        }

        using PacketDevice far = PacketDevice.Open("v1", stop.Token);
        using (near)
        {
            // Answers frames of the experimental type with a mark in them; all else passes.
            const string Answer = """
                r7 = *(u32 *)(r1 + 0)
                r8 = *(u32 *)(r1 + 4)
                r2 = r7
                r2 += 60
                r0 = 2
                if r2 > r8 goto end
                r3 = *(u16 *)(r7 + 12)
                if r3 != 0xb588 goto end
                r3 = 0x77
                *(u8 *)(r7 + 30) = r3
                r0 = 3
                end:
                exit
                """;
            using var vm = new VmEngine(new VmOptions { Slots = 1 });
            using LoadedObject loaded = vm.Load(Object(ProgramType.Xdp, Answer), LoadOptions.Default);
            using var capture = new MemoryStream();
            using var recorder = new PacketRecorder(capture, leaveOpen: true);
            using var forwarder = new PacketForwarder(far, null, PacketDevice.Open, recorder);
            var replay = new PacketReplay(loaded.Programs[0]) { Output = forwarder };
            IsolatedNetwork.Send(Count);
            while (forwarder.SentBack < Count && far.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame))
            {
                replay.Judge(info, frame);
            }

            int answers = 0;
            while (answers < Count && near.TryRead(out _, out ReadOnlySpan<byte> frame))
            {
                answers += frame.Length == 60 && frame[30] == 0x77 ? 1 : 0;
            }

            Assert.Equal((Count, (long)Count, false), (answers, forwarder.SentBack, stop.IsCancellationRequested));
            Assert.True(recorder.Packets >= Count);
            Assert.Equal("OSM5090", Assert.Throws<KernelException>(() => PacketDevice.Open("nosuch0", stop.Token)).Id);
            Assert.Null(PacketDevice.Open(4242u));
        }
    });

    [Fact]
    public void Packets_are_redirected_to_another_device() => IsolatedNetwork.Run(() =>
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        using var vm = new VmEngine(new VmOptions { Slots = 1 });
        uint index = Osmia.Kernel.Syscalls.Libc.InterfaceIndex("v0");
        string code = $"r2 = 0\nr1 = {index}\ncall redirect\nexit";
        using LoadedObject loaded = vm.Load(Object(ProgramType.Xdp, code), LoadOptions.Default);
        PacketDevice far;
        try
        {
            far = PacketDevice.Open("v1", stop.Token);
        }
        catch (KernelException refusal)
        {
            Assert.Skip($"needs packet sockets: {refusal.Diagnostic.Why}");
            throw;
        }

        using (far)
        {
            using var forwarder = new PacketForwarder(null, null, PacketDevice.Open);
            var replay = new PacketReplay(loaded.Programs[0]) { Output = forwarder };
            byte[] frame = Frame(0, 0);
            (frame[12], frame[13]) = (0x88, 0xb5);
            Assert.Equal(4ul, replay.Judge(frame));
            bool arrived = false;
            while (!arrived && far.TryRead(out _, out ReadOnlySpan<byte> got))
            {
                arrived = got.SequenceEqual(frame);
            }

            Assert.Equal((true, 1L, 0L), (arrived, forwarder.Redirected, forwarder.Undeliverable));
        }
    });

    [Fact]
    public void A_tap_device_carries_frames_both_ways() => IsolatedNetwork.Run(() =>
    {
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        PacketDevice tap;
        try
        {
            tap = PacketDevice.CreateTap("tap0", stop.Token);
        }
        catch (KernelException refusal)
        {
            Assert.Skip($"needs TAP devices: {refusal.Diagnostic.Why}");
            throw;
        }

        using (tap)
        {
            Assert.Equal(0, IsolatedNetwork.Ip("link set tap0 up"));
            using PacketDevice kernelSide = PacketDevice.Open("tap0", stop.Token);
            byte[] frame = Frame(0, 0);
            (frame[12], frame[13]) = (0x88, 0xb5);
            tap.Send(frame);
            Expect(kernelSide, frame);
            frame[20] = 9;
            kernelSide.Send(frame);
            Expect(tap, frame);
        }

        static void Expect(PacketDevice device, byte[] frame)
        {
            bool arrived = false;
            while (!arrived && device.TryRead(out _, out ReadOnlySpan<byte> got))
            {
                arrived = got.SequenceEqual(frame);
            }

            Assert.True(arrived, $"the frame did not come to {device.Name}");
        }
    });

    private static byte[] Frame(byte verdict, byte act)
    {
        byte[] frame = [.. Enumerable.Range(0, 62).Select(i => (byte)i)];
        (frame[12], frame[13]) = (0x08, 0x00);
        (frame[14], frame[20]) = (0x45, 0);
        (frame[60], frame[61]) = (verdict, act);
        Assert.True(frame.Length > HeaderLength);
        return frame;
    }

    /// <summary>A line for each packet written: its number (from the timestamp), length, comment and bytes.</summary>
    private static string Recorded(IEngine engine, LinkedObject linked, byte[][] frames)
    {
        using LoadedObject loaded = engine.Load(linked, LoadOptions.Default);
        using var file = new MemoryStream();
        using (var recorder = new PacketRecorder(file, leaveOpen: true))
        {
            var replay = new PacketReplay(loaded.Programs[0]) { Output = recorder };
            for (int i = 0; i < frames.Length; i++)
            {
                replay.Judge(new PacketInfo(i, 0, frames[i].Length, (uint)frames[i].Length, PacketLinkType.Ethernet), frames[i]);
            }
        }

        file.Position = 0;
        var text = new StringBuilder();
        using PacketReader reader = PacketFile.Open(file);
        while (reader.TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame))
        {
            string comment = reader.CommentUtf8.IsEmpty ? "-" : Encoding.UTF8.GetString(reader.CommentUtf8);
            text.Append($"{info.TimestampNs} {frame.Length} {comment} {Convert.ToHexStringLower(frame)}\n");
        }

        return text.ToString();
    }

    private static LinkedObject Object(ProgramType type, string code) => TestPrograms.Object([TestPrograms.Program(code, type)]) with { License = "GPL" };
}
