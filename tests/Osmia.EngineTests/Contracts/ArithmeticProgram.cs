using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;

namespace Osmia.Tests.Contracts;

/// <summary>
/// A random program that the kernel's verifier accepts: arithmetic, jumps forward, stack memory, atomics, a local function, and (traffic
/// control) packet loads. It starts with registers from the packet and returns a digest of registers and stack.
/// </summary>
internal sealed class ArithmeticProgram
{
    /// <summary>Bytes of the packet that the registers start with.</summary>
    public const int InputSize = 80;

    private const int StackSlots = 8;
    private const byte Exit = 0x95;

    private static readonly int[] s_interesting = [0, 1, -1, 2, 7, 8, 31, 32, 33, 63, 64, 127, 128, 255, 256, 32767, 32768, 65535, 65536, int.MaxValue, int.MinValue, int.MinValue + 1];
    private static readonly byte[] s_arithmetic = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0];
    private static readonly byte[] s_jumps = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];
    private static readonly int[] s_atomics = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];

    private readonly Random _random;
    private readonly bool _hasPacketLoads;
    private readonly List<Instruction> _code = [];
    private int _branches;

    private ArithmeticProgram(int seed)
    {
        _random = new Random(seed);
        _hasPacketLoads = _random.Next(4) == 0;
    }

    public static LinkedProgram Make(int seed)
    {
        var program = new ArithmeticProgram(seed);
        program.Build();
        ProgramType type = program._hasPacketLoads ? ProgramType.SchedCls : ProgramType.Xdp;
        return new LinkedProgram("random", new SectionMatch("random", "", "", type, null, AttachKind.None), [.. program._code]);
    }

    /// <summary>A packet whose 64-bit words are often ones at which operations turn.</summary>
    public static byte[] MakePacket(Random random)
    {
        byte[] packet = new byte[InputSize + random.Next(40)];
        random.NextBytes(packet);
        for (int word = 0; word < InputSize / 8; word++)
        {
            long value = s_interesting[random.Next(s_interesting.Length)];
            Span<byte> target = packet.AsSpan(word * 8, 8);
            switch (random.Next(4))
            {
                case 0:
                    BitConverter.TryWriteBytes(target, value);
                    break;
                case 1:
                    BitConverter.TryWriteBytes(target, (long)(uint)value);
                    break;
                case 2:
                    BitConverter.TryWriteBytes(target, random.Next(2) == 0 ? long.MinValue : long.MaxValue);
                    break;
            }
        }

        return packet;
    }

    private void Build()
    {
        bool hasFunction = !_hasPacketLoads && _random.Next(3) == 0;
        Enter();
        Body(_random.Next(5, 60), calls: hasFunction);
        int call = -1;
        if (hasFunction)
        {
            call = _code.Count;
            Add(0x85, 0, 1);
            ReloadArguments();
            Body(_random.Next(10), calls: false);
        }

        Digest();
        if (hasFunction)
        {
            _code[call] = _code[call] with { Immediate = _code.Count - call - 1 };
            Function();
        }
    }

    /// <summary>r0 to r9 (in traffic control all but r6) and the stack from the packet.</summary>
    private void Enter()
    {
        Add(0xbf, 6, 1);
        Add(0x61, 7, 1, (short)(_hasPacketLoads ? 76 : 0));
        Add(0x61, 8, 1, (short)(_hasPacketLoads ? 80 : 4));
        Add(0xbf, 2, 7);
        Add(0x07, 2, 0, 0, InputSize);
        Add(0xb7, 0);
        Add(0x3d, 8, 2, 1);
        Add(Exit);
        for (int slot = 0; slot < StackSlots; slot++)
        {
            Add(0x79, 0, 7, (short)(slot * 8));
            Add(0x7b, 10, 0, (short)(-8 * (slot + 1)));
        }

        foreach (int register in new[] { 0, 1, 2, 3, 4, 5, 6, 8, 9, 7 })
        {
            if (register != 6 || !_hasPacketLoads)
            {
                Add(0x79, register, 7, (short)(register * 8));
            }
        }
    }

    /// <summary>A local function of five numbers, with its own stack and registers.</summary>
    private void Function()
    {
        for (int slot = 0; slot < StackSlots; slot++)
        {
            Add(0x7b, 10, 1 + (slot % 5), (short)(-8 * (slot + 1)));
        }

        Add(0xbf, 0, 1);
        for (int register = 6; register < 10; register++)
        {
            Add(0xbf, register, register - 4);
        }

        Body(_random.Next(5, 30), calls: false);
        Digest();
    }

    private void Body(int length, bool calls)
    {
        for (int i = 0; i < length; i++)
        {
            Step();
        }

        if (calls)
        {
            Add(0xbf, 1, Any());
        }
    }

    private void Step()
    {
        switch (_random.Next(20))
        {
            case 0 or 1 or 2:
                Branch();
                break;
            case 3:
                Store();
                break;
            case 4:
                Load();
                break;
            case 5:
                Atomic();
                break;
            case 6:
                Add(0x18, Any(), 0, 0, Number());
                Add(0, 0, 0, 0, Number());
                break;
            case 7 when _hasPacketLoads:
                PacketLoad();
                break;
            case 8:
                int form = _random.Next(3);
                Add((byte)(form == 0 ? 0xd7 : form == 1 ? 0xdc : 0xd4), Any(), 0, 0, 16 << _random.Next(3));
                break;
            default:
                Arithmetic();
                break;
        }
    }

    private void Arithmetic()
    {
        byte operation = s_arithmetic[_random.Next(s_arithmetic.Length)];
        bool is64 = _random.Next(2) == 0;
        bool isRegister = _random.Next(2) == 0;
        int immediate = Number();
        short offset = 0;
        switch (operation)
        {
            case 0x80:
                Add((byte)(is64 ? 0x87 : 0x84), Any());
                return;
            case 0x30 or 0x90:
                offset = (short)_random.Next(2);
                immediate = immediate == 0 ? 1 : immediate;
                break;
            case 0x60 or 0x70 or 0xc0:
                immediate = _random.Next(is64 ? 64 : 32);
                break;
            case 0xb0 when isRegister:
                int[] widths = is64 ? [0, 8, 16, 32] : [0, 8, 16];
                offset = (short)widths[_random.Next(widths.Length)];
                break;
        }

        Add((byte)(operation | (isRegister ? 8 : 0) | (is64 ? 7 : 4)), Any(), isRegister ? Any() : 0, offset, isRegister ? 0 : immediate);
    }

    /// <summary>Two ways that meet again.</summary>
    private void Branch()
    {
        if (++_branches > 9)
        {
            return;
        }

        bool isRegister = _random.Next(2) == 0;
        int jump = _code.Count;
        Add((byte)(s_jumps[_random.Next(s_jumps.Length)] | (isRegister ? 8 : 0) | (_random.Next(2) == 0 ? 5 : 6)), Any(), isRegister ? Any() : 0, 0, isRegister ? 0 : Number());
        for (int i = _random.Next(1, 4); i > 0; i--)
        {
            Arithmetic();
        }

        bool isLong = _random.Next(2) == 0;
        int over = _code.Count;
        Add((byte)(isLong ? 0x06 : 0x05));
        _code[jump] = _code[jump] with { Offset = (short)(_code.Count - jump - 1) };
        for (int i = _random.Next(1, 4); i > 0; i--)
        {
            Arithmetic();
        }

        int distance = _code.Count - over - 1;
        _code[over] = isLong ? _code[over] with { Immediate = distance } : _code[over] with { Offset = (short)distance };
    }

    private void Store()
    {
        (byte size, int bytes) = Width();
        bool isRegister = _random.Next(3) != 0;
        Add((byte)((isRegister ? 0x63 : 0x62) | size), 10, isRegister ? Any() : 0, Place(bytes), isRegister ? 0 : Number());
    }

    private void Load()
    {
        (byte size, int bytes) = Width();
        bool isSigned = bytes < 8 && _random.Next(2) == 0;
        Add((byte)((isSigned ? 0x80 : 0x60) | size | 1), Any(), 10, Place(bytes));
    }

    private void Atomic()
    {
        bool is64 = _random.Next(2) == 0;
        short place = Place(is64 ? 8 : 4);
        int operation = s_atomics[_random.Next(s_atomics.Length)];
        if ((operation & 1) != 0)
        {
            // Linux 6.18 takes a fetched value for the scalar that was spilled there, but does not trace its precision back through the
            // atomic: it prunes ways that differ and removes live code as dead. A byte stored first makes it forget the scalar.
            Add(0x73, 10, Any(), place);
        }

        Add((byte)(is64 ? 0xdb : 0xc3), 10, Any(), place, operation);
        if (operation == 0xf1 && !is64)
        {
            // RFC 9669 zero-extends r0. Linux 6.18 on x86-64 does not on a way that the verifier pruned before r0 was read in 64 bits.
            Add(0xbc);
        }
    }

    private void PacketLoad()
    {
        int[] offsets = [_random.Next(InputSize), _random.Next(InputSize + 60), -0x100000 + _random.Next(100), -0x200000 + _random.Next(100), Number()];
        byte size = (byte)(8 * _random.Next(3));
        bool isIndirect = _random.Next(2) == 0;
        if (isIndirect && _random.Next(3) != 0)
        {
            Add(0x57, 9, 0, 0, 63);
        }

        Add((byte)((isIndirect ? 0x40 : 0x20) | size), 0, isIndirect ? 9 : 0, 0, _random.Next(3) == 0 ? offsets[_random.Next(offsets.Length)] : _random.Next(InputSize - 3));
        ReloadArguments();
    }

    /// <summary>After a call r1 to r5 hold nothing that may be read.</summary>
    private void ReloadArguments()
    {
        for (int register = 1; register <= 5; register++)
        {
            Add(0x79, register, 10, (short)(-8 * register));
        }
    }

    private void Digest()
    {
        for (int register = 1; register < 10; register++)
        {
            if (register != 6 || !_hasPacketLoads)
            {
                Mix(register);
            }
        }

        for (int slot = 0; slot < StackSlots; slot++)
        {
            Add(0x79, 1, 10, (short)(-8 * (slot + 1)));
            Mix(1);
        }

        Add(0xbf, 1, 0);
        Add(0x77, 1, 0, 0, 32);
        Add(0xaf, 0, 1);
        Add(Exit);
    }

    private void Mix(int register)
    {
        Add(0x27, 0, 0, 0, 0x2545f491);
        Add(0xaf, 0, register);
    }

    private (byte Size, int Bytes) Width() => _random.Next(4) switch { 0 => (0x10, 1), 1 => (0x08, 2), 2 => (0x00, 4), _ => (0x18, 8) };

    private short Place(int bytes) => (short)(-bytes * _random.Next(1, (StackSlots * 8 / bytes) + 1));

    private int Number() => _random.Next(3) switch { 0 => _random.Next(int.MinValue, int.MaxValue), 1 => _random.Next(-20, 20), _ => s_interesting[_random.Next(s_interesting.Length)] };

    private int Any()
    {
        int register = _random.Next(10);
        return register == 6 && _hasPacketLoads ? 7 : register;
    }

    private void Add(byte opcode, int destination = 0, int source = 0, short offset = 0, int immediate = 0) =>
        _code.Add(new Instruction(new Opcode(opcode), (Register)destination, (Register)source, offset, immediate));
}
