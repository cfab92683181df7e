using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>Counts by powers of two, printed as the BCC tools print them: slot n counts values from 2^n on, slot 0 also 0.</summary>
public sealed class Log2Histogram
{
    private const int NarrowSlots = 32;
    private const int NarrowBar = 40;
    private const int WideBar = 20;

    private readonly ulong[] _counts;

    public Log2Histogram(ReadOnlySpan<ulong> counts)
    {
        int used = counts.LastIndexOfAnyExcept(0ul) + 1;
        _counts = counts[..used].ToArray();
    }

    /// <summary>Counts up to the last that is not zero.</summary>
    public ReadOnlySpan<ulong> Counts => _counts;

    public ulong Total => _counts.Aggregate(0ul, (sum, count) => unchecked(sum + count));

    /// <summary>Smallest and largest value a slot counts.</summary>
    public static (ulong Low, ulong High) Range(int slot) => (slot == 0 ? 0 : 1ul << slot, slot >= 63 ? ulong.MaxValue : (1ul << (slot + 1)) - 1);

    internal static Log2Histogram Read(ShapeMember slots, ReadOnlySpan<byte> value)
    {
        Span<ulong> counts = stackalloc ulong[(int)slots.Shape.Count];
        ValueShape element = slots.Shape.Element!;
        for (int i = 0; i < counts.Length; i++)
        {
            int offset = (int)(slots.ByteOffset + i * element.Size);
            counts[i] = offset < value.Length && ValueNumbers.TryRead(element, value[offset..], out long count) ? (ulong)count : 0;
        }

        return new Log2Histogram(counts);
    }

    /// <param name="unit">What is counted: <c>usecs</c>.</param>
    public void Append(Utf8Buffer text, string unit)
    {
        if (_counts.Length == 0)
        {
            text.Append("     (no samples)\n"u8);
            return;
        }

        bool isNarrow = _counts.Length <= NarrowSlots;
        int width = isNarrow ? 10 : 20;
        int bar = isNarrow ? NarrowBar : WideBar;
        int start = text.AppendRepeated((byte)' ', isNarrow ? 5 : 15).Length;
        text.Append(unit);
        text.PadRight(start, isNarrow ? 19 : 29);
        text.Append(" : count     distribution\n"u8);
        ulong highest = _counts.Max();
        for (int slot = 0; slot < _counts.Length; slot++)
        {
            (ulong low, ulong high) = Range(slot);
            start = text.Length;
            text.Append(low).PadLeft(start, width);
            start = text.Append(" -> "u8).Length;
            text.Append(high).PadRight(start, width);
            start = text.Append(" : "u8).Length;
            text.Append(_counts[slot]).PadRight(start, 8);
            int stars = (int)((UInt128)_counts[slot] * (uint)bar / highest);
            text.Append(" |"u8).AppendRepeated((byte)'*', stars).AppendRepeated((byte)' ', bar - stars).Append("|\n"u8);
        }
    }
}
