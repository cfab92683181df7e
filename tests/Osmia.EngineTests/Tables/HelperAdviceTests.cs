using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Diagnostics;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Tables;

/// <summary>A refused call is explained by the helper table.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class HelperAdviceTests
{
    [Theory]
    [InlineData(HelperId.SeqPrintf, ProgramType.SocketFilter, null, "bpf_seq_printf is for tracing, not for socket_filter programs")]
    [InlineData(HelperId.Bind, ProgramType.CgroupSockAddr, AttachType.CgroupInet4Bind, "cgroup_sock_addr programs have bpf_bind only for cgroup_inet4_connect, cgroup_inet6_connect")]
    public void A_helper_of_other_programs_is_refused_with_their_names(HelperId helper, ProgramType type, AttachType? attach, string expected)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        var error = Assert.Throws<KernelException>(() => engine.Load(Linked.Object([new Asm().Call((int)helper).Move(Register.R0, 0).Exit().Build("sample", type, attach)], [])));
        Assert.Equal("OSM5020", error.Id);
        Assert.Equal(expected, error.Diagnostic.Why);
    }
}
