using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Features;

/// <summary>
/// Asks for a link to a target that cannot be: a kernel that knows the attach type complains of the target, one that does not of the attach type.
/// A few kinds have no impossible target; those are tied for a moment to a function or an iterator that nothing calls.
/// </summary>
internal static unsafe class AttachTrial
{
    private const int NoDescriptor = -1;
    private const int NoDevice = int.MaxValue;
    private const uint NoFamily = 255;

    // A kernel's own function that only test runs call.
    private const string UnusedFunction = "bpf_fentry_test1";

    /// <param name="program">A loaded program of that attach type.</param>
    /// <returns>0 when the kernel has the attach type, else the negated errno.</returns>
    public static int Try(int program, AttachType attach)
    {
        int result = Ask(program, attach);
        if (result >= 0)
        {
            if (result > 0)
            {
                new BpfHandle(result).Dispose();
            }

            return 0;
        }

        return Array.IndexOf(Complaints(attach), -result) >= 0 ? 0 : result;
    }

    private static int Ask(int program, AttachType attach)
    {
        switch (attach)
        {
            case AttachType.TraceFentry or AttachType.TraceFexit:
                return BpfSyscall.RawTracepointOpen(program, null);
            case AttachType.TraceIter:
                return BpfSyscall.LinkCreate(program, 0, (uint)attach, 0);
            case AttachType.SkSkbStreamParser or AttachType.SkSkbStreamVerdict or AttachType.SkSkbVerdict or AttachType.SkMsgVerdict or AttachType.LircMode2:
                return BpfSyscall.ProgramAttach(BpfCommand.ProgramAttach, program, NoDescriptor, (uint)attach);
            case AttachType.TcxIngress or AttachType.TcxEgress or AttachType.NetkitPrimary or AttachType.NetkitPeer:
                return BpfSyscall.LinkCreate(program, NoDevice, (uint)attach, 0);
            case AttachType.Netfilter:
                var filter = new LinkCreateAttributes { ProgramFd = program, AttachType = (uint)attach, NetfilterFamily = NoFamily };
                return BpfSyscall.Call(BpfCommand.LinkCreate, ref filter);
            case AttachType.TraceKprobeMulti or AttachType.TraceKprobeSession:
                return AskKprobes(program, attach);
            case AttachType.TraceUprobeMulti or AttachType.TraceUprobeSession:
                return AskUprobes(program, attach);
            case AttachType.Xdp or AttachType.XdpDevmap or AttachType.XdpCpumap or AttachType.StructOps or AttachType.TraceRawTp or AttachType.ModifyReturn or AttachType.LsmMac
                or AttachType.SkReuseportSelect or AttachType.SkReuseportSelectOrMigrate:
                // Loading the program told.
                return 0;
            default:
                return BpfSyscall.LinkCreate(program, NoDescriptor, (uint)attach, 0);
        }
    }

    private static int[] Complaints(AttachType attach) => attach switch
    {
        AttachType.TcxIngress or AttachType.TcxEgress or AttachType.NetkitPrimary or AttachType.NetkitPeer => [Errno.ENODEV],
        AttachType.Netfilter => [97],
        AttachType.TraceKprobeMulti or AttachType.TraceKprobeSession => [Errno.EFAULT, Errno.E2BIG, Errno.ENOENT, Errno.ESRCH],
        AttachType.TraceUprobeMulti or AttachType.TraceUprobeSession => [Errno.EBADF],
        AttachType.TraceFentry or AttachType.TraceFexit => [Errno.EBUSY],
        _ => [Errno.EBADF],
    };

    private static int AskKprobes(int program, AttachType attach)
    {
        fixed (byte* name = BpfSyscall.Terminated(UnusedFunction))
        {
            ulong symbol = (ulong)name;
            var attributes = new LinkCreateAttributes { ProgramFd = program, AttachType = (uint)attach, KprobeCount = 1, KprobeSymbols = (ulong)&symbol };
            return BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
        }
    }

    /// <summary>A folder has no code: the kernel gets as far as looking at it.</summary>
    private static int AskUprobes(int program, AttachType attach)
    {
        fixed (byte* path = "/\0"u8)
        {
            ulong offset = 0;
            var attributes = new LinkCreateAttributes { ProgramFd = program, AttachType = (uint)attach, UprobePath = (ulong)path, UprobeOffsets = (ulong)&offset, UprobeCount = 1 };
            return BpfSyscall.Call(BpfCommand.LinkCreate, ref attributes);
        }
    }
}
