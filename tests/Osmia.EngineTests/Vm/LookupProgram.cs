using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Vm;

/// <summary>
/// A random packet program that looks up elements of an array, in a loop or straight on: by constants, bounded and unbounded numbers, with and without
/// a test for null, and changes on the way what the element's address was made of.
/// </summary>
internal sealed class LookupProgram
{
    private const int Entries = 5;

    private readonly Random _random;
    private readonly StringBuilder _text = new();
    private readonly int _valueSize;
    private int _labels;

    private LookupProgram(int seed)
    {
        _random = new Random(seed);
        _valueSize = _random.Next(2) == 0 ? 16 : 24;
    }

    public static LinkedObject Make(int seed)
    {
        var program = new LookupProgram(seed);
        program.Build();
        LinkedProgram linked = TestPrograms.Program(program._text.ToString(), ProgramType.Xdp, "lookups") with { Functions = [new(0, "lookups", default, false)] };
        MapType type = program._random.Next(4) == 0 ? MapType.PercpuArray : MapType.Array;
        return TestPrograms.Object([linked], TestPrograms.Map(0, type, 4, (uint)program._valueSize, Entries)) with { License = "GPL" };
    }

    private void Build()
    {
        Line("r2 = *(u32 *)(r1 + 4)");
        Line("r1 = *(u32 *)(r1 + 0)");
        Line("r3 = r1; r3 += 16; r0 = 1");
        Line("if r3 > r2 goto end");
        Line("r7 = *(u8 *)(r1 + 0); r9 = *(u32 *)(r1 + 4); r8 = 0; r6 = 0");
        bool isLoop = _random.Next(2) == 0;
        if (isLoop)
        {
            Line("again:");
        }

        for (int i = _random.Next(1, 5); i > 0; i--)
        {
            LookUp();
        }

        if (isLoop)
        {
            Line($"r8 += 1; if r8 < {_random.Next(2, 7)} goto again");
        }

        Line("r0 = r9");
        Line("end:");
        Line("exit");
    }

    private void LookUp()
    {
        int key = _random.Next(6);
        Line(key switch
        {
            0 => $"*(u32 *)(r10 - 4) = {_random.Next(Entries + 1)}",
            1 => $"r7 &= {_random.Next(3, 8)}; *(u32 *)(r10 - 4) = r7",
            2 => $"w7 &= 3; *(u32 *)(r10 - 4) = r7",
            3 => "*(u32 *)(r10 - 4) = r7",
            _ => "*(u32 *)(r10 - 4) = r8",
        });
        int kept = ++_labels;
        if (_random.Next(4) == 0)
        {
            // The key comes from another block.
            Line($"if r9 > {_random.Next(100)} goto kept{kept}; r9 += 3");
            Line($"kept{kept}:");
        }

        Line("r2 = r10; r2 += -4; r1 = map[0]; call map_lookup_elem");
        if (_random.Next(4) == 0)
        {
            Line("r7 += 1");
        }

        string pointer = "r0";
        int missing = ++_labels;
        int test = _random.Next(12);
        if (test == 0)
        {
            // Nothing is tested: what is not there traps, where it is not proved.
            Access(pointer);
            return;
        }

        if (_random.Next(3) == 0)
        {
            Line("r6 = r0");
            pointer = _random.Next(2) == 0 ? "r6" : "r0";
        }

        Line(test < 8 ? $"if r0 == 0 goto missing{missing}" : $"if r0 != 0 goto there{missing}; goto missing{missing}");
        Line($"there{missing}:");
        for (int i = _random.Next(1, 4); i > 0; i--)
        {
            if (_random.Next(4) == 0)
            {
                Line(_random.Next(2) == 0 ? "r7 += 1" : $"{pointer} += {8 * _random.Next(2)}");
            }

            Access(pointer);
        }

        if (_random.Next(2) == 0)
        {
            int behind = ++_labels;
            Line($"goto behind{behind}");
            Line($"missing{missing}:");
            Line($"r9 += 1; r9 ^= r7");
            Line($"behind{behind}:");
        }
        else
        {
            Line($"missing{missing}:");
        }

        Line("r6 = 0");
    }

    private void Access(string pointer)
    {
        int place = 8 * _random.Next(_random.Next(8) == 0 ? 4 : 2);
        Line(_random.Next(5) switch
        {
            0 => $"r1 = *(u64 *)({pointer} + {place}); r9 += r1",
            1 => $"*(u64 *)({pointer} + {place}) = r9",
            2 => $"lock *(u64 *)({pointer} + {place}) += r7",
            3 => $"r1 = *(u32 *)({pointer} + {place + 4}); r1 += 1; *(u32 *)({pointer} + {place + 4}) = r1",
            _ => $"r1 = *(u64 *)({pointer} + {place}); r1 += r7; *(u64 *)({pointer} + {place}) = r1; r9 ^= r1",
        });
    }

    private void Line(string text) => _text.Append(CultureInfo.InvariantCulture, $"{text}\n");
}
