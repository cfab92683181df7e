using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.Register;

namespace Osmia.Tests.Kernel;

/// <summary>Cgroup hooks on a child cgroup that the test makes and removes; a child process of the test is put into it.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class CgroupAttachTests
{
    private const int Tries = 11;
    private const string Connect = "for i in $(seq 11); do (exec 3<>/dev/tcp/127.0.0.1/1) 2>&1; done";

    [Fact]
    public void Connect4_refuses_every_connection_of_its_cgroup()
    {
        (ulong count, string during, string after) = Run(Refuse(ProgramType.CgroupSockAddr, AttachType.CgroupInet4Connect), Connect);
        Assert.Equal((ulong)Tries, count);
        Assert.Equal(Tries, Occurrences(during, "connect: Operation not permitted"));
        Assert.Equal(0, Occurrences(after, "connect: Operation not permitted"));
        Assert.Equal(Tries, Occurrences(after, "connect: Connection refused"));
    }

    [Fact]
    public void Cgroup_skb_sees_every_packet_its_cgroup_sends()
    {
        LinkedProgram program = new Asm().Count(0).Move(R0, 1).Exit().Build("count_skb", ProgramType.CgroupSkb, AttachType.CgroupInetEgress);
        (ulong count, _, _) = Run(program, "for i in $(seq 11); do echo x > /dev/udp/127.0.0.1/9; done 2>/dev/null");
        Assert.Equal((ulong)Tries, count);
    }

    [Fact]
    public void Sock_create_is_the_hook_of_its_type_without_being_named()
    {
        LinkedProgram program = new Asm().Count(0).Move(R0, 1).Exit().Build("count_sock", ProgramType.CgroupSock, AttachType.CgroupInetSockCreate);
        (ulong count, _, _) = Run(program with { Section = program.Section with { AttachType = null } }, Connect);
        Assert.Equal((ulong)Tries, count);
    }

    [Fact]
    public void Directories_that_are_no_cgroup_are_explained()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Linked.Object([Refuse(ProgramType.CgroupSockAddr, AttachType.CgroupInet4Connect)], [Linked.Counter()]));
        foreach (string path in new[] { "/tmp", "/no/such/directory", "/proc/self/status" })
        {
            var error = Assert.Throws<KernelException>(() => engine.Attach(loaded.Programs[0], new CgroupTarget(path)));
            Assert.Equal("OSM5033", error.Id);
            Assert.Contains("cgroup", error.Diagnostic.Try, StringComparison.Ordinal);
        }
    }

    /// <summary>Runs a shell script inside a new cgroup, once while the program is attached and once after.</summary>
    private static (ulong Count, string During, string After) Run(LinkedProgram program, string script)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipUnless(File.Exists("/bin/bash"), "needs bash");
        using var cgroup = new ChildCgroup();
        using LoadedObject loaded = engine.Load(Linked.Object([program], [Linked.Counter()]));
        uint id = ((KernelProgram)loaded.Programs[0]).Id;
        string during;
        using (engine.AttachOrSkip(loaded.Programs[0], new CgroupTarget(cgroup.Directory), "cgroup links"))
        {
            during = cgroup.Run(script);
        }

        ulong count = loaded.Counter();
        Assert.DoesNotContain(KernelInventory.Links(), link => link.ProgramId == id);
        string after = cgroup.Run(script);
        Assert.Equal(count, loaded.Counter());
        return (count, during, after);
    }

    private static int Occurrences(string text, string part) => text.Split(part).Length - 1;

    private static LinkedProgram Refuse(ProgramType type, AttachType attach) => new Asm().Count(0).Move(R0, 0).Exit().Build("refuse", type, attach);
}
