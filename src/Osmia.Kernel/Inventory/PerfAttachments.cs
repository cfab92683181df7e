using System.Globalization;
using System.Text;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Inventory;

/// <summary>What a descriptor of a process attaches a program to (<c>enum bpf_task_fd_type</c>).</summary>
public enum PerfAttachmentKind
{
    RawTracepoint = 0,
    Tracepoint = 1,
    Kprobe = 2,
    Kretprobe = 3,
    Uprobe = 4,
    Uretprobe = 5,
}

/// <param name="Name">Of the event, the function or the file; empty when only an address is known.</param>
public sealed record PerfAttachment(int Pid, int Fd, uint ProgramId, PerfAttachmentKind Kind, string Name, ulong Offset, ulong Address);

/// <summary>Programs at perf events and raw tracepoints, found through the descriptors of all processes (BPF_TASK_FD_QUERY, Linux 4.18).</summary>
public static unsafe class PerfAttachments
{
    private const int LongestName = 4096;

    /// <summary>Processes that end meanwhile are left out.</summary>
    /// <exception cref="KernelException">OSM5040: the kernel answers nobody without CAP_SYS_ADMIN.</exception>
    public static IEnumerable<PerfAttachment> All()
    {
        // Of a file that is never a perf event; rights come before that.
        var own = new TaskFdQueryAttributes { Pid = Environment.ProcessId, Fd = -1 };
        int refusal = BpfSyscall.Call(BpfCommand.TaskFdQuery, ref own);
        if (refusal == -Errno.EPERM)
        {
            throw Refusal.Of("OSM5040", "the programs at perf events cannot be listed", "bpf(BPF_TASK_FD_QUERY)", refusal, needed: [Capability.SysAdmin]);
        }

        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process), NumberStyles.None, CultureInfo.InvariantCulture, out int pid))
            {
                continue;
            }

            foreach (int fd in Descriptors(process))
            {
                if (Query(pid, fd) is { } found)
                {
                    yield return found;
                }
            }
        }
    }

    private static int[] Descriptors(string process)
    {
        try
        {
            return [.. Directory.EnumerateFileSystemEntries($"{process}/fd").Select(path => int.Parse(Path.GetFileName(path), CultureInfo.InvariantCulture)).Order()];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It has ended meanwhile, or belongs to somebody else.
        }
    }

    private static PerfAttachment? Query(int pid, int fd)
    {
        byte[] name = new byte[LongestName];
        fixed (byte* buffer = name)
        {
            var attributes = new TaskFdQueryAttributes { Pid = pid, Fd = fd, Buffer = (ulong)buffer, Length = LongestName };
            if (BpfSyscall.Call(BpfCommand.TaskFdQuery, ref attributes) < 0)
            {
                return null; // Any other kind of file.
            }

            int end = Array.IndexOf(name, (byte)0);
            return new PerfAttachment(pid, fd, attributes.ProgramId, (PerfAttachmentKind)attributes.Kind, Encoding.UTF8.GetString(name, 0, Math.Max(end, 0)), attributes.Offset, attributes.Address);
        }
    }
}
