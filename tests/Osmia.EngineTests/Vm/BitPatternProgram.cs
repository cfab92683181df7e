using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Vm;

/// <summary>
/// A random packet program that counts bits as compilers write it, at both widths and with operands either way round; and, half of the time, almost so:
/// another constant or distance, a variable that is read again or changed on the way, a branch or an access between.
/// </summary>
internal sealed class BitPatternProgram
{
    public const int InputSize = 64;

    private const byte Exit = 0x95;
    private const int X = 1;
    private const int Half = 2;
    private const int Mask = 3;
    private const int Kept = 4;
    private const int Digest = 9;

    private readonly Random _random;
    private readonly List<Instruction> _code = [];
    private bool _isWide;

    /// <summary>The step at which something is otherwise; -1 for none.</summary>
    private int _odd;
    private int _step;

    private BitPatternProgram(int seed) => _random = new Random(seed);

    public static LinkedProgram Make(int seed)
    {
        var program = new BitPatternProgram(seed);
        program.Build();
        return new LinkedProgram("patterns", new SectionMatch("patterns", "", "", ProgramType.Xdp, null, AttachKind.None), [.. program._code]);
    }

    private void Build()
    {
        Add(0x61, 7, 1, 0);
        Add(0x61, 8, 1, 4);
        Add(0xbf, 2, 7);
        Add(0x07, 2, 0, 0, InputSize);
        Add(0xb7, 0);
        Add(0x3d, 8, 2, 1);
        Add(Exit);
        Add(0xb7, Digest);
        Add(0xb7, Kept);
        for (int i = _random.Next(1, 5); i > 0; i--)
        {
            Count();
            Add(0x27, Digest, 0, 0, 0x2545f491);
            Add(0xaf, Digest, X);
        }

        Add(0xaf, Digest, Kept);
        Add(0xbf, 0, Digest);
        Add(0x77, 0, 0, 0, 32);
        Add(0xaf, 0, Digest);
        Add(Exit);
    }

    private void Count()
    {
        _isWide = _random.Next(2) == 0;
        _odd = _random.Next(2) == 0 ? _random.Next(9) : -1;
        _step = 0;
        Add((byte)(_random.Next(3) == 0 ? 0x61 : 0x79), X, 7, (short)(8 * _random.Next(InputSize / 8)));

        // x - ((x >> 1) & 0x55...)
        Copy(Half, X);
        ShiftRight(Half, 1);
        And(Half, 0x55);
        Between();
        Do(0x10, X, Half);

        // (x & 0x33...) + ((x >> 2) & 0x33...)
        Between();
        Copy(Half, X);
        And(Half, 0x33);
        ShiftRight(X, 2);
        And(X, 0x33);
        Sum();

        // (x + (x >> 4)) & 0x0f...
        Between();
        Copy(Half, X);
        ShiftRight(Half, 4);
        Sum();
        And(X, 0x0f);
        Between();
        LoadMask(0x01);
        Do(0x20, X, Mask);
        ShiftRight(X, _isWide ? 56 : 24);
    }

    /// <summary>Nothing; or, at the odd step, something that touches a variable of the pattern.</summary>
    private void Between()
    {
        if (_step++ != _odd)
        {
            return;
        }

        switch (_random.Next(6))
        {
            case 0:
                Add(0x0f, Kept, X);
                break;
            case 1:
                Add(0x0f, Kept, Half);
                break;
            case 2:
                Add(0x07, X, 0, 0, _random.Next(2));
                break;
            case 3:
                // Where it is checked, the function may leave for the interpreter here.
                Add(0x71, 5, 7, (short)_random.Next(InputSize));
                Add(0x0f, Kept, 5);
                break;
            case 4:
                Add(0x7b, 10, X, -8);
                Add(0x79, Half, 10, -8);
                break;
            default:
                Add(0x25, Kept, 0, 1, 3);
                Add(0x07, _random.Next(2) == 0 ? X : Kept, 0, 0, 5);
                break;
        }
    }

    private void Copy(int to, int from) => Add((byte)(_isWide ? 0xbf : 0xbc), to, from);

    private void ShiftRight(int register, int distance) => Add((byte)(_isWide ? 0x77 : 0x74), register, 0, 0, _step++ == _odd ? (distance + 1) % (_isWide ? 64 : 32) : distance);

    private void And(int register, ulong part)
    {
        LoadMask(part);
        Do(0x50, register, Mask);
    }

    private void LoadMask(ulong part)
    {
        ulong mask = part * 0x0101010101010101;
        if (_step++ == _odd)
        {
            mask ^= 1UL << _random.Next(64);
        }

        Add(0x18, Mask, 0, 0, (int)(uint)mask);
        Add(0, 0, 0, 0, (int)(uint)(mask >> 32));
    }

    /// <summary>x = x + half, either way round.</summary>
    private void Sum()
    {
        if (_random.Next(2) == 0)
        {
            Do(0x00, X, Half);
            return;
        }

        Do(0x00, Half, X);
        Copy(X, Half);
    }

    private void Do(byte operation, int to, int from) => Add((byte)(operation | (_isWide ? 0x0f : 0x0c)), to, from);

    private void Add(byte opcode, int destination = 0, int source = 0, short offset = 0, int immediate = 0) =>
        _code.Add(new Instruction(new Opcode(opcode), (Register)destination, (Register)source, offset, immediate));
}
