using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>Objects of every form, loaded and run: maps of before BTF, structs of callbacks, arenas, exception callbacks.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class ObjectFormTests
{
    private const int TcpCongestion = 13;
    private const string Available = "/proc/sys/net/ipv4/tcp_available_congestion_control";

    [Fact]
    public void Maps_of_before_BTF_work_and_tail_calls_reach_numbered_sections()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject source = Read("legacy.c");
        source.FindMap("shared")!.PinByName = false; // What a test loads stays its own.
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(source));

        Assert.Equal(42ul, loaded.Program("entry").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
        Assert.Equal(43ul, loaded.Program("third").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    [Fact]
    public void Map_pinned_for_all_by_iproute2_stands_in_its_folder()
    {
        string folder = $"/sys/fs/bpf/osmia-test-{Environment.ProcessId}";
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/sys/fs/bpf") && Environment.UserName == "root", "needs a BPF file system");
        Directory.CreateDirectory(folder);
        try
        {
            using KernelEngine engine = KernelEngine.Open(folder);
            engine.Load(Read("legacy.c")).Dispose();
            Assert.True(File.Exists($"{folder}/tc/globals/shared"));
        }
        finally
        {
            File.Delete($"{folder}/tc/globals/shared");
            Directory.Delete($"{folder}/tc/globals");
            Directory.Delete($"{folder}/tc");
            Directory.Delete(folder);
        }
    }

    [Fact]
    public void Callbacks_of_TCP_are_registered_used_and_gone_again()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.LoadOrSkip(Linker.Link(Read("structops.c"), engine.Target), "struct_ops");
        Assert.Equal(["osmia_linked", "osmia_written"], loaded.Maps.Where(map => map.Type == Bytecode.MapType.StructOps).Select(map => map.Name).Order());
        Assert.DoesNotContain("osmia_", File.ReadAllText(Available), StringComparison.Ordinal);
        LoadedProgram program = loaded.Program("osmia_ssthresh");
        using (Link linked = engine.Attach(program, new StructOpsTarget("osmia_linked")))
        {
            Assert.Contains("osmia_linked", File.ReadAllText(Available), StringComparison.Ordinal);
            using Link written = engine.Attach(program, new StructOpsTarget("osmia_written"));
            Assert.Contains("osmia_written", File.ReadAllText(Available), StringComparison.Ordinal);
            Transfer("osmia_linked");
        }

        KernelTest.Eventually(() => !File.ReadAllText(Available).Contains("osmia_", StringComparison.Ordinal), "the callbacks are registered");
        Assert.True(loaded.ReadVariable<ulong>("calls") > 1000, "init and cong_avoid are called");
    }

    [Fact]
    public void Section_names_attach_each_struct_of_callbacks_once()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject source = Read("structops.c");
        source.FindMap("osmia_linked")!.AutoCreate = false;
        source.FindMap("osmia_optional")!.AutoCreate = true;
        using LoadedObject loaded = engine.LoadOrSkip(Linker.Link(source, engine.Target), "struct_ops");
        using (LinkSet links = loaded.AttachAll())
        {
            Assert.Equal(["osmia_optional", "osmia_written"], links.Links.Select(link => ((StructOpsTarget)link.Target).Map).Order());
            Assert.Contains("osmia_optional", File.ReadAllText(Available), StringComparison.Ordinal);
        }

        KernelTest.Eventually(() => !File.ReadAllText(Available).Contains("osmia_", StringComparison.Ordinal), "the callbacks are registered");
    }

    [Fact]
    public void Globals_of_an_arena_are_shared_with_the_program()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject source = Read("arena.c");
        Assert.Equal(0x100000000000ul, source.FindMap("arena")!.Extra);
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.LoadOrSkip(Linker.Link(source, engine.Target), "map type arena"));
        var arena = (KernelMap)loaded.Map("arena");
        Assert.Equal(41, MemoryMarshal.Read<int>(arena.ArenaBytes));

        Assert.Equal(42ul, loaded.Program("adds").Run(new ProgramRun()).ReturnValue);

        Assert.Equal(42, MemoryMarshal.Read<int>(arena.ArenaBytes));
        Assert.Equal(84, MemoryMarshal.Read<int>(arena.ArenaBytes[loaded.Definition.Variables.Single(variable => variable.Name == "second").Offset..]));
        Assert.Equal(0x100000000000ul, loaded.ReadVariable<ulong>("where") & ~0xffful);
    }

    [Fact]
    public void Exception_callback_of_a_tag_gives_the_answer()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.LoadOrSkip(Linker.Link(Read("tags.c"), engine.Target), "bpf_throw"));
        Assert.Equal(77ul, loaded.Program("throws").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    private static BpfObject Read(string file) => Toolchain.Read("clang-19", "Objects/Sources/" + file, "-mcpu=v4");

    private static void Transfer(string congestionControl)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.SetRawSocketOption((int)ProtocolType.Tcp, TcpCongestion, Encoding.ASCII.GetBytes(congestionControl));
        client.Connect(listener.LocalEndPoint!);
        using Socket server = listener.Accept();
        byte[] block = new byte[4096];
        for (int i = 0; i < 20; i++)
        {
            client.Send(block);
            for (int left = block.Length; left > 0;)
            {
                left -= server.Receive(block, left, SocketFlags.None);
            }
        }
    }
}
