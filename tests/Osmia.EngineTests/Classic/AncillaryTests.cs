using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Bytecode.Classic;
using Osmia.Kernel;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Classic;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Classic;

/// <summary>Loads beside the packet's bytes: a packet socket runs the filter as it is, then its eBPF form; the same bytes come through.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public unsafe class AncillaryTests
{
    private const int PacketFamily = 17;
    private const int Raw = 3;
    private const int DoNotWait = 0x40;

    private static readonly string[] s_loads =
    [
        "ldh [proto]", "ld [type]", "ld [ifidx]", "ld [mark]", "ld [queue]", "ld [vlan_tci]", "ld [vlanp]", "ldh [vlan_tpid]", "ld #pktlen",
        "ldb [-1048576]", "ldh [-1048572]", "ld [-2097140]", "ldb [-2097151]", "ld #9\ntax\nld #3\nld [xor_x]", "ldx #4\nldb [x + -2097150]",
    ];

    [Fact]
    public void Ancillary_and_negative_loads_find_the_same() => IsolatedNetwork.Run(() =>
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        int seen = 0;
        foreach (string load in s_loads)
        {
            // What it loads, folded into 1 to 32 bytes to keep.
            ClassicProgram filter = ClassicText.Read($"{load}\nst M[0]\nrsh #5\ntax\nld M[0]\nxor x\nand #31\nadd #1\nret", out ClassicTextProblem? problem) ?? throw new InvalidOperationException(problem!.ToString());
            using var socket = new BpfHandle(Libc.Socket(PacketFamily, Raw, 0));
            Bind(socket.Descriptor);
            Assert.True(FilteredSocket.TryAttach(socket.Descriptor, filter), load);
            int asItIs = ReceivedLength(socket.Descriptor);

            using LoadedObject loaded = engine.Load(Linker.Link(ClassicObject.Translate(filter), engine.Target));
            using var descriptor = new Microsoft.Win32.SafeHandles.SafeFileHandle(socket.Descriptor, ownsHandle: false);
            using Link link = engine.Attach(loaded.Programs[0], new SocketTarget(descriptor));
            int translated = ReceivedLength(socket.Descriptor);
            Assert.True(asItIs == translated, $"{load}: the kernel keeps {asItIs} bytes, {translated} by the eBPF form");
            seen += asItIs > 1 ? 1 : 0;
        }

        Assert.True(seen > 5, $"only {seen} loads found anything");
    });

    private static int ReceivedLength(int socket)
    {
        byte* buffer = stackalloc byte[256];
        while (Libc.Receive(socket, buffer, 256, DoNotWait) >= 0)
        {
            // What came before the filter.
        }

        IsolatedNetwork.Send(1);
        nint length = -1;
        KernelTest.Eventually(() => (length = Receive(socket)) >= 0, "a frame came through");
        return (int)length;

        static nint Receive(int socket)
        {
            byte* buffer = stackalloc byte[256];
            return Libc.Receive(socket, buffer, 256, DoNotWait);
        }
    }

    private static void Bind(int socket)
    {
        byte* address = stackalloc byte[20];
        new Span<byte>(address, 20).Clear();
        address[0] = PacketFamily;
        address[2] = IsolatedNetwork.ExperimentalType >> 8;
        address[3] = IsolatedNetwork.ExperimentalType & 0xff;
        MemoryMarshal.Write(new Span<byte>(address + 4, 4), Libc.InterfaceIndex("v1"));
        Assert.Equal(0, Libc.Bind(socket, address, 20));
    }
}
