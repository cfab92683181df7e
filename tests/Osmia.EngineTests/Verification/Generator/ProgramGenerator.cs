using System.Buffers.Binary;
using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Tests.Verification.Generator;

/// <summary>
/// Writes a program block by block and knows meanwhile what registers hold, so that most choices are allowed and some are wrong on
/// purpose. The same seed gives the same program.
/// </summary>
internal sealed partial class ProgramGenerator
{
    private const byte Exit = 0x95;
    private const int MaximumLength = 400;
    private const int Zero = 0;

    private readonly Random _random;
    private readonly Profile _profile;
    private readonly string _section;
    private readonly List<Instruction> _code = [];
    private readonly List<int> _functions = [0];
    private readonly List<Pending> _pending = [];
    private readonly HashSet<Held> _kinds = [];

    // One choice in that many is wrong; 0 for none at all.
    private readonly int _wrongRate;
    private readonly List<int> _exits = [];
    private Cells _cells = new();
    private int _pinned;
    private int _pinnedSlots;
    private int _wrong;
    private int _nextId;
    private int _branches;
    private int _level;
    private bool _mayExit = true;
    private bool _isRepeatable = true;

    // Slots handed to helpers as memory, and slots where a pointer ever stood: in a loop the one may come to see the other.
    private ulong _sharedSlots;
    private ulong _pointerSlots;

    /// <summary>A function that was called and is still to be written.</summary>
    private sealed record Pending(int Slot, Cell[] Arguments, int Level, bool IsCallback);

    private ProgramGenerator(ulong seed)
    {
        _random = new Random((int)(seed ^ (seed >> 32)));
        _profile = (Profile)(seed % 8);
        int section = _random.Next(GeneratorScaffold.Sections.Count);
        _section = _profile == Profile.Packet ? (_random.Next(2) == 0 ? "xdp" : "tc") : GeneratorScaffold.Sections[section];
        _wrongRate = _random.Next(2) == 0 ? 0 : 10;
    }

    private bool HasPacket => _section is "xdp" or "tc";

    private bool HasSocketBuffer => _section is "socket" or "tc";

    public static GeneratedProgram Make(ulong seed)
    {
        var generator = new ProgramGenerator(seed);
        generator.Build();
        LinkedProgram program = GeneratorScaffold.Program(generator._section, generator._code.ToArray(), generator._functions);
        return new GeneratedProgram(seed, generator._profile, program, generator._isRepeatable && (generator._sharedSlots & generator._pointerSlots) == 0, generator._kinds, generator._wrong);
    }

    private void Build()
    {
        _cells.Registers[1] = new Cell(Held.Context);
        Move(6, 1);
        for (int register = 7; register < 10; register++)
        {
            if (_random.Next(3) != 0)
            {
                FreshNumber(register);
            }
        }

        for (int left = _random.Next(4, 14); left > 0 && _code.Count < MaximumLength; left--)
        {
            Block(0);
        }

        Finish(isCallback: false);
        for (int i = 0; i < _pending.Count; i++)
        {
            Function(_pending[i]);
        }

        // Wrong ends of programs and jumps that leave it.
        if (Wrong(4))
        {
            _code.RemoveAt(_code.Count - 1);
        }
    }

    private void Function(Pending function)
    {
        _functions.Add(_code.Count);
        int load = function.Slot;
        _code[load] = _code[load].WithImmediate(_code.Count - load - 1);
        _cells = new Cells();
        _exits.Clear();
        _pinned = 0;
        _pinnedSlots = 0;
        _mayExit = true;
        _level = function.Level;
        function.Arguments.CopyTo(_cells.Registers, 1);
        for (int i = 1; i <= function.Arguments.Length; i++)
        {
            if (function.Arguments[i - 1].Kind != Held.Nothing && i < 5)
            {
                Move(5 + i, i);
            }
        }

        for (int left = _random.Next(1, 5); left > 0 && _code.Count < MaximumLength; left--)
        {
            Block(1);
        }

        Finish(function.IsCallback);
    }

