using System.Text;

namespace Osmia.Tests.Vm;

/// <summary>
/// A random loop over words of a packet of 1,600 bytes: what it does, with words of which size, where they stand and whether two areas overlap, and every way clang has
/// to say where a loop ends. r7 is where the packet begins, r9 where it ends; r3 is the index.
/// </summary>
internal sealed record WordLoopProgram(string Text, string Work, int Size)
{
    public const int PacketLength = 1600;
    private static readonly int[] s_counts = [1, 2, 17, 63, 64, 65, 66, 80, 100, 150];

    /// <param name="isMemory">r1 is the memory and r2 its length, and nothing is asked before; else r1 is the context of an XDP program whose packet is long enough.</param>
    public static WordLoopProgram Make(Random random, bool isMemory)
    {
        int size = 1 << random.Next(4);
        int words = s_counts[random.Next(s_counts.Length)];
        string work = ((string[])["sum", "copy", "fill", "compare"])[random.Next(4)];
        int from = random.Next(200);
        int to = random.Next(3) == 0 ? from + random.Next(-40, 40) : random.Next(200);
        to = Math.Max(to, 0);
        int end = words * size;
        string unit = $"u{size * 8}";
        var text = new StringBuilder();
        text.AppendLine(isMemory
            ? "r7 = r1; r9 = r1; r9 += r2"
            : $"r0 = 77; r3 = 0; r4 = 0; r5 = 0; r9 = *(u32 *)(r1 + 4); r7 = *(u32 *)(r1 + 0); r2 = r7; r2 += {PacketLength}; if r2 > r9 goto out");
        text.AppendLine($"r0 = {random.Next(3)}; r8 = {random.Next(-3, 300)}; r4 = 0; r5 = 0");
        text.AppendLine(random.Next(4) switch
        {
            0 when isMemory => $"r3 = *(u8 *)(r7 + 0); r3 &= 7; r3 *= {size}",
            1 => $"r3 = {size * random.Next(3)}",
            _ => "r3 = 0",
        });
        bool jumpsBack = random.Next(2) == 0;
        bool isNarrow = random.Next(3) == 0;
        char index = isNarrow ? 'w' : 'r';
        text.AppendLine("again:");
        if (random.Next(4) == 0)
        {
            // What is asked of every word before it is touched.
            int least = Math.Max(from, to) + size;
            text.AppendLine(isMemory && random.Next(2) == 0 ? $"r1 = r9; r1 += -{least}; r6 = r7; r6 += r3; if r6 > r1 goto out" : $"r6 = r7; r6 += r3; r6 += {least}; if r6 > r9 goto out");
        }

        string fromPlace = random.Next(2) == 0 ? $"r4 = r7; r4 += r3; r4 = *({unit} *)(r4 + {from})" : $"r4 = r3; r4 += r7; r4 += {from}; r4 = *({unit} *)(r4 + 0)";
        string toPlace = "r6 = r7; r6 += r3";
        text.AppendLine(work switch
        {
            "sum" => $"{fromPlace}; {(random.Next(2) == 0 ? 'r' : 'w')}0 += {(random.Next(2) == 0 ? 'r' : 'w')}4".Replace("r0 += w4", "r0 += r4", StringComparison.Ordinal).Replace("w0 += r4", "w0 += w4", StringComparison.Ordinal),
            "copy" => $"{fromPlace}; {toPlace}; *({unit} *)(r6 + {to}) = r4",
            "fill" => random.Next(2) == 0 ? $"{toPlace}; *({unit} *)(r6 + {to}) = {random.Next(-1, 100)}" : $"{toPlace}; *({unit} *)(r6 + {to}) = r8",
            _ => $"{fromPlace}; {toPlace}; r5 = *({unit} *)(r6 + {to}); {(random.Next(2) == 0 || size == 8 ? "if r4 != r5" : "if w4 != w5")} goto out",
        });
        bool isBefore = random.Next(4) == 0;
        string step = $"{(isNarrow ? 'w' : 'r')}3 += {size}";
        string compared = isBefore ? (isNarrow ? "w2" : "r2") : $"{index}3";
        int last = isBefore ? end - size : end;
        if (isBefore)
        {
            text.AppendLine(isNarrow ? "w2 = w3" : "r2 = r3");
        }

        text.AppendLine(step);
        (string stays, string leaves) = random.Next(5) switch
        {
            0 => ($"{compared} < {last - random.Next(size)}", $"{compared} >= {last - random.Next(size)}"),
            1 => ($"{compared} <= {last - 1}", $"{compared} > {last - 1}"),
            2 => ($"{compared} s< {last}", $"{compared} s>= {last}"),
            3 => ($"{compared} s<= {last - 1}", $"{compared} s> {last - 1}"),
            _ => ($"{compared} != {last}", $"{compared} == {last}"),
        };
        text.AppendLine(jumpsBack ? $"if {leaves} goto out\ngoto again" : $"if {stays} goto again");
        text.AppendLine("out:");
        text.AppendLine($"r3 <<= 32; r0 ^= r3; r0 ^= r5;{(work != "fill" && random.Next(2) == 0 ? " r0 ^= r4;" : "")} exit");
        return new(text.ToString(), work, size);
    }
}
