using System.Text;

namespace Osmia.Kernel.Symbols.Demangling;

/// <summary>Identifiers with letters beyond ASCII, as RFC 3492 writes them, with <c>_</c> for its delimiter.</summary>
internal static class Punycode
{
    private const int Base = 36;
    private const int Smallest = 1;
    private const int Largest = 26;
    private const int Skew = 38;
    private const int Damp = 700;

    public static string? Read(string text)
    {
        int delimiter = text.LastIndexOf('_');
        var points = new List<Rune>();
        foreach (char c in delimiter < 0 ? "" : text[..delimiter])
        {
            points.Add(new Rune(c));
        }

        long code = 128;
        long index = 0;
        int bias = 72;
        for (int at = delimiter + 1; at < text.Length;)
        {
            long before = index;
            long weight = 1;
            for (int k = Base; ; k += Base)
            {
                int digit = at >= text.Length ? -1 : text[at] switch { >= 'a' and <= 'z' => text[at] - 'a', >= '0' and <= '9' => text[at] - '0' + 26, _ => -1 };
                at++;
                if (digit < 0 || index > int.MaxValue || weight > int.MaxValue)
                {
                    return null;
                }

                index += digit * weight;
                int threshold = Math.Clamp(k - bias, Smallest, Largest);
                if (digit < threshold)
                {
                    break;
                }

                weight *= Base - threshold;
            }

            int count = points.Count + 1;
            bias = Adapt(index - before, count, before == 0);
            code += index / count;
            index %= count;
            if (code > 0x10ffff || !Rune.TryCreate((int)code, out Rune rune))
            {
                return null;
            }

            points.Insert((int)index++, rune);
        }

        return string.Concat(points);
    }

    private static int Adapt(long delta, int count, bool isFirst)
    {
        delta = isFirst ? delta / Damp : delta / 2;
        delta += delta / count;
        int k = 0;
        for (; delta > (Base - Smallest) * Largest / 2; k += Base)
        {
            delta /= Base - Smallest;
        }

        return k + (int)((Base - Smallest + 1) * delta / (delta + Skew));
    }
}