    /// <summary>A digest of all numbers is returned; ways that left early return 0.</summary>
    private void Finish(bool isCallback)
    {
        if (isCallback)
        {
            int number = Any(cell => cell.IsNumber);
            if (number >= 0 && _random.Next(2) == 0)
            {
                Copy(0, number);
                Alu(0x57, 0, Wrong() ? 7 : 1);
            }
            else
            {
                Constant(0, _random.Next(2));
            }
        }
        else
        {
            if (!_cells.Registers[0].IsNumber && !Wrong(4))
            {
                Constant(0, 1);
            }

            for (int register = 1; register < 10; register++)
            {
                if (_cells.Registers[register].IsNumber)
                {
                    Emit(0x27, 0, 0, 0, 31);
                    Emit(0xaf, 0, register);
                }
            }

            Emit(0xbf, 1, 0);
            Emit(0x77, 1, 0, 0, 32);
            Emit(0xaf, 0, 1);
        }

        Emit(Exit);
        if (_exits.Count > 0)
        {
            foreach (int jump in _exits)
            {
                Land(jump);
            }

            Emit(0xb7, 0);
            Emit(Exit);
        }
    }

    private void Block(int depth)
    {
        int[] weights = s_weights[(int)_profile];
        int choice = _random.Next(weights.Sum());
        int block = 0;
        while (choice >= weights[block])
        {
            choice -= weights[block++];
        }

        switch (block)
        {
            case 0:
                Arithmetic();
                break;
            case 1:
                Lookup();
                break;
            case 2:
                UseMemory();
                break;
            case 3:
                Packet();
                break;
            case 4:
                Spill();
                break;
            case 5:
                StackIndex();
                break;
            case 6 when depth < 3:
                Diamond(depth);
                break;
            case 7 when depth < 2:
                Loop(depth);
                break;
            case 8:
                CallFunction();
                break;
            case 9:
                CallHelper();
                break;
            case 10 when depth < 2:
                Record(depth);
                break;
            case 11:
                LinkedNumbers();
                break;
            case 12:
                Callback();
                break;
            case 13:
                Context();
                break;
            case 14:
                Atomic();
                break;
            case 15:
                LeaveEarly();
                break;
            default:
                Arithmetic();
                break;
        }
    }

    // alu, lookup, memory, packet, spill, stack index, diamond, loop, call, helper, record, linked, callback, context, atomic, leave
    private static readonly int[][] s_weights =
    [
        [20, 0, 1, 0, 2, 1, 4, 1, 0, 1, 0, 4, 0, 2, 0, 3],
        [5, 8, 12, 0, 2, 1, 2, 1, 1, 2, 2, 4, 0, 3, 4, 2],
        [4, 2, 6, 14, 2, 0, 2, 1, 1, 2, 1, 2, 0, 3, 1, 2],
        [4, 1, 2, 0, 14, 8, 3, 1, 2, 3, 0, 1, 0, 2, 2, 1],
        [6, 2, 4, 2, 4, 2, 16, 1, 1, 1, 1, 2, 0, 1, 1, 3],
        [4, 1, 3, 2, 3, 2, 3, 9, 1, 1, 1, 1, 0, 1, 1, 2],
        [4, 2, 4, 2, 3, 1, 2, 1, 9, 1, 1, 1, 0, 1, 1, 2],
        [4, 2, 4, 1, 3, 1, 2, 1, 2, 1, 1, 1, 9, 1, 1, 2],
    ];

    /// <summary>True when the next choice is to be a wrong one.</summary>
    private bool Wrong(int rarer = 1)
    {
        bool wrong = _wrongRate > 0 && _random.Next(_wrongRate * rarer) == 0;
        _wrong += wrong ? 1 : 0;
        // What slips through may read what nobody wrote, or a pointer as a number.
        _isRepeatable &= !wrong;
        return wrong;
    }

