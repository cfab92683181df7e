using Osmia.Bytecode;

namespace Osmia.Tests.Verification.Generator;

// Memory: map values, ring records, the packet, the stack, the context.
internal sealed partial class ProgramGenerator
{
    /// <summary>Looks an element up, compares with null, keeps the pointer where calls leave it.</summary>
    private void Lookup()
    {
        bool isHash = _random.Next(3) == 0;
        int map = isHash ? GeneratorScaffold.Hash : GeneratorScaffold.Table;
        int slot = StackSlot();
        int number = Any(cell => cell.IsNumber);
        if (number >= 0 && _random.Next(2) == 0)
        {
            Emit(Store(8), 10, number, -8 * (slot + 1));
            if (_random.Next(3) != 0)
            {
                Emit(0x07 | 0, 0, 0, 0, 0);
                _code.RemoveAt(_code.Count - 1);
            }
        }
        else
        {
            Emit(0x7a, 10, 0, -8 * (slot + 1), _random.Next(GeneratorScaffold.TableEntries + 2));
        }

        _cells.Spilled[slot] = default;
        _cells.Written[slot] = true;
        EmitWide(1, PseudoLoad.MapIndex, map, 0);
        Set(1, new Cell(Held.Map, Map: map));
        Emit(0xbf, 2, 10);
        Emit(0x07, 2, 0, 0, Wrong(3) ? -8 * (slot + 1) + 4 : -8 * (slot + 1));
        Set(2, new Cell(Held.Stack));
        if (Wrong(3))
        {
            Emit(0xbf, 1, 2);
        }

        Emit(0x85, 0, 0, 0, (int)HelperId.MapLookupElem);
        int size = isHash ? GeneratorScaffold.HashSize : GeneratorScaffold.TableSize;
        Forget(new Cell(Held.ValueOrNull, Size: size, Map: map, Id: ++_nextId));
        int keep = Target(survivesCalls: true);
        bool copiesFirst = _random.Next(3) == 0 && (_pinned & (1 << keep)) == 0;
        if (copiesFirst)
        {
            Move(keep, 0);
        }

        if (_random.Next(6) == 0 && _mayExit)
        {
            // Spilled while it may still be null.
            SpillTo(StackSlot(), 0);
        }

        int jump = -1;
        bool skips = false;
        if (!Wrong())
        {
            skips = !_mayExit || _random.Next(3) == 0;
            byte opcode = _random.Next(4) == 0 ? (byte)0x55 : (byte)0x15;
            jump = JumpLater(opcode, 0, 0, 0);
            if (opcode == 0x55)
            {
                int away = JumpLater(0x05);
                Land(jump);
                jump = away;
            }

            if (!skips)
            {
                _exits.Add(jump);
            }
        }

        Cells before = _cells.Copy();
        NotNull();
        if (!copiesFirst && !skips && (_pinned & (1 << keep)) == 0)
        {
            Move(keep, 0);
        }

        for (int left = _random.Next(1, 4); left > 0; left--)
        {
            UseMemory();
        }

        if (skips && jump >= 0)
        {
            Land(jump);
            _cells.Join(before);
        }
    }

    /// <summary>All that was null with r0 is not null.</summary>
    private void NotNull()
    {
        int id = _cells.Registers[0].Id;
        for (int i = 0; i < 10; i++)
        {
            Settle(ref _cells.Registers[i], id);
        }

        for (int i = 0; i < Cells.Slots; i++)
        {
            Settle(ref _cells.Spilled[i], id);
        }
    }

    private void Settle(ref Cell cell, int id)
    {
        if (cell.Id == id && cell.Kind is Held.ValueOrNull or Held.RecordOrNull or Held.SocketOrNull)
        {
            cell = cell with { Kind = cell.Kind == Held.ValueOrNull ? Held.Value : cell.Kind == Held.RecordOrNull ? Held.Record : Held.Socket, Id = 0 };
            _kinds.Add(cell.Kind);
        }
    }

