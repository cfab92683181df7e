using Osmia.Bytecode;
using Osmia.Bytecode.Classic;

namespace Osmia.Tests.Classic;

/// <summary>Filters at random: valid ones with values near the edges of packets, and ones with a fault here or there.</summary>
internal sealed class ClassicGenerator(Random random)
{
    /// <summary>The largest result of <see cref="Valid"/>'s filters; a packet of this length shows it whole.</summary>
    public const int MaxResult = 255;

    /// <summary>On a build server seeds from 1 to this one are taken: all were run before.</summary>
    public const int KnownSeeds = 3000;

    private static readonly byte[] s_arithmetic = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x90, 0xa0];
    private static readonly byte[] s_sizes = [0x00, 0x08, 0x10];
    private static readonly uint[] s_edges = [0, 1, 2, 3, 13, 14, 31, 32, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe, 0x10000, 0xff];

    private static readonly ushort[] s_codes =
    [
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x28, 0x30, 0x34, 0x40, 0x44, 0x45, 0x48, 0x50, 0x60, 0x61, 0x64, 0x74,
        0x80, 0x81, 0x84, 0x87, 0x94, 0x9c, 0xa4, 0xac, 0xb1,
    ];

    private readonly List<ClassicInstruction> _code = [];
    private int _written;

    /// <summary>Ends with the low byte of what it computed.</summary>
    public ClassicProgram Valid(int packetLength)
    {
        _code.Clear();
        _written = 0;
        int length = random.Next(2, 40);
        for (int i = 0; i < length; i++)
        {
            _code.Add(Next(packetLength));
        }

        // Folds all of A into a byte, which a receiver can see.
        Add(0x02, 0).Add(0x74, 16).Add(0x07).Add(0x60, 0).Add(0x20, ClassicAncillaryTable.Base + (uint)ClassicAncillary.XorX).Add(0x02, 0).Add(0x74, 8).Add(0x07).Add(0x60, 0)
            .Add(0xac).Add(0x54, 0xff).Add(0x16);
        PlaceJumps(length);
        return new ClassicProgram([.. _code]);
    }

    /// <summary>A valid filter with some instructions replaced by anything.</summary>
    public ClassicProgram Mutant(int packetLength)
    {
        ClassicInstruction[] code = [.. Valid(packetLength).Instructions];
        for (int i = random.Next(1, 4); i > 0; i--)
        {
            int at = random.Next(code.Length);
            code[at] = random.Next(4) switch
            {
                0 => code[at] with { Code = random.Next(3) == 0 ? (ushort)random.Next(0x200) : Pick(s_codes) },
                1 => code[at] with { K = random.Next(2) == 0 ? (uint)random.Next(70) : ClassicAncillaryTable.Base + (uint)random.Next(-5, 70) },
                2 => code[at] with { IfTrue = (byte)random.Next(64), IfFalse = (byte)random.Next(64) },
                _ => new(Pick(s_codes), (byte)random.Next(8), (byte)random.Next(8), Number()),
            };
        }

        return new ClassicProgram([.. random.Next(8) == 0 ? code[..random.Next(code.Length + 1)] : code]);
    }

    private ClassicInstruction Next(int packetLength)
    {
        switch (random.Next(14))
        {
            case 0:
                return new((ushort)random.Next(2), 0, 0, Number());
            case 1 or 2:
                return new((ushort)(0x20 | Pick(s_sizes)), 0, 0, Offset(packetLength));
            case 3:
                return new((ushort)(0x40 | Pick(s_sizes)), 0, 0, random.Next(3) == 0 ? Number() : Offset(packetLength));
            case 4:
                return new(0xb1, 0, 0, Offset(packetLength));
            case 5:
                return new((ushort)(0x80 + random.Next(2)), 0, 0, 0);
            case 6:
                uint word = (uint)random.Next(ClassicProgram.ScratchWords);
                _written |= 1 << (int)word;
                return new((ushort)(2 + random.Next(2)), 0, 0, word);
            case 7 when _written != 0:
                uint written = (uint)random.Next(ClassicProgram.ScratchWords);
                return (_written & (1 << (int)written)) != 0 ? new((ushort)(0x60 + random.Next(2)), 0, 0, written) : new(0x07, 0, 0, 0);
            case 8 or 9:
                byte jump = (byte)(random.Next(5) << 4);
                return jump == 0 ? new(0x05, 0, 0, 1) : new((ushort)(0x05 | jump | (random.Next(3) == 0 ? 8 : 0)), 1, 1, Number());
            case 10:
                return new((ushort)(random.Next(2) == 0 ? 0x07 : 0x87), 0, 0, 0);
            case 11:
                return random.Next(2) == 0 ? new(0x84, 0, 0, 0) : new(0x20, 0, 0, ClassicAncillaryTable.Base + (uint)ClassicAncillary.XorX);
            default:
                byte operation = Pick(s_arithmetic);
                bool usesX = random.Next(3) == 0;
                uint k = operation is 0x60 or 0x70 ? (uint)random.Next(32) : Number();
                return new((ushort)(0x04 | operation | (usesX ? 8 : 0)), 0, 0, k == 0 ? 1 : k);
        }
    }

    private void PlaceJumps(int end)
    {
        // Words written behind a jump may be skipped: only what comes first of all is sure, so a jump lands before the next store.
        for (int at = 0; at < end; at++)
        {
            if (_code[at].Class != ClassicClass.Jmp)
            {
                continue;
            }

            int furthest = at + 1;
            while (furthest < end && _code[furthest].Class is not (ClassicClass.St or ClassicClass.Stx))
            {
                furthest++;
            }

            int room = Math.Max(1, furthest - at);
            _code[at] = _code[at].Jump == JumpOperation.Ja
                ? _code[at] with { K = (uint)random.Next(room) }
                : _code[at] with { IfTrue = (byte)random.Next(room), IfFalse = (byte)random.Next(room) };
        }
    }

    private uint Offset(int packetLength) => (uint)(random.Next(6) switch
    {
        0 => Math.Max(0, packetLength - random.Next(6)),
        1 => random.Next(0, packetLength + 8),
        _ => random.Next(0, Math.Max(1, packetLength - 4)),
    });

    private uint Number() => random.Next(3) == 0 ? Pick(s_edges) : random.Next(2) == 0 ? (uint)random.Next(300) : (uint)random.NextInt64(1L << 32);

    private ClassicGenerator Add(ushort code, uint k = 0)
    {
        _code.Add(new(code, 0, 0, k));
        return this;
    }

    private T Pick<T>(T[] values) => values[random.Next(values.Length)];
}
