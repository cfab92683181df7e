using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Kernel.Programs;

/// <summary>A program in the kernel. Owns its descriptor; links and prog arrays keep the program itself alive.</summary>
public sealed class KernelProgram : LoadedProgram
{
    private const int EthernetHeader = 14;
    private const int EtherTypeOffset = 12;
    private const int EtherTypeIpv4 = 0x0800;
    private const int EtherTypeIpv6 = 0x86dd;
    private const int Ipv4Header = 20;
    private const int Ipv6Header = 40;
    private const int PageSize = 4096;
    private const int Headroom = 256;
    private const int SharedInfo = 320;

    private readonly VerifierLog _log;

    internal KernelProgram(LinkedProgram definition, BpfHandle handle, VerifierLog log)
        : base(definition)
    {
        Handle = handle;
        _log = log;
    }

    public BpfHandle Handle { get; }

    /// <summary>All maps of the object the program came with.</summary>
    internal IReadOnlyList<KernelMap> Maps { get; init; } = [];

    internal UsdtSpecs UsdtSpecs { get; init; } = new();

    /// <summary>The structs of callbacks the program stands in.</summary>
    internal List<KernelMap> StructOps { get; } = [];

    /// <summary>What the verifier printed: its statistics, or as much as <see cref="LoadOptions.LogLevel"/> asked for.</summary>
    public string VerifierText => _log.Text;

    /// <summary>Instructions the verifier walked to accept the program; 0 when the kernel did not say.</summary>
    public long VerifiedInstructions => _log.ProcessedInstructions ?? 0;

    /// <summary>The kernel's number of the program, as <c>bpftool prog</c> shows it.</summary>
    public uint Id
    {
        get
        {
            var info = new ProgramInfoData();
            int result = BpfSyscall.Info(Handle.Descriptor, ref info);
            return result >= 0 ? info.Id : throw Refusal.Of("OSM5022", $"program '{Name}' cannot be described", "bpf(BPF_OBJ_GET_INFO_BY_FD)", result);
        }
    }

    /// <summary>Makes the program keep a map that its instructions do not name, so that the map lives as long as it does (Linux 5.10): data about the program, for example.</summary>
    /// <exception cref="KernelException">OSM5012: the kernel refused.</exception>
    public void Bind(KernelMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        var attributes = new ProgramBindMapAttributes { ProgramFd = Handle.Descriptor, MapFd = map.Handle.Descriptor };
        int result = BpfSyscall.Call(BpfCommand.ProgramBindMap, ref attributes);
        GC.KeepAlive(map);
        GC.KeepAlive(this);
        if (result < 0)
        {
            throw map.Failed("BPF_PROG_BIND_MAP", $"is not bound to program '{Name}'", result, -result == Errno.EINVAL ? "the kernel is older than Linux 5.10" : null);
        }
    }

    /// <summary>
    /// A test run takes no frame shorter than an Ethernet header, gives a program without <c>.frags</c> only what fits one
    /// page beside headroom and tail, and wants the whole IP header where a program gets a socket buffer (net/bpf/test_run.c).
    /// </summary>
    public override bool TakesFrame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetHeader || (frame.Length > PageSize - Headroom - SharedInfo && !Definition.Section.HasFrags))
        {
            return false;
        }

        if (Type == ProgramType.Xdp)
        {
            return true;
        }

        return BinaryPrimitives.ReadUInt16BigEndian(frame[EtherTypeOffset..]) switch
        {
            EtherTypeIpv4 => frame.Length >= EthernetHeader + Ipv4Header,
            EtherTypeIpv6 => frame.Length >= EthernetHeader + Ipv6Header,
            _ => true,
        };
    }

    public override ProgramRunResult Run(in ProgramRun run) => TestRun.Run(this, run);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Handle.Dispose();
        }
    }
}