    /// <summary>Loads or stores through a pointer, at a constant offset or one that has a bound.</summary>
    private void UseMemory()
    {
        int pointer = Any(cell => (cell.IsMemory && cell.Size > 0) || cell.Kind == Held.Key);
        if (pointer < 0)
        {
            if (HasPacket && _random.Next(2) == 0)
            {
                Packet();
                return;
            }

            Operation();
            return;
        }

        Cell cell = _cells.Registers[pointer];
        int size = 1 << _random.Next(4);
        if (cell.Size < size)
        {
            size = 1;
        }

        bool variable = _random.Next(3) == 0 && cell.Kind != Held.Packet;
        if (!variable)
        {
            int at = _random.Next(cell.Size - size + 1);
            at = cell.Kind == Held.OuterStack ? at / size * size : at;
            at = Wrong() ? cell.Size - size + 1 + _random.Next(8) : at;
            Access(cell, pointer, at - cell.Offset, size);
            return;
        }

        int number = Number();
        int moved = Target();
        if (moved == pointer || moved == number || number == pointer || (_pinned & (1 << number)) != 0)
        {
            return;
        }

        var over = new List<int>();
        Cells before = _cells.Copy();
        int room = cell.Size - size;
        int most = _random.Next(room + 1);
        bool canLeave = _mayExit && _random.Next(2) == 0;
        Bound(number, most, canLeave ? null : over);
        if (cell.Kind == Held.OuterStack)
        {
            // A variable offset into the stack makes what stands there unknown; it need not be aligned.
            _ = size;
        }

        if ((_pinned & (1 << moved)) == 0)
        {
            _cells.Registers[moved] = default;
            Move(moved, pointer);
            Emit(0x0f, moved, number);
            int rest = Wrong() ? room - most + 1 : _random.Next(room - most + 1);
            if (_random.Next(8) == 0)
            {
                Emit(0x07, moved, 0, 0, rest);
                rest = 0;
            }

            Access(cell, moved, rest - cell.Offset, size);
            if (_cells.Registers[moved].Kind == cell.Kind)
            {
                // It points anywhere now: the model lets it go.
                _cells.Registers[moved] = default;
            }
        }

        if (over.Count > 0)
        {
            over.ForEach(Land);
            _cells.Join(before);
        }
    }

    private void Access(Cell cell, int pointer, int offset, int size)
    {
        bool canWrite = cell.Kind != Held.Key || Wrong(2);
        int source = Any(other => other.IsNumber);
        switch (_random.Next(canWrite ? 4 : 2))
        {
            case 2 when source >= 0 && source != pointer:
                Emit(Store(size), pointer, source, offset);
                break;
            case 3:
                Emit((byte)(0x62 | SizeBits(size)), pointer, 0, offset, Immediate());
                break;
            default:
                {
                    int target = _random.Next(2) == 0 && (_pinned & (1 << pointer)) == 0 && pointer != 6 && _random.Next(4) == 0 ? pointer : Target();
                    bool signed = size < 8 && _random.Next(4) == 0;
                    Emit(Load(size, signed), target, pointer, offset);
                    Set(target, Cell.Number(signed || size == 8 ? ulong.MaxValue : (1UL << (size * 8)) - 1));
                    // What a new record holds is nobody's promise.
                    _isRepeatable &= cell.Kind != Held.Record;
                    break;
                }
        }
    }

    private void Record(int depth)
    {
        int size = 8 * _random.Next(1, 9);
        int keep = Target(survivesCalls: true);
        if ((_pinned & (1 << keep)) != 0 || keep == 6)
        {
            return;
        }

        EmitWide(1, PseudoLoad.MapIndex, GeneratorScaffold.Ring, 0);
        Constant(2, size);
        Constant(3, 0);
        Emit(0x85, 0, 0, 0, (int)HelperId.RingbufReserve);
        Forget(new Cell(Held.RecordOrNull, Size: size, Id: ++_nextId));
        if (_random.Next(2) == 0)
        {
            Move(keep, 0);
        }

        int jump = Wrong(2) ? -1 : JumpLater(0x15, 0, 0, 0);
        Cells before = _cells.Copy();
        NotNull();
        Move(keep, 0);
        int pinned = _pinned;
        bool mayExit = _mayExit;
        _pinned |= 1 << keep;
        _mayExit = Wrong(2);
        for (int left = _random.Next(4); left > 0; left--)
        {
            if (_random.Next(3) == 0)
            {
                Block(depth + 1);
            }
            else
            {
                UseMemory();
            }
        }

        _pinned = pinned;
        _mayExit = mayExit;
        if (!Wrong(2))
        {
            Move(1, keep);
            Constant(2, 0);
            if (Wrong(4))
            {
                Emit(0x07, 1, 0, 0, 8);
            }

            Emit(0x85, 0, 0, 0, _random.Next(2) == 0 ? (int)HelperId.RingbufSubmit : (int)HelperId.RingbufDiscard);
        }

        Forget(default);
        if (!Wrong(3))
        {
            Constant(keep, 0);
        }

        for (int slot = 0; slot < Cells.Slots; slot++)
        {
            _cells.Spilled[slot] = _cells.Spilled[slot].Kind == Held.Record ? default : _cells.Spilled[slot];
        }

        for (int register = 0; register < 10; register++)
        {
            _cells.Registers[register] = _cells.Registers[register].Kind is Held.Record or Held.RecordOrNull ? default : _cells.Registers[register];
        }

        if (jump >= 0)
        {
            Land(jump);
            _cells.Join(before);
        }

        _cells.Registers[keep] = _cells.Registers[keep].Kind is Held.Record or Held.RecordOrNull ? default : _cells.Registers[keep];
    }

