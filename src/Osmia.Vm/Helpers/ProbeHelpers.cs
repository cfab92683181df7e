using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_probe_read*: reads that fail instead of trapping. Only the program's own memory can be read.</summary>
internal static unsafe class ProbeHelpers
{
    public static ulong Read(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        var target = new Span<byte>(slot.WritableArgument(1, (ulong)size), size);
        if (!slot.FindRegion(r[3], (ulong)size, isWrite: false))
        {
            target.Clear();
            return Errno.Negative(Errno.Fault);
        }

        new ReadOnlySpan<byte>((void*)r[3], size).CopyTo(target);
        return 0;
    }

    /// <summary>Returns the length with the final NUL, which is always written.</summary>
    public static ulong ReadString(ExecutionSlot slot, ulong* r)
    {
        int size = slot.LengthArgument(2);
        var target = new Span<byte>(slot.WritableArgument(1, (ulong)size), size);
        if (size == 0)
        {
            return 0;
        }

        ulong room = slot.ReadableFrom(r[3]);
        int limit = (int)Math.Min((ulong)(size - 1), room);
        var source = new ReadOnlySpan<byte>((void*)r[3], limit);
        int length = source.IndexOf((byte)0);
        if (room == 0 || (length < 0 && limit < size - 1))
        {
            target.Clear();
            return Errno.Negative(Errno.Fault);
        }

        length = length < 0 ? limit : length;
        source[..length].CopyTo(target);
        target[length] = 0;
        return (ulong)(length + 1);
    }
}
