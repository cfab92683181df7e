using Osmia.Vm.Execution;

namespace Osmia.Vm.Kfuncs;

/// <summary>bpf_str*: text of the program's memory. A number that is no address of the program is -ERANGE, text that leaves its memory -EFAULT, text without an end -E2BIG, what is not there -ENOENT.</summary>
/// <remarks>Source: their kernel-doc in kernel/bpf/helpers.c, Linux 6.17; results tried on Linux 6.18.</remarks>
internal static unsafe class StringKfuncs
{
    /// <summary>XATTR_SIZE_MAX.</summary>
    private const int Longest = 65536;

    public static ulong Compare(ExecutionSlot slot, ulong* r) => Compare(slot, r, ignoresCase: false);

    public static ulong CompareIgnoringCase(ExecutionSlot slot, ulong* r) => Compare(slot, r, ignoresCase: true);

    public static ulong Find(ExecutionSlot slot, ulong* r) => Find(slot, r[1], (byte)r[2], Longest, endIsFound: false);

    public static ulong FindOrEnd(ExecutionSlot slot, ulong* r) => Find(slot, r[1], (byte)r[2], Longest, endIsFound: true);

    /// <summary>bpf_strnchr(s, count, c).</summary>
    public static ulong FindWithin(ExecutionSlot slot, ulong* r) => Find(slot, r[1], (byte)r[3], r[2], endIsFound: false);

    public static ulong FindLast(ExecutionSlot slot, ulong* r)
    {
        int error = Read(slot, r[1], out ReadOnlySpan<byte> text);
        if (error != 0)
        {
            return Errno.Negative(error);
        }

        // The final NUL can be looked for too.
        int at = (byte)r[2] == 0 ? text.Length : text.LastIndexOf((byte)r[2]);
        return at < 0 ? Errno.Negative(Errno.NoEntry) : (ulong)at;
    }

    public static ulong Length(ExecutionSlot slot, ulong* r)
    {
        int error = Read(slot, r[1], out ReadOnlySpan<byte> text);
        return error != 0 ? Errno.Negative(error) : (ulong)text.Length;
    }

    public static ulong LengthWithin(ExecutionSlot slot, ulong* r)
    {
        ReadOnlySpan<byte> room = Room(slot, r[1], Math.Min(r[2], Longest));
        int end = room.IndexOf((byte)0);
        slot.ChargeSteps((ulong)(end < 0 ? room.Length : end));
        return end >= 0 ? (ulong)end
            : (ulong)room.Length == r[2] ? r[2]
            : Errno.Negative(Fault(room));
    }

    /// <summary>How many bytes of the beginning are all in the second text.</summary>
    public static ulong Span(ExecutionSlot slot, ulong* r) => Span(slot, r, isIn: true);

    /// <summary>How many are all not in it.</summary>
    public static ulong SpanWithout(ExecutionSlot slot, ulong* r) => Span(slot, r, isIn: false);

    public static ulong FindText(ExecutionSlot slot, ulong* r) => FindText(slot, r[1], r[2], Longest);

    /// <summary>bpf_strnstr(s1, s2, len).</summary>
    public static ulong FindTextWithin(ExecutionSlot slot, ulong* r) => FindText(slot, r[1], r[2], r[3]);

    private static ulong Compare(ExecutionSlot slot, ulong* r, bool ignoresCase)
    {
        ReadOnlySpan<byte> left = Room(slot, r[1], Longest);
        ReadOnlySpan<byte> right = Room(slot, r[2], Longest);
        for (int i = 0; i < Longest; i++)
        {
            if (i >= left.Length || i >= right.Length)
            {
                return Errno.Negative(i >= left.Length ? Fault(left) : Fault(right));
            }

            byte a = ignoresCase ? Lower(left[i]) : left[i];
            byte b = ignoresCase ? Lower(right[i]) : right[i];
            if (a != b || a == 0)
            {
                slot.ChargeSteps((ulong)i);
                return a == b ? 0 : a < b ? ulong.MaxValue : 1;
            }
        }

        return Errno.Negative(Errno.TooBig);
    }

    private static ulong Find(ExecutionSlot slot, ulong address, byte wanted, ulong limit, bool endIsFound)
    {
        ReadOnlySpan<byte> room = Room(slot, address, Math.Min(limit, Longest));
        for (int i = 0; i < room.Length; i++)
        {
            if (room[i] == wanted || (endIsFound && room[i] == 0))
            {
                slot.ChargeSteps((ulong)i);
                return (ulong)i;
            }

            if (room[i] == 0)
            {
                return Errno.Negative(Errno.NoEntry);
            }
        }

        return Errno.Negative((ulong)room.Length == limit && limit < Longest ? Errno.NoEntry : Fault(room));
    }

    private static ulong Span(ExecutionSlot slot, ulong* r, bool isIn)
    {
        int error = Read(slot, r[2], out ReadOnlySpan<byte> set);
        ReadOnlySpan<byte> text = Room(slot, r[1], Longest);
        for (int i = 0; i < text.Length && error == 0; i++)
        {
            if (text[i] == 0 || set.Contains(text[i]) != isIn)
            {
                slot.ChargeSteps((ulong)i);
                return (ulong)i;
            }
        }

        return Errno.Negative(error != 0 ? error : Fault(text));
    }

    private static ulong FindText(ExecutionSlot slot, ulong where, ulong what, ulong limit)
    {
        int error = Read(slot, what, out ReadOnlySpan<byte> wanted);
        if (error != 0)
        {
            return Errno.Negative(error);
        }

        if (wanted.IsEmpty)
        {
            return 0;
        }

        ReadOnlySpan<byte> room = Room(slot, where, Math.Min(limit, Longest));
        int end = room.IndexOf((byte)0);
        if (end < 0 && (ulong)room.Length < limit)
        {
            return Errno.Negative(Fault(room));
        }

        int at = (end < 0 ? room : room[..end]).IndexOf(wanted);
        slot.ChargeSteps((ulong)room.Length);
        return at < 0 ? Errno.Negative(Errno.NoEntry) : (ulong)at;
    }

    /// <summary>Why text has no end in its room.</summary>
    private static int Fault(ReadOnlySpan<byte> room) => room.IsEmpty ? Errno.Range : room.Length == Longest ? Errno.TooBig : Errno.Fault;

    private static byte Lower(byte letter) => letter is >= (byte)'A' and <= (byte)'Z' ? (byte)(letter + 32) : letter;

    private static ReadOnlySpan<byte> Room(ExecutionSlot slot, ulong address, ulong limit) =>
        new((void*)address, (int)Math.Min(slot.ReadableFrom(address), limit));

    private static int Read(ExecutionSlot slot, ulong address, out ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> room = Room(slot, address, Longest);
        int end = room.IndexOf((byte)0);
        text = end < 0 ? default : room[..end];
        slot.ChargeSteps((ulong)room.Length);
        return end >= 0 ? 0 : Fault(room);
    }
}
