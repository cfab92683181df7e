using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Programs;

/// <summary>Streams a program writes to: by bpf_stream_vprintk, and the kernel when it had to stop or mend a run.</summary>
public enum ProgramStreamKind
{
    Output = 1,

    /// <summary>The kernel writes here too: endless may_goto loops, bad arena accesses, deadlocks of resilient locks.</summary>
    Error = 2,
}

/// <summary>BPF_PROG_STREAM_READ_BY_FD, Linux 6.17.</summary>
public static unsafe class ProgramStreams
{
    /// <summary>Takes what a program has written since the last reading, as much as there is room for.</summary>
    /// <returns>Bytes read; 0 when there is nothing.</returns>
    /// <exception cref="KernelException">OSM5025: the kernel has no such streams, or refused.</exception>
    public static int ReadStream(this KernelProgram program, ProgramStreamKind stream, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(program);
        fixed (byte* buffer = destination)
        {
            var attributes = new StreamReadAttributes { Buffer = (ulong)buffer, Length = (uint)destination.Length, Stream = (uint)stream, ProgramFd = program.Handle.Descriptor };
            int result = BpfSyscall.Call(BpfCommand.ProgramStreamRead, ref attributes);
            GC.KeepAlive(program);
            return result >= 0 ? result
                : throw Refusal.Of("OSM5025", $"stream {stream} of program '{program.Name}' cannot be read", "bpf(BPF_PROG_STREAM_READ_BY_FD)", result, $"program '{program.Name}'",
                    -result == Errno.EINVAL ? "the kernel is older than 6.17" : null, -result == Errno.EINVAL ? "let the program write to a ring buffer, or to the trace pipe by bpf_printk" : null);
        }
    }
}
