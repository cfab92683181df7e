using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Programs;

/// <summary>BPF_PROG_TEST_RUN: what each program type takes, and what its refusals mean.</summary>
internal static unsafe class TestRun
{
    private const int ShortestFrame = 14;

    // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
    private const int XdpContextSize = 24;
    private const int XdpDataEnd = 4;

    private enum Input
    {
        /// <summary>The kernel has no test run for the type.</summary>
        None,
        Packet,
        ContextOnly,
        ContextRepeated,
    }

    /// <exception cref="UnsupportedFeatureException">OSM5023: the type has no test run, or not with that input.</exception>
    /// <exception cref="KernelException">OSM5022: the kernel refused this run.</exception>
    public static ProgramRunResult Run(KernelProgram program, in ProgramRun run)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(run.Repeat);
        Input input = InputOf(program);
        if (input == Input.None)
        {
            throw Unsupported(program, $"the kernel has no test run for {program.Type.ToKernelName()} programs", "attach the program, or run it in the VM engine");
        }

        if (input != Input.Packet && (!run.Data.IsEmpty || (run.Repeat > 1 && input == Input.ContextOnly)))
        {
            throw Unsupported(program, $"test runs of {program.Type.ToKernelName()} programs take a context, no packet{(input == Input.ContextOnly ? ", and run once" : "")}",
                "pass the context alone, with a repeat of 1");
        }

        bool givesContextBack = input is Input.ContextOnly && program.Type == ProgramType.Syscall;
        if (input == Input.ContextOnly && !givesContextBack && !run.ContextOut.IsEmpty)
        {
            throw Unsupported(program, $"the kernel gives no context back from a test run of {program.Type.ToKernelName()} programs", "leave the context's output out");
        }

        if (givesContextBack)
        {
            return RunOnContext(program, run);
        }

        // Asked for a context back but given none, the kernel takes data_end as 0, and the packet has no bytes the program can reach.
        Span<byte> wholePacket = stackalloc byte[XdpContextSize];
        wholePacket.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(wholePacket[XdpDataEnd..], run.Data.Length);
        ReadOnlySpan<byte> context = program.Type == ProgramType.Xdp && run.Context.IsEmpty && !run.ContextOut.IsEmpty ? wholePacket : run.Context;
        fixed (byte* dataIn = run.Data)
        fixed (byte* dataOut = run.DataOut)
        fixed (byte* contextIn = context)
        fixed (byte* contextOut = run.ContextOut)
        {
            var attributes = new TestRunAttributes
            {
                ProgramFd = program.Handle.Descriptor,
                DataSizeIn = (uint)run.Data.Length,
                DataSizeOut = (uint)run.DataOut.Length,
                DataIn = (ulong)dataIn,
                DataOut = (ulong)dataOut,
                Repeat = input == Input.ContextOnly ? 0 : (uint)run.Repeat,
                ContextSizeIn = (uint)context.Length,
                ContextSizeOut = (uint)run.ContextOut.Length,
                ContextIn = (ulong)contextIn,
                ContextOut = (ulong)contextOut,
            };
            int result = BpfSyscall.Call(BpfCommand.ProgramTestRun, ref attributes);
            GC.KeepAlive(program);

            // ENOSPC: the run took place, only its packet did not fit DataOut.
            if (result < 0 && result != -Errno.ENOSPC)
            {
                throw Failed(program, run.Data.Length, result);
            }

            return new ProgramRunResult(attributes.ReturnValue, (int)attributes.DataSizeOut, (int)attributes.ContextSizeOut, attributes.Duration);
        }
    }

    /// <summary>Of a syscall program the kernel writes the context back to where it was given, which here is a copy.</summary>
    private static ProgramRunResult RunOnContext(KernelProgram program, in ProgramRun run)
    {
        byte[] context = run.Context.ToArray();
        fixed (byte* bytes = context)
        {
            var attributes = new TestRunAttributes { ProgramFd = program.Handle.Descriptor, ContextSizeIn = (uint)context.Length, ContextIn = (ulong)bytes };
            long start = System.Diagnostics.Stopwatch.GetTimestamp();
            int result = BpfSyscall.Call(BpfCommand.ProgramTestRun, ref attributes);
            double nanoseconds = System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalNanoseconds;
            GC.KeepAlive(program);
            if (result < 0)
            {
                throw Failed(program, context.Length, result);
            }

            context.AsSpan(0, Math.Min(context.Length, run.ContextOut.Length)).CopyTo(run.ContextOut);

            // The kernel does not measure these; the time is that of the call.
            return new ProgramRunResult(attributes.ReturnValue, 0, context.Length, nanoseconds);
        }
    }

    private static Input InputOf(KernelProgram program) => program.Type switch
    {
        ProgramType.Tracepoint or ProgramType.PerfEvent or ProgramType.Kprobe or ProgramType.RawTracepointWritable or ProgramType.CgroupSock
            or ProgramType.CgroupSockAddr or ProgramType.CgroupSockopt or ProgramType.CgroupSysctl or ProgramType.CgroupDevice or ProgramType.SockOps
            or ProgramType.SkReuseport or ProgramType.LwtSeg6local or ProgramType.SkMsg or ProgramType.LircMode2 or ProgramType.Lsm
            or ProgramType.StructOps or ProgramType.Ext => Input.None,
        ProgramType.Tracing when program.Definition.AttachType is AttachType.TraceRawTp or AttachType.TraceIter => Input.None,
        ProgramType.RawTracepoint or ProgramType.Syscall or ProgramType.Tracing => Input.ContextOnly,
        ProgramType.SkLookup => Input.ContextRepeated,
        _ => Input.Packet,
    };

    private static BpfException Failed(KernelProgram program, int length, int result)
    {
        if (-result is Errno.ENOTSUPP or Errno.EOPNOTSUPP)
        {
            return Unsupported(program, $"this kernel answers a test run of {program.Type.ToKernelName()} programs with {Errno.Describe(-result)}", "attach the program, or run it in the VM engine");
        }

        (string? why, string? remedy) = (-result, length) switch
        {
            (Errno.EINVAL, < ShortestFrame) => ($"the packet has {length} bytes; the kernel runs packets from {ShortestFrame} bytes (an Ethernet header) on",
                "use a longer packet, or the VM engine, which takes any"),
            (Errno.EINVAL, _) => ("the packet or the context has a size or a field that this program type does not take", (string?)null),
            _ => (null, null),
        };
        return Refusal.Of("OSM5022", $"the test run of program '{program.Name}' ({program.Type.ToKernelName()}) was refused", "bpf(BPF_PROG_TEST_RUN)", result,
            $"program '{program.Name}', {length} bytes", why, remedy, Capability.Bpf);
    }

    private static UnsupportedFeatureException Unsupported(KernelProgram program, string why, string remedy) =>
        Refusal.Unsupported("OSM5023", $"program '{program.Name}' ({program.Type.ToKernelName()}) cannot be test-run with that input", $"test run of {program.Type.ToKernelName()}", why, remedy,
            $"program '{program.Name}'");
}
