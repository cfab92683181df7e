using System.Runtime.InteropServices;
using Osmia.Kernel.Syscalls.Tracing;

namespace Osmia.Kernel.Syscalls;

/// <summary><c>struct perf_event_attr</c> up to PERF_ATTR_SIZE_VER5 (include/uapi/linux/perf_event.h).</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeInBytes)]
internal struct PerfEventAttributes
{
    public const int SizeInBytes = 112;

    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint Size;
    [FieldOffset(8)] public ulong Config;
    [FieldOffset(16)] public ulong SamplePeriodOrFrequency;
    [FieldOffset(24)] public ulong SampleType;
    [FieldOffset(32)] public ulong ReadFormat;
    [FieldOffset(40)] public PerfEventFlags Flags;
    [FieldOffset(48)] public uint WakeupEvents;
    [FieldOffset(52)] public uint BreakpointType;

    /// <summary>Dynamic probes: the address of the function's name or of the path; breakpoints: the address watched.</summary>
    [FieldOffset(56)] public ulong Config1;

    /// <summary>Dynamic probes: the offset; breakpoints: the bytes watched.</summary>
    [FieldOffset(64)] public ulong Config2;
}

/// <summary>The bit-field of <see cref="PerfEventAttributes"/>.</summary>
[Flags]
internal enum PerfEventFlags : ulong
{
    None = 0,
    Disabled = 1ul << 0,
    Inherit = 1ul << 1,
    Frequency = 1ul << 10,

    /// <summary>Records are written from the end of the ring to its start; with a read-only mapping the oldest are overwritten.</summary>
    WriteBackward = 1ul << 27,

    /// <summary>Inherited by threads, not by child processes; Linux 5.13.</summary>
    InheritThread = 1ul << 35,
}

internal static unsafe class PerfEvent
{
    public const uint TypeHardware = 0;
    public const uint TypeSoftware = 1;
    public const uint TypeTracepoint = 2;
    public const uint TypeBreakpoint = 5;
    public const ulong SoftwareBpfOutput = 10;
    public const ulong SampleRaw = 1ul << 10;

    public const nuint Enable = 0x2400;
    public const nuint SetBpf = 0x40042408;
    public const nuint PauseOutput = 0x40042409;

    private const int CloseOnExec = 8;

    /// <summary>perf_event_open(2): a descriptor, or a negated errno.</summary>
    public static int Open(ref PerfEventAttributes attributes, int pid, int cpu)
    {
        attributes.Size = PerfEventAttributes.SizeInBytes;
        fixed (PerfEventAttributes* pointer = &attributes)
        {
            long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
            int result = (int)Libc.Syscall(SyscallNumbers.PerfEventOpen, pointer, pid, cpu, -1, CloseOnExec);
            result = result >= 0 ? result : -Marshal.GetLastPInvokeError();
            if (started != 0)
            {
                SyscallTrace.Tell(PerfCallText.Of(in attributes, pid, cpu), result, started);
            }

            return result;
        }
    }

    public static int Start(int fd) => Control(fd, Enable, 0);

    public static int SetProgram(int fd, int program) => Control(fd, SetBpf, program);

    /// <summary>While paused, an overwritable buffer may be read.</summary>
    public static int Pause(int fd, bool isPaused) => Control(fd, PauseOutput, isPaused ? 1 : 0);

    private static int Control(int fd, nuint request, nint argument)
    {
        long started = SyscallTrace.IsOn ? SyscallTrace.Start() : 0;
        int result = Libc.IoControl(fd, request, argument) >= 0 ? 0 : -Marshal.GetLastPInvokeError();
        if (started != 0)
        {
            SyscallTrace.Tell(PerfCallText.OfControl(fd, request, argument), result, started);
        }

        return result;
    }
}
