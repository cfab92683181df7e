using Osmia.Bytecode;

namespace Osmia.Tests.Verification.Generator;

// Ways that part and meet, loops, functions.
internal sealed partial class ProgramGenerator
{
    private void Diamond(int depth)
    {
        if (++_branches > 40)
        {
            return;
        }

        int number = Number();
        bool usesRegister = _random.Next(4) == 0;
        int other = usesRegister ? Number() : 0;
        byte opcode = (byte)(s_jumps[_random.Next(s_jumps.Length)] | (usesRegister ? 8 : 0) | (_random.Next(3) == 0 ? 6 : 5));
        int jump = JumpLater(opcode, number, other, usesRegister ? 0 : Immediate());
        Cells before = _cells.Copy();
        Ways(depth);
        int over = JumpLater(0x05);
        Land(jump);
        Cells first = _cells;
        _cells = before;
        Ways(depth);
        Land(over);
        _cells.Join(first);
    }

    private void Ways(int depth)
    {
        if (_random.Next(5) == 0)
        {
            return;
        }

        // What differs between the ways: constants that later matter or do not.
        if (_random.Next(2) == 0)
        {
            Constant(Target(), _random.Next(64));
        }

        for (int left = _random.Next(3); left > 0; left--)
        {
            Block(depth + 1);
        }
    }

    private void Loop(int depth)
    {
        int counter = Target(survivesCalls: true);
        if ((_pinned & (1 << counter)) != 0 || _cells.Registers[counter].Kind is not (Held.Nothing or Held.Number))
        {
            return;
        }

        int rounds = _random.Next(1, depth == 0 ? 12 : 4);
        bool isBounded = _random.Next(3) == 0;
        int bound = -1;
        if (isBounded)
        {
            // As often as a number says that has a bound.
            bound = Target(survivesCalls: true);
            if (bound == counter || (_pinned & (1 << bound)) != 0 || _cells.Registers[bound].Kind is not (Held.Nothing or Held.Number))
            {
                return;
            }

            FreshNumber(bound);
            Alu(0x57, bound, 7);
        }

        Constant(counter, 0);
        int pinned = _pinned;
        int pinnedSlots = _pinnedSlots;
        _pinned |= 1 << counter | (bound >= 0 ? 1 << bound : 0);
        for (int register = 0; register < 10; register++)
        {
            // What the loop needs at its head stays what it is; numbers may have any value there.
            if (register < 6)
            {
                _cells.Registers[register] = default;
            }
            else if (_cells.Registers[register].IsNumber)
            {
                _cells.Registers[register] = Cell.Number();
            }
            else if (_cells.Registers[register].Kind != Held.Nothing)
            {
                _pinned |= 1 << register;
            }
        }

        for (int slot = 0; slot < Cells.Slots; slot++)
        {
            if (_cells.Spilled[slot].IsNumber)
            {
                _cells.Spilled[slot] = Cell.Number();
            }
            else if (_cells.Spilled[slot].Kind != Held.Nothing)
            {
                _pinnedSlots |= 1 << slot;
            }
        }

        Cells head = _cells.Copy();
        int start = _code.Count;
        int leave = isBounded ? JumpLater(0x3d, counter, bound) : -1;
        for (int left = _random.Next(1, 3); left > 0; left--)
        {
            Block(depth + 1);
        }

        for (int register = 6; register < 10; register++)
        {
            if (head.Registers[register].IsNumber && !_cells.Registers[register].IsNumber)
            {
                Constant(register, _random.Next(20));
            }
        }

        if (!Wrong(4))
        {
            Emit(_random.Next(3) == 0 ? (byte)0x04 : (byte)0x07, counter, 0, 0, 1);
        }

        if (isBounded)
        {
            Emit(0x05, 0, 0, start - _code.Count - 1);
            Land(leave);
            _cells = head;
        }
        else
        {
            Emit(_random.Next(3) switch { 0 => 0x55, 1 => 0xa5, _ => 0xa6 }, counter, 0, start - _code.Count - 1, rounds);
        }

        _pinned = pinned;
        _pinnedSlots = pinnedSlots;
        Set(counter, Cell.Number());
    }

