using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Vm;

/// <summary>
/// A random packet program that goes through a few pointers (packet, frame, map memory, each moved by a number that is not known) again and again, in blocks, branches and loops, near the
/// ends of what they point to, moves them and the packet on the way, and hands them to functions.
/// </summary>
internal sealed class ReachProgram
{
    private const int ValueSize = 48;

    private static readonly string[] s_pointers = ["r6", "r6", "r7", "r9"];

    private readonly Random _random;
    private readonly int _callback;
    private readonly StringBuilder _text = new();
    private int _labels;
    private bool _calls;

    private readonly int _functions;

    private ReachProgram(int seed)
    {
        _random = new Random(seed);
        _callback = _random.Next(3);
        _functions = _random.Next(4);
    }

    public static LinkedObject Make(int seed)
    {
        var program = new ReachProgram(seed);
        program.Build();
        return TestPrograms.Object([TestPrograms.Program(program._text.ToString(), ProgramType.Xdp, "reaches")], TestPrograms.Map(0, MapType.Array, 4, ValueSize, 2)) with { License = "GPL" };
    }

    /// <summary>Short, so that the end is near.</summary>
    public static byte[] MakePacket(Random random)
    {
        byte[] packet = new byte[random.Next(random.Next(4) == 0 ? 14 : 40, 60)];
        random.NextBytes(packet);
        packet[0] &= 0x0f;
        return packet;
    }

    private void Build()
    {
        Line("r8 = r1; r6 = *(u32 *)(r1 + 0); r4 = 0; r0 = 0");
        Line("r5 = *(u8 *)(r6 + 0); r7 = r10; r7 += -64; r7 += r5");
        Line("r9 = map[0][8]; r9 += r5");
        switch (_random.Next(3))
        {
            case 0:
                Line("r5 &= 7; r6 += r5");
                break;
            case 1:
                // Its end is near.
                Line($"r6 = *(u32 *)(r1 + 4); r6 += -{_random.Next(18, 26)}");
                break;
        }

        bool isLoop = _random.Next(3) == 0;
        if (isLoop)
        {
            Line("*(u64 *)(r10 - 16) = 0");
            Line("again:");
        }

        for (int i = _random.Next(2, 9); i > 0; i--)
        {
            Step();
        }

        if (isLoop)
        {
            Line($"r5 = *(u64 *)(r10 - 16); r5 += 1; *(u64 *)(r10 - 16) = r5; if r5 < {_random.Next(2, 5)} goto again");
        }

        Line("r0 = r4");
        Line("exit");
        for (int i = 0; i < _functions; i++)
        {
            Function(i);
        }

        if (_calls)
        {
            Line("called: r6 = r2; r4 = 1; r0 = *(u8 *)(r10 + 504)");
            Line(_callback switch
            {
                0 => $"r1 = r6; r2 = {_random.Next(-4, 4)}; call xdp_adjust_head",
                1 => "r5 = *(u8 *)(r6 + 0); r5 += 1; *(u8 *)(r6 + 0) = r5",
                _ => $"r7 = r10; r7 += {8 * _random.Next(60)}; r0 = *(u64 *)(r7 + 0)",
            });
            Line("r0 = 0; exit");
        }
    }

    /// <summary>An element that is certainly there or perhaps, read in the block behind the test, with other accesses.</summary>
    private void Lookup(string pointer)
    {
        int label = ++_labels;
        Line(_random.Next(2) == 0 ? $"r5 = {_random.Next(3)}" : "r5 = r4; r5 &= 1");
        Line("*(u64 *)(r10 - 8) = r4; *(u32 *)(r10 - 28) = r5; r2 = r10; r2 += -28; r1 = map[0]; call map_lookup_elem; r4 = *(u64 *)(r10 - 8)");
        Line($"if r0 == 0 goto missing{label}");
        string first = $"r5 = *(u64 *)(r0 + {_random.Next(40)}); r4 ^= r5";
        if (_random.Next(2) == 0)
        {
            Line(first);
        }

        Accesses(pointer);
        if (_random.Next(2) == 0)
        {
            Line(first);
        }

        Line($"missing{label}:");
    }

