using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Kernel.Links;
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

    /// <summary>A child cgroup that is made, entered for a moment, left and removed.</summary>
    private sealed class VisitedCgroup : IDisposable
    {
        private readonly string _home;

        public VisitedCgroup()
        {
            string root = KernelTest.CgroupRootOrSkip();
            string own = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
            _home = root + own.TrimEnd('/');
            Directory = Path.Combine(root, string.Create(CultureInfo.InvariantCulture, $"osmia-visit-{Environment.ProcessId}-{Guid.NewGuid():n}"));
            System.IO.Directory.CreateDirectory(Directory);
        }

        public string Directory { get; }

        public void Visit(Action action)
        {
            Move(Directory);
            try
            {
                action();
            }
            finally
            {
                Move(_home);
            }
        }

        public void Dispose() => KernelTest.Eventually(() =>
        {
            try
            {
                System.IO.Directory.Delete(Directory);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }, "the cgroup is empty");

        private static void Move(string cgroup) => File.WriteAllText(Path.Combine(cgroup, "cgroup.procs"), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
    }
}