    private void CallFunction()
    {
        if (_pending.Count >= GeneratorScaffold.MaximumFunctions || _level >= 2)
        {
            return;
        }

        int count = _random.Next(1, 4);
        var arguments = new Cell[count];
        for (int i = 0; i < count; i++)
        {
            arguments[i] = Argument(i + 1);
        }

        _pending.Add(new Pending(_code.Count, arguments, _level + 1, IsCallback: false));
        Emit(0x85, 0, CallKind.Local);
        Forget(Cell.Number());
    }

    /// <summary>Puts something into r1 to r5 for a function of the program, and says what the function finds there.</summary>
    private Cell Argument(int register)
    {
        switch (_random.Next(5))
        {
            case 0:
                {
                    int slot = InitialisedStack(2);
                    Emit(0xbf, register, 10);
                    Emit(0x07, register, 0, 0, -8 * (slot + 2));
                    Set(register, new Cell(Held.Stack));
                    for (int i = slot; i < slot + 2; i++)
                    {
                        _cells.Spilled[i] = default;
                    }

                    return new Cell(Held.OuterStack, Size: 16);
                }
            case 1 or 2:
                {
                    int from = Any(cell => cell.Kind is Held.Value or Held.Context or Held.Key or Held.Packet);
                    if (from < 6)
                    {
                        goto default;
                    }

                    Move(register, from);
                    Cell cell = _cells.Registers[from];
                    return cell;
                }
            case 3:
                {
                    int from = Any(cell => cell.IsNumber);
                    if (from < 6)
                    {
                        goto default;
                    }

                    Move(register, from);
                    return Cell.Number();
                }
            default:
                Constant(register, _random.Next(-3, 40));
                return Cell.Number();
        }
    }

    /// <summary>A helper that calls back: a loop, or one call for each element of a map.</summary>
    private void Callback()
    {
        if (_pending.Count >= GeneratorScaffold.MaximumFunctions || _level >= 2)
        {
            return;
        }

        int slot = InitialisedStack(2);
        bool isLoop = _random.Next(2) == 0;
        Cell[] arguments;
        if (isLoop)
        {
            int number = Any(cell => cell.IsNumber);
            if (number >= 6 && _random.Next(2) == 0)
            {
                Copy(1, number);
                Alu(0x57, 1, 15);
            }
            else
            {
                Constant(1, _random.Next(0, 12));
            }

            arguments = [Cell.Number(), new Cell(Held.OuterStack, Size: 16)];
        }
        else
        {
            bool isHash = _random.Next(3) == 0;
            int map = isHash ? GeneratorScaffold.Hash : GeneratorScaffold.Table;
            EmitWide(1, PseudoLoad.MapIndex, map, 0);
            Set(1, new Cell(Held.Map, Map: map));
            // The order of a hash table is each engine's own.
            _isRepeatable &= !isHash;
            arguments =
            [
                new Cell(Held.Map, Map: map),
                new Cell(Held.Key, Size: isHash ? GeneratorScaffold.HashKey : 4),
                new Cell(Held.Value, Size: isHash ? GeneratorScaffold.HashSize : GeneratorScaffold.TableSize, Map: map),
                new Cell(Held.OuterStack, Size: 16),
            ];
        }

        int load = _code.Count;
        EmitWide(2, PseudoLoad.Function, 0, 0);
        Emit(0xbf, 3, 10);
        Emit(0x07, 3, 0, 0, -8 * (slot + 2));
        Emit(0xb7, 4, 0, 0, Wrong(2) ? 1 : 0);
        if (Wrong(2))
        {
            Emit(0xb7, 3);
            _wrong++;
        }

        _pending.Add(new Pending(load, arguments, _level + 1, IsCallback: true));
        Emit(0x85, 0, 0, 0, isLoop ? (int)HelperId.Loop : (int)HelperId.ForEachMapElem);
        for (int i = slot; i < slot + 2; i++)
        {
            _cells.Spilled[i] = default;
        }

        Forget(Cell.Number());
    }
}