    private void Step()
    {
        string pointer = s_pointers[_random.Next(s_pointers.Length)];
        switch (_random.Next(18))
        {
            case 6:
                // Far away, and most often back again; near the ends of what 64 bits hold now and then.
                string distance = _random.Next(4) switch
                {
                    0 => $"0x{0x7fff_ffff_ffff_ffffUL - (ulong)_random.Next(12):x}",
                    1 => $"0x{0x8000_0000_0000_0000UL + (ulong)_random.Next(12):x}",
                    2 => $"0x{ulong.MaxValue - (ulong)_random.Next(12):x}",
                    _ => $"0x{_random.NextInt64():x}",
                };
                Line($"r3 = {pointer}; r2 = {distance} ll; r3 += r2");
                if (_random.Next(20) != 0)
                {
                    Line($"r2 = {distance} ll; r3 -= r2; r3 += {_random.Next(8)}");
                }

                Accesses("r3");
                break;
            case 7:
                Lookup(pointer);
                break;
            case 8:
                // What it becomes the compiler does not know, and takes it for the pointer moved.
                Line($"*(u64 *)(r10 - 24) = {pointer}; r5 = *(u64 *)(r10 - 24)");
                string other = s_pointers[_random.Next(s_pointers.Length)];
                Line($"r3 = {pointer}; r3 += {other}; r3 -= r5");
                Accesses("r3");
                break;
            case 9:
                Line($"*(u64 *)(r10 - 8) = r4; r1 = {_random.Next(3)}; r2 = func called ll; r3 = {(_callback == 0 ? "r8" : pointer)}; r4 = 0; call loop; r4 = *(u64 *)(r10 - 8)");
                if (_random.Next(3) != 0)
                {
                    Line(Reload());
                }

                _calls = true;
                Accesses(pointer);
                break;
            case 0:
                Line($"{pointer} += {_random.Next(-4, 6)}");
                break;
            case 1:
                Line($"r5 = r4; r5 &= 3; {pointer} += r5");
                break;
            case 2:
                int label = ++_labels;
                Accesses(pointer);
                Line($"if r4 {(_random.Next(2) == 0 ? ">" : "s<")} {_random.Next(1000)} goto other{label}");
                if (_random.Next(2) == 0)
                {
                    Line($"{pointer} += {_random.Next(-20, 40)}");
                }

                Accesses(pointer);
                if (_random.Next(2) == 0)
                {
                    Line($"goto behind{label}");
                    Line($"other{label}:");
                    Accesses(pointer);
                    Line($"behind{label}:");
                }
                else
                {
                    Line($"other{label}:");
                }

                Accesses(pointer);
                break;
            case 3:
                Line("*(u64 *)(r10 - 8) = r4");
                Line(_random.Next(3) == 0 ? "call ktime_get_ns" : $"r1 = r8; r2 = {_random.Next(-6, 5)}; call xdp_adjust_head");
                Line("r4 = *(u64 *)(r10 - 8)");
                if (_random.Next(3) == 0)
                {
                    Line(Reload());
                }

                break;
            case 4:
                Line($"r3 = {pointer}; r3 += {_random.Next(8)}");
                Accesses("r3");
                break;
            case 5:
                Line($"{pointer} = *(u64 *)({pointer} {Place()})");
                Line(pointer == "r6" ? Reload() : $"{pointer} = map[0][16]");
                break;
            case 10 or 11 when _functions > 0:
                Line("*(u64 *)(r10 - 8) = r4");
                Line(_random.Next(5) switch
                {
                    0 => $"r1 = {pointer}; r1 += {_random.Next(-4, 9)}",
                    1 => $"r1 = r8",
                    _ => $"r1 = r10; r1 += {-16 - _random.Next(48)}",
                });
                Line($"r2 = {(_random.Next(2) == 0 ? "r4" : _random.Next(16))}; call f{_random.Next(_functions)}");
                Line("r4 = *(u64 *)(r10 - 8); r4 ^= r0");
                break;
            default:
                Accesses(pointer);
                break;
        }
    }

    /// <summary>Reads and writes through what it is handed, and hands it on.</summary>
    private void Function(int number)
    {
        Line($"f{number}:");
        Line("r4 = r2; r5 = 0; *(u64 *)(r10 - 8) = r1");
        Accesses("r1");
        if (_random.Next(3) == 0)
        {
            Line("r2 &= 7; r1 += r2");
            Accesses("r1");
        }

        if (number > 0 && _random.Next(2) == 0)
        {
            Line("r6 = r4; r1 = *(u64 *)(r10 - 8)");
            Line(_random.Next(3) == 0 ? "r1 = r10; r1 += -24" : $"r1 += {_random.Next(-8, 9)}");
            Line($"r2 = r6; call f{number - 1}; r4 = r6; r4 += r0");
        }

        Line("r0 = r4; exit");
    }

    private void Accesses(string pointer)
    {
        for (int i = _random.Next(1, 5); i > 0; i--)
        {
            int size = 8 << _random.Next(4);
            string place = $"*(u{size} *)({pointer} {Place()})";
            Line(_random.Next(6) switch
            {
                0 => $"{place} = r4",
                1 => $"{place} = {_random.Next(100)}",
                2 => $"r5 = {place}; {place} = r5; r4 ^= r5",
                3 when size >= 32 => $"lock {place} += r4",
                _ => $"r5 = {place}; r4 += r5; r4 <<= 1",
            });
        }
    }

    private string Reload() => _random.Next(2) == 0 ? "r6 = *(u32 *)(r8 + 0)" : "r6 = *(u32 *)(r8 + 4); r6 += -20";

    private string Place()
    {
        int offset = _random.Next(_random.Next(40) == 0 ? -20 : 0, _random.Next(20) == 0 ? 40 : 12);
        return offset < 0 ? $"- {-offset}" : $"+ {offset}";
    }

    private void Line(string text) => _text.Append(CultureInfo.InvariantCulture, $"{text}\n");
}