    private void Emit(byte opcode, int destination = 0, int source = 0, int offset = 0, int immediate = 0) =>
        _code.Add(new Instruction(new Opcode(opcode), (Register)destination, (Register)source, (short)offset, immediate));

    private void EmitWide(int destination, int kind, int immediate, int second)
    {
        Emit(0x18, destination, kind, 0, immediate);
        Emit(0, 0, 0, 0, second);
    }

    private void Set(int register, Cell cell)
    {
        if (register < 10)
        {
            _kinds.Add(cell.Kind);
            _cells.Registers[register] = cell;
        }
    }

    private void Move(int to, int from)
    {
        Emit(0xbf, to, from);
        Set(to, _cells.Registers[from]);
    }

    private void Constant(int register, int value)
    {
        Emit(_random.Next(2) == 0 || value < 0 ? (byte)0xb7 : (byte)0xb4, register, 0, 0, value);
        Set(register, Cell.Number(value < 0 ? ulong.MaxValue : (ulong)value));
    }

    private void Alu(byte opcode, int register, int immediate)
    {
        Emit(opcode, register, 0, 0, immediate);
        Cell old = _cells.Registers[register];
        Set(register, old.IsNumber ? Cell.Number(opcode is 0x57 or 0x54 && immediate >= 0 ? (ulong)immediate : ulong.MaxValue) : old);
    }

    private void Copy(int to, int from) => Move(to, from);

    /// <summary>A register that may be overwritten; the context in r6 mostly stays.</summary>
    private int Target(bool survivesCalls = false)
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            int register = survivesCalls ? _random.Next(6, 10) : _random.Next(10);
            if ((_pinned & (1 << register)) == 0 && (register != 6 || _random.Next(20) == 0))
            {
                return register;
            }
        }

        return 0;
    }

    private int Any(Func<Cell, bool> fits)
    {
        int start = _random.Next(10);
        for (int i = 0; i < 10; i++)
        {
            int register = (start + i) % 10;
            if (fits(_cells.Registers[register]))
            {
                return register;
            }
        }

        return -1;
    }

    /// <summary>A number nothing is known of, from the input.</summary>
    private void FreshNumber(int register)
    {
        int size = 1 << _random.Next(4);
        int offset = _random.Next(GeneratorScaffold.InputSize / size) * size;
        EmitWide(register, PseudoLoad.MapIndexValue, GeneratorScaffold.Input, _random.Next(2) == 0 ? offset : 0);
        int rest = _code[^1].Immediate == 0 ? offset : 0;
        bool signed = size < 8 && _random.Next(4) == 0;
        Emit(Load(size, signed), register, register, rest);
        Set(register, Cell.Number(signed || size == 8 ? ulong.MaxValue : (1UL << (size * 8)) - 1));
        _kinds.Add(Held.Value);
    }

    private int Number()
    {
        int register = Any(cell => cell.IsNumber);
        if (register < 0 || _random.Next(6) == 0)
        {
            register = Target();
            FreshNumber(register);
        }

        return register;
    }

    private static byte Load(int size, bool signed = false) => (byte)((signed ? 0x81 : 0x61) | SizeBits(size));

    private static byte Store(int size) => (byte)(0x63 | SizeBits(size));

    private static byte SizeBits(int size) => size switch { 1 => 0x10, 2 => 0x08, 4 => 0, _ => 0x18 };

    /// <summary>A jump whose target is set later.</summary>
    private int JumpLater(byte opcode, int left = 0, int right = 0, int immediate = 0)
    {
        Emit(opcode, left, right, 0, immediate);
        return _code.Count - 1;
    }

    private void Land(int jump) => _code[jump] = _code[jump] with { Offset = (short)(_code.Count - jump - 1) };

    /// <summary>Calls leave nothing in r0 to r5.</summary>
    private void Forget(Cell result)
    {
        for (int register = 0; register < 6; register++)
        {
            _cells.Registers[register] = default;
        }

        Set(0, result);
    }
}
