namespace Osmia.Tests.Verification.Generator;

// The stack: registers spilled whole or in part, bytes, offsets that vary.
internal sealed partial class ProgramGenerator
{
    /// <summary>A slot that may be overwritten.</summary>
    private int StackSlot()
    {
        for (int attempt = 0; attempt < 20; attempt++)
        {
            int slot = _random.Next(Cells.Slots);
            if ((_pinnedSlots & (1 << slot)) == 0)
            {
                return slot;
            }
        }

        return 0;
    }

    /// <summary>The first (highest) of some slots side by side that hold bytes.</summary>
    private int InitialisedStack(int count)
    {
        int first = 0;
        for (int attempt = 0; attempt < 20; attempt++)
        {
            first = _random.Next(Cells.Slots - count + 1);
            if ((_pinnedSlots & (((1 << count) - 1) << first)) == 0)
            {
                break;
            }
        }

        for (int slot = first; slot < first + count; slot++)
        {
            _sharedSlots |= 1UL << slot;
            if (!_cells.Written[slot] || _cells.Spilled[slot].Kind is not (Held.Nothing or Held.Number))
            {
                Emit(0x7a, 10, 0, -8 * (slot + 1), _random.Next(4) == 0 ? Immediate() : 0);
                _cells.Spilled[slot] = default;
                _cells.Written[slot] = true;
            }
        }

        return first;
    }

    private void SpillTo(int slot, int register)
    {
        Emit(0x7b, 10, register, -8 * (slot + 1));
        _cells.Spilled[slot] = _cells.Registers[register];
        _cells.Written[slot] = true;
        if (_cells.Registers[register].Kind is not (Held.Nothing or Held.Number))
        {
            _pointerSlots |= 1UL << slot;
        }
    }

    private void Spill()
    {
        switch (_random.Next(7))
        {
            case 0 or 1:
                {
                    int register = Any(cell => cell.Kind is not (Held.Nothing or Held.Record or Held.RecordOrNull));
                    if (register >= 0)
                    {
                        SpillTo(StackSlot(), register);
                        if (Wrong(2))
                        {
                            // Over the middle of what was spilled.
                            Emit(0x72, 10, 0, _code[^1].Offset + 3, 1);
                            _isRepeatable = false;
                        }
                    }

                    break;
                }
            case 2 or 3:
                Fill();
                break;
            case 4:
                {
                    // A part of a number, and a part of it back.
                    int number = Number();
                    int slot = StackSlot();
                    int size = 1 << _random.Next(3);
                    int at = _random.Next(8 / size) * size;
                    bool isOff = Wrong(2);
                    Emit(Store(size), 10, number, -8 * (slot + 1) + at + (isOff ? 1 : 0));
                    // What is left of a pointer is not to be read as a number.
                    _cells.Written[slot] &= _cells.Spilled[slot].Kind is Held.Nothing or Held.Number;
                    _cells.Spilled[slot] = default;
                    if (!_cells.Written[slot])
                    {
                        // What was never written may be read too, but its value is nobody's promise: this reads what was.
                        int target = Target();
                        Emit(Load(size, signed: _random.Next(4) == 0), target, 10, -8 * (slot + 1) + at);
                        Set(target, Cell.Number());
                        break;
                    }

                    int into = Target();
                    int read = 1 << _random.Next(4);
                    Emit(Load(read), into, 10, -8 * (slot + 1) + _random.Next(8 / read) * read);
                    Set(into, Cell.Number());
                    break;
                }
            case 5:
                {
                    int slot = StackSlot();
                    int size = 1 << _random.Next(4);
                    Emit((byte)(0x62 | SizeBits(size)), 10, 0, -8 * (slot + 1) + _random.Next(8 / size) * size, _random.Next(2) == 0 ? 0 : Immediate());
                    _cells.Written[slot] = size == 8 || (_cells.Written[slot] && _cells.Spilled[slot].Kind is Held.Nothing or Held.Number);
                    _cells.Spilled[slot] = default;
                    break;
                }
            default:
                {
                    // Beyond the ends, or never written.
                    if (Wrong())
                    {
                        int target = Target();
                        Emit(_random.Next(2) == 0 ? Load(8) : (byte)0x61, target, 10, new[] { 0, -520, 8, -3, -300 }[_random.Next(5)]);
                        Set(target, Cell.Number());
                        _isRepeatable = false;
                    }
                    else
                    {
                        Fill();
                    }

                    break;
                }
        }
    }

    private void Fill()
    {
        int start = _random.Next(Cells.Slots);
        for (int i = 0; i < Cells.Slots; i++)
        {
            int slot = (start + i) % Cells.Slots;
            if (!_cells.Written[slot])
            {
                continue;
            }

            int target = Target();
            Cell cell = _cells.Spilled[slot];
            bool isWhole = cell.Kind is not (Held.Nothing or Held.Number) || _random.Next(2) == 0;
            if (!isWhole || (Wrong(2) && cell.Kind != Held.Nothing))
            {
                int size = 1 << _random.Next(3);
                int at = _random.Next(8 / size) * size;
                Emit(Load(size, _random.Next(4) == 0), target, 10, -8 * (slot + 1) + at);
                Set(target, Cell.Number());
                _isRepeatable &= cell.Kind is Held.Nothing or Held.Number;
                return;
            }

            Emit(Load(8), target, 10, -8 * (slot + 1));
            Set(target, cell.Kind == Held.Nothing ? Cell.Number() : cell);
            return;
        }
    }

    /// <summary>An offset into the stack that varies within bounds.</summary>
    private void StackIndex()
    {
        int number = Number();
        int pointer = Target();
        if (pointer == number || (_pinned & ((1 << number) | (1 << pointer))) != 0)
        {
            return;
        }

        int count = _random.Next(1, 4);
        int first = InitialisedStack(count);
        int size = 1 << _random.Next(4);
        var over = new List<int>();
        Cells before = _cells.Copy();
        bool canLeave = _mayExit && _random.Next(2) == 0;
        Bound(number, count * 8 / size - 1, canLeave ? null : over);
        if (size > 1 && !Wrong())
        {
            Emit(0x67, number, 0, 0, int.Log2(size));
        }

        Set(number, Cell.Number((ulong)(count * 8 - size)));
        Emit(0xbf, pointer, 10);
        Set(pointer, new Cell(Held.Stack));
        if (_random.Next(2) == 0)
        {
            Emit(0x07, pointer, 0, 0, -8 * (first + count));
            Emit(0x0f, pointer, number);
            AccessStack(pointer, 0, size);
        }
        else
        {
            Emit(0x0f, pointer, number);
            AccessStack(pointer, -8 * (first + count) + (Wrong() ? 300 : 0), size);
        }

        for (int slot = first; slot < first + count; slot++)
        {
            _cells.Spilled[slot] = default;
        }

        if (_cells.Registers[pointer].Kind == Held.Stack)
        {
            _cells.Registers[pointer] = default;
        }

        if (over.Count > 0)
        {
            over.ForEach(Land);
            for (int slot = first; slot < first + count; slot++)
            {
                before.Spilled[slot] = default;
            }

            _cells.Join(before);
        }
    }

    private void AccessStack(int pointer, int offset, int size)
    {
        int source = Any(cell => cell.IsNumber);
        if (_random.Next(2) == 0 && source >= 0)
        {
            Emit(Store(size), pointer, source, offset);
            return;
        }

        int target = Target();
        Emit(Load(size), target, pointer, offset);
        Set(target, Cell.Number());
    }
}