    /// <summary>Finds out that bytes are in the packet, then touches them.</summary>
    private void Packet()
    {
        int context = Any(cell => cell.Kind == Held.Context);
        if (!HasPacket || context < 0)
        {
            UseContext();
            return;
        }

        int pointer = Target(survivesCalls: true);
        int end = Target();
        int edge = Target();
        if (pointer == end || pointer == edge || end == edge || pointer == context || end == context || edge == context || (_pinned & (1 << pointer)) != 0)
        {
            return;
        }

        bool isXdp = _section == "xdp";
        bool isMeta = _random.Next(6) == 0;
        (int data, int dataEnd, int dataMeta) = isXdp ? (0, 4, 8) : (76, 80, 140);
        Emit(0x61, pointer, context, isMeta ? dataMeta : data);
        Emit(0x61, end, context, isMeta ? data : dataEnd);
        Held kind = isMeta ? Held.PacketMeta : Held.Packet;
        Set(pointer, new Cell(kind));
        Set(end, new Cell(isMeta ? Held.Packet : Held.PacketEnd));
        int number = -1;
        if (_random.Next(3) == 0)
        {
            number = Any(cell => cell.IsNumber);
            if (number >= 0 && number != pointer && number != end && number != edge && (_pinned & (1 << number)) == 0)
            {
                Bound(number, _random.Next(1, 60), null);
                Emit(0x0f, pointer, number);
            }
        }

        int bytes = _random.Next(1, 40);
        Emit(0xbf, edge, pointer);
        Emit(0x07, edge, 0, 0, bytes);
        _cells.Registers[edge] = default;
        bool skips = !_mayExit || _random.Next(2) == 0;
        int jump = -1;
        if (!Wrong())
        {
            // Away when the packet ends before.
            switch (_random.Next(4))
            {
                case 0:
                    jump = JumpLater(0x2d, edge, end);
                    break;
                case 1:
                    jump = JumpLater(0xad, end, edge);
                    break;
                case 2:
                    jump = JumpLater(0x3d, edge, end);
                    break;
                default:
                    {
                        int good = JumpLater(0xbd, edge, end);
                        jump = JumpLater(0x05);
                        Land(good);
                        break;
                    }
            }

            if (!skips)
            {
                _exits.Add(jump);
            }
        }

        Cells before = _cells.Copy();
        _cells.Registers[end] = default;
        if (!isMeta)
        {
            Set(pointer, new Cell(Held.Packet, Size: bytes));
        }

        for (int left = _random.Next(1, 4); left > 0; left--)
        {
            int size = Math.Min(1 << _random.Next(4), bytes >= 8 ? 8 : bytes >= 4 ? 4 : bytes >= 2 ? 2 : 1);
            int at = Wrong() ? bytes - size + 1 : _random.Next(bytes - size + 1);
            if (_cells.Registers[pointer].Kind == kind)
            {
                Access(new Cell(Held.Packet), pointer, at, size);
            }
        }

        if (skips && jump >= 0)
        {
            Land(jump);
            before.Registers[end] = default;
            before.Registers[pointer] = default;
            _cells.Join(before);
        }

        if (isMeta)
        {
            _cells.Registers[pointer] = _cells.Registers[pointer].Kind == Held.PacketMeta ? default : _cells.Registers[pointer];
        }
    }

    private void Context()
    {
        int context = Any(cell => cell.Kind == Held.Context);
        if (context < 0)
        {
            Operation();
            return;
        }

        UseContext();
    }

