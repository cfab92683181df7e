namespace Osmia.Runtime.Packets;

/// <summary>Turns the ticks of an interface into nanoseconds since the epoch (pcapng options if_tsresol and if_tsoffset).</summary>
internal readonly record struct TimestampScale(byte Resolution, long OffsetSeconds)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static TimestampScale Microseconds => new(6, 0);

    public long ToNanoseconds(ulong ticks)
    {
        if (OffsetSeconds == 0)
        {
            if (Resolution == 9 && ticks <= long.MaxValue)
            {
                return (long)ticks;
            }

            if (Resolution == 6 && ticks <= long.MaxValue / 1000)
            {
                return (long)ticks * 1000;
            }
        }

        return FromWide(ticks);
    }

    // Apart, because code with 128-bit numbers is compiled at run time.
    private long FromWide(ulong ticks)
    {
        var nanoseconds = (Int128)Scaled(ticks) + (Int128)OffsetSeconds * NanosecondsPerSecond;
        return nanoseconds > long.MaxValue ? long.MaxValue
            : nanoseconds < long.MinValue ? long.MinValue
            : (long)nanoseconds;
    }

    // The top bit of if_tsresol chooses between a negative power of two and of ten; the product stays below 2^94.
    private UInt128 Scaled(ulong ticks)
    {
        var exponent = Resolution & 0x7F;
        if ((Resolution & 0x80) != 0)
        {
            return (UInt128)ticks * NanosecondsPerSecond >> exponent;
        }

        if (exponent <= 9)
        {
            return (UInt128)ticks * PowerOfTen(9 - exponent);
        }

        return exponent - 9 > 19 ? 0 : ticks / PowerOfTen(exponent - 9);
    }

    private static ulong PowerOfTen(int exponent)
    {
        var power = 1UL;
        for (var i = 0; i < exponent; i++)
        {
            power *= 10;
        }

        return power;
    }
}
