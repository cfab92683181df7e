using System.Diagnostics;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Time, random numbers, and who is running: the host process.</summary>
internal static unsafe class HostHelpers
{
    private const ulong NanosecondsPerJiffy = 1_000_000_000 / 250;

    public static ulong MonotonicTime(ExecutionSlot slot, ulong* r)
    {
        if (slot.Engine.Options.MonotonicClock is { } clock)
        {
            return clock();
        }

        long ticks = Stopwatch.GetTimestamp();
        return Stopwatch.Frequency == 1_000_000_000 ? (ulong)ticks : (ulong)(ticks * (1e9 / Stopwatch.Frequency));
    }

    /// <summary>The wall clock; hosts do not tell the leap seconds that TAI adds.</summary>
    public static ulong AtomicTime(ExecutionSlot slot, ulong* r) =>
        slot.Engine.Options.MonotonicClock is { } clock ? clock() : (ulong)(DateTime.UtcNow - DateTime.UnixEpoch).Ticks * 100;

    public static ulong Jiffies(ExecutionSlot slot, ulong* r) => MonotonicTime(slot, r) / NanosecondsPerJiffy;

    public static ulong Random(ExecutionSlot slot, ulong* r)
    {
        ulong x = slot.RandomState;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        slot.RandomState = x;
        return (uint)(x >> 32);
    }

    public static ulong ProcessorId(ExecutionSlot slot, ulong* r) => (ulong)slot.Index;

    public static ulong NumaNode(ExecutionSlot slot, ulong* r) => 0;

    /// <summary>The process id above, the managed thread's number below: hosts have no portable thread ids.</summary>
    public static ulong PidTgid(ExecutionSlot slot, ulong* r) => ((ulong)(uint)Environment.ProcessId << 32) | (uint)Environment.CurrentManagedThreadId;

    public static ulong UidGid(ExecutionSlot slot, ulong* r) => HostIdentity.UidGid;

    public static ulong Comm(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        if (size == 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        var target = new Span<byte>(slot.WritableArgument(1, (ulong)size), size);
        target.Clear();
        ReadOnlySpan<byte> name = HostIdentity.Comm;
        name[..Math.Min(name.Length, size - 1)].CopyTo(target);
        return 0;
    }
}
