using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_get_stackid and bpf_get_stack: the calls of the program itself, from the innermost out.</summary>
internal static unsafe class StackHelpers
{
    private const ulong SkipMask = 0xff;
    private const ulong UserStack = 1 << 8;
    private const ulong CompareHash = 1 << 9;
    private const ulong Reuse = 1 << 10;
    private const ulong BuildId = 1 << 11;

    public static ulong Id(ExecutionSlot slot, ulong* r)
    {
        StackTraceMap map = slot.MapArgument<StackTraceMap>(2, "map of stack traces");
        ulong flags = r[3];
        if ((flags & ~(SkipMask | UserStack | CompareHash | Reuse)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ulong* frames = stackalloc ulong[ExecutionSlot.MaxFrames];
        int count = slot.ReadCalls(frames);
        int skipped = Math.Min((int)(flags & SkipMask), count);
        return (ulong)(long)map.Keep(new ReadOnlySpan<ulong>(frames + skipped, count - skipped), (flags & CompareHash) != 0, (flags & Reuse) != 0);
    }

    /// <returns>Bytes written; what is left of the buffer is zero.</returns>
    public static ulong Write(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(3);
        var target = new Span<byte>(slot.WritableArgument(2, (ulong)size), size);
        ulong flags = r[4];
        target.Clear();
        if ((flags & ~(SkipMask | UserStack | BuildId)) != 0 || (flags & BuildId) != 0 || size % sizeof(ulong) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ulong* frames = stackalloc ulong[ExecutionSlot.MaxFrames];
        int count = slot.ReadCalls(frames);
        int skipped = Math.Min((int)(flags & SkipMask), count);
        int length = Math.Min((count - skipped) * sizeof(ulong), size);
        if (length == 0)
        {
            return Errno.Negative(Errno.Fault);
        }

        new ReadOnlySpan<byte>(frames + skipped, length).CopyTo(target);
        return (ulong)length;
    }
}
