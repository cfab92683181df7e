using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>Programs that decode what an infrared receiver sees (Linux 4.18): BPF_PROG_ATTACH, undone with the link.</summary>
internal static class LircLink
{
    public static KernelLink Attach(KernelProgram program, LircTarget target)
    {
        int opened = Libc.Open(target.Path, Libc.OpenReadOnly | Libc.OpenCloseOnExec, 0);
        if (opened < 0)
        {
            throw KernelLink.Refused(program, target, "open", -Marshal.GetLastPInvokeError(), "there is no such receiver", "ls /dev/lirc* shows those that are there", "OSM5031");
        }

        var device = new BpfHandle(opened);
        int result = BpfSyscall.ProgramAttach(BpfCommand.ProgramAttach, program.Handle.Descriptor, opened, (uint)AttachType.LircMode2);
        if (result < 0)
        {
            device.Dispose();
            throw KernelLink.Refused(program, target, "bpf(BPF_PROG_ATTACH)", result,
                -result == Errno.EINVAL ? "the kernel has no programs of receivers (CONFIG_BPF_LIRC_MODE2), or the file is not that of a receiver of raw pulses" : null, needed: [Capability.Bpf, Capability.NetAdmin]);
        }

        return new DetachedLink(program, target, () =>
        {
            using (device)
            {
                _ = BpfSyscall.ProgramAttach(BpfCommand.ProgramDetach, program.Handle.Descriptor, device.Descriptor, (uint)AttachType.LircMode2);
            }
        });
    }
}