    private void UseContext()
    {
        int context = Any(cell => cell.Kind == Held.Context);
        if (context < 0)
        {
            return;
        }

        int target = Target();
        (int offset, int size, bool isWrite) = _section switch
        {
            "xdp" => (_random.Next(2) == 0 ? 12 : 16, 4, false),
            "tc" => (new[] { 0, 8, 16, 32, 48, 52, 56, 60, 64 }[_random.Next(9)], 4, _random.Next(3) == 0),
            "socket" => (new[] { 0, 16, 48, 52, 56, 60, 64 }[_random.Next(7)], 4, _random.Next(3) == 0),
            "syscall" => (8 * _random.Next(8), 8, _random.Next(2) == 0),
            _ => (8 * _random.Next(12), 8, false),
        };
        if (isWrite && _section is "tc" or "socket" && offset is 0 or 16)
        {
            isWrite = Wrong();
        }

        if (Wrong())
        {
            offset += _random.Next(1, 200);
            size = 1 << _random.Next(4);
            _isRepeatable = false;
        }
        else if (size == 4 && !isWrite && _random.Next(4) == 0)
        {
            // Part of a field, aligned.
            size = 1 << _random.Next(2);
            offset += _section == "tc" || _section == "socket" ? (offset is 0 or 8 or >= 48 ? _random.Next(4 / size) * size : 0) : _random.Next(2) == 0 ? 0 : 0;
            size = _section is "tc" or "socket" && offset is not (0 or 8) && offset < 48 ? 4 : size;
            size = _section == "xdp" ? 4 : size;
        }

        if (isWrite)
        {
            int number = Any(cell => cell.IsNumber);
            if (number >= 0)
            {
                Emit(Store(size), context, number, offset);
            }

            return;
        }

        if (_section == "tc" && _random.Next(6) == 0)
        {
            SocketOfBuffer(context);
            return;
        }

        if (target == context && (_pinned & (1 << context)) != 0)
        {
            return;
        }

        Emit(Load(size), target, context, offset);
        Set(target, Cell.Number(size == 8 ? ulong.MaxValue : uint.MaxValue));
        // Arguments of a tracepoint, and what a socket buffer says of its device, are each engine's own.
        _isRepeatable &= _section is "xdp" or "tc" or "socket" or "syscall";
    }

    /// <summary>The socket of a buffer, which may have none.</summary>
    private void SocketOfBuffer(int context)
    {
        int target = Target();
        if (target == context)
        {
            return;
        }

        _isRepeatable = false;
        Emit(0x79, target, context, 168);
        Set(target, new Cell(Held.SocketOrNull));
        int jump = Wrong() ? -1 : JumpLater(0x15, target);
        Cells before = _cells.Copy();
        _kinds.Add(Held.Socket);
        Emit(0x61, target, target, 4);
        Set(target, Cell.Number());
        if (jump >= 0)
        {
            Land(jump);
            before.Registers[target] = Cell.Number();
            _cells.Join(before);
        }
    }

    private void Atomic()
    {
        int pointer = Any(cell => cell.Kind == Held.Value && cell.Map != GeneratorScaffold.Input && cell.Offset == 0);
        int number = Number();
        if (pointer < 0 || pointer == number || (_pinned & (1 << number)) != 0)
        {
            return;
        }

        int[] operations = [0x00, 0x01, 0x40, 0x41, 0x50, 0x51, 0xa0, 0xa1, 0xe1, 0xf1];
        int operation = operations[_random.Next(operations.Length)];
        int size = _random.Next(2) == 0 ? 8 : 4;
        int offset = _random.Next(_cells.Registers[pointer].Size / 8) * 8 + (Wrong(2) ? 2 : 0);
        if (operation == 0xf1)
        {
            if (pointer == 0 || number == 0 || (_pinned & 1) != 0)
            {
                return;
            }

            Constant(0, _random.Next(4));
        }

        Emit(size == 8 ? (byte)0xdb : (byte)0xc3, pointer, number, offset, operation);
        if (operation == 0xf1)
        {
            Set(0, Cell.Number());
            if (size == 4)
            {
                // Linux 6.18 on x86-64 does not clear the upper half on a way that was pruned.
                Emit(0xbc);
            }
        }
        else if ((operation & 1) != 0)
        {
            Set(number, Cell.Number());
        }
    }
}
