namespace Osmia.Verification;

/// <summary>Formats of bpf_snprintf, which the kernel reads when it verifies: each conversion takes one number of eight bytes.</summary>
/// <remarks>The rules of <c>bpf_bprintf_prepare</c> in kernel/bpf/helpers.c; tried on Linux 6.18.</remarks>
internal static class FormatText
{
    // The kernel's characters are those of Latin-1: from here on they are printable again, this one a space.
    private const byte Latin = 0xa0;

    /// <summary>What is wrong with a format; null when it can be printed with so many arguments.</summary>
    /// <param name="text">Without the zero byte at its end.</param>
    public static string? Problem(ReadOnlySpan<byte> text, int arguments)
    {
        int taken = 0;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] < 0x80 && !IsPrintable(text[i]) && !IsSpace(text[i]))
            {
                return $"byte {text[i]:x2} at {i} is no printable character";
            }

            if (text[i] != '%')
            {
                continue;
            }

            if (At(text, i + 1) == '%')
            {
                i++;
                continue;
            }

            if (taken == arguments)
            {
                return $"conversion {taken + 1} has no argument: there are {arguments}";
            }

            int start = i;
            i = SkipWidth(text, i + 1);
            int last = Conversion(text, i);
            if (last < 0)
            {
                return $"'{System.Text.Encoding.ASCII.GetString(text[start..Math.Min(i + 2, text.Length)])}' is no conversion that bpf_snprintf knows";
            }

            i = last;
            taken++;
        }

        return null;
    }

    private static int SkipWidth(ReadOnlySpan<byte> text, int i)
    {
        while (At(text, i) is (byte)'0' or (byte)'+' or (byte)'-' or (byte)' ')
        {
            i++;
        }

        if (At(text, i) is >= (byte)'1' and <= (byte)'9')
        {
            while (At(text, i) is >= (byte)'0' and <= (byte)'9')
            {
                i++;
            }
        }

        return i;
    }

    /// <summary>The place of a conversion's last character; negative when there is no such conversion.</summary>
    private static int Conversion(ReadOnlySpan<byte> text, int i)
    {
        switch (At(text, i))
        {
            case (byte)'p':
                return Pointer(text, i);
            case (byte)'c':
                return i;
            case (byte)'s':
                return Ends(At(text, i + 1)) ? i : -1;
            default:
                i += At(text, i) == 'l' ? 1 : 0;
                i += At(text, i) == 'l' ? 1 : 0;
                return At(text, i) is (byte)'i' or (byte)'d' or (byte)'u' or (byte)'x' or (byte)'X' ? i : -1;
        }
    }

    private static int Pointer(ReadOnlySpan<byte> text, int i)
    {
        byte next = At(text, i + 1);
        byte second = At(text, i + 2);
        return next switch
        {
            (byte)'k' or (byte)'u' when second == 's' => Ends(At(text, i + 3)) ? i + 2 : -1,
            (byte)'K' or (byte)'x' or (byte)'s' or (byte)'S' or (byte)'B' => i + 1,
            (byte)'i' or (byte)'I' when second is (byte)'4' or (byte)'6' => i + 2,
            _ => Ends(next) ? i : -1,
        };
    }

    private static bool Ends(byte next) => next == 0 || IsSpace(next)
        || (next < Latin ? IsPrintable(next) && !char.IsAsciiLetterOrDigit((char)next) : next is < 0xc0 or 0xd7 or 0xf7);

    private static byte At(ReadOnlySpan<byte> text, int i) => i < text.Length ? text[i] : (byte)0;

    private static bool IsPrintable(byte value) => value is (>= 0x20 and < 0x7f) or >= Latin;

    private static bool IsSpace(byte value) => value is (byte)' ' or (>= 9 and <= 13) or Latin;
}
