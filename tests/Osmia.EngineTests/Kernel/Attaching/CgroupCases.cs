using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using static Osmia.Bytecode.AttachType;
using static Osmia.Tests.Kernel.Attaching.AttachSteps;

namespace Osmia.Tests.Kernel.Attaching;

/// <summary>Every hook of cgroups: this process goes into a child cgroup, does all that sockets can do, and comes back.</summary>
[SupportedOSPlatform("linux")]
internal static class CgroupCases
{
    private static readonly (ProgramType Type, AttachType Hook)[] s_hooks =
    [
        .. ProgramTypeTable.All.Where(row => row.Type is ProgramType.CgroupSkb or ProgramType.CgroupSock or ProgramType.CgroupSockAddr or ProgramType.CgroupSockopt or ProgramType.CgroupSysctl
            or ProgramType.CgroupDevice or ProgramType.SockOps).SelectMany(row => row.AttachTypes.Select(hook => (row.Type, hook))),
        (ProgramType.Lsm, LsmCgroup),
    ];

    public static IEnumerable<AttachCase> All => s_hooks.Select(row => new AttachCase(row.Type.ToKernelName(), row.Hook.ToKernelName(), engine => Try(engine, row.Type, row.Hook)));

    private static ulong Try(KernelEngine engine, ProgramType type, AttachType hook)
    {
        using var cgroup = new VisitedCgroup();
        LinkedProgram program = Count(type, hook, result: 1);
        if (type == ProgramType.Lsm)
        {
            program = program with { AttachBtfId = engine.Target.Types?.Find(BtfKind.Function, "bpf_lsm_socket_post_create") ?? TypeId.Void };
        }

        return Attached(engine, program, new CgroupTarget(cgroup.Directory), () => cgroup.Visit(SocketTraffic.Everything));
    }
}
