namespace Osmia.Tests.Verification.Generator;

// Numbers: arithmetic, bounds, copies that learn together.
internal sealed partial class ProgramGenerator
{
    private static readonly int[] s_interesting = [0, 1, -1, 2, 3, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 255, 256, 4095, 32767, 65535, 65536, int.MaxValue, int.MinValue, -2, -8, -64];
    private static readonly byte[] s_operations = [0x00, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0x80, 0x90, 0xa0, 0xb0, 0xc0, 0xd0];
    private static readonly byte[] s_jumps = [0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70, 0xa0, 0xb0, 0xc0, 0xd0];

    private int Immediate() => _random.Next(4) switch
    {
        0 => _random.Next(int.MinValue, int.MaxValue),
        1 => _random.Next(-20, 100),
        _ => s_interesting[_random.Next(s_interesting.Length)],
    };

    private void Arithmetic()
    {
        for (int left = _random.Next(1, 5); left > 0; left--)
        {
            Operation();
        }
    }

    private void Operation()
    {
        int destination = Number();
        if ((_pinned & (1 << destination)) != 0)
        {
            int target = Target();
            Copy(target, destination);
            destination = target;
        }

        int source = Any(cell => cell.IsNumber);
        byte operation = s_operations[_random.Next(s_operations.Length)];
        bool is64 = _random.Next(2) == 0;
        bool usesRegister = _random.Next(2) == 0;
        int immediate = Immediate();
        int offset = 0;
        ulong most = is64 ? ulong.MaxValue : uint.MaxValue;
        if (Wrong(6))
        {
            // Arithmetic that no pointer takes, or a register with nothing in it.
            int wrong = Any(cell => !cell.IsNumber);
            destination = wrong >= 0 && (_pinned & (1 << wrong)) == 0 ? wrong : destination;
            _isRepeatable = false;
        }

        switch (operation)
        {
            case 0x80:
                Emit(is64 ? (byte)0x87 : (byte)0x84, destination);
                Set(destination, Cell.Number(most));
                return;
            case 0xd0:
                {
                    int width = 16 << _random.Next(3);
                    byte form = (byte)_random.Next(3);
                    Emit(form == 0 ? (byte)0xd7 : form == 1 ? (byte)0xdc : (byte)0xd4, destination, 0, 0, width);
                    Set(destination, Cell.Number(width == 64 ? ulong.MaxValue : (1UL << width) - 1));
                    return;
                }
            case 0x30 or 0x90:
                offset = _random.Next(3) == 0 ? 1 : 0;
                immediate = immediate == 0 && !Wrong() ? 3 : immediate;
                break;
            case 0x50 when immediate >= 0 && !usesRegister:
                most = (ulong)immediate;
                break;
            case 0x60 or 0x70 or 0xc0:
                immediate = Wrong(3) ? 64 : _random.Next(is64 ? 64 : 32);
                most = operation == 0x70 && !usesRegister ? most >> immediate : most;
                break;
            case 0xb0 when usesRegister:
                {
                    int[] widths = is64 ? [0, 0, 8, 16, 32] : [0, 0, 8, 16];
                    offset = widths[_random.Next(widths.Length)];
                    most = offset == 0 ? Math.Min(most, _cells.Registers[source].Most) : most;
                    destination = Target();
                    break;
                }
            case 0xb0:
                most = immediate < 0 ? most : (ulong)immediate;
                break;
        }

        Emit((byte)(operation | (usesRegister ? 8 : 0) | (is64 ? 7 : 4)), destination, usesRegister ? source : 0, offset, usesRegister ? 0 : immediate);
        Set(destination, Cell.Number(most));
    }

    /// <summary>Makes a number at most so large, in one of the ways programs do.</summary>
    /// <param name="jumpOver">Jumps that go on when the number was too large; null when leaving is enough.</param>
    private void Bound(int register, int most, List<int>? jumpOver)
    {
        if (Wrong(2))
        {
            // Not at all, or too late.
            most = _random.Next(2) == 0 ? most * 2 + 8 : -1;
        }

        if (most < 0)
        {
            return;
        }

        int power = 1;
        while (power * 2 - 1 <= most)
        {
            power *= 2;
        }

        switch (_random.Next(jumpOver is null && !_mayExit ? 3 : 9))
        {
            case 0:
                Alu(_random.Next(2) == 0 ? (byte)0x57 : (byte)0x54, register, power - 1);
                break;
            case 1:
                Alu(_random.Next(2) == 0 ? (byte)0x97 : (byte)0x94, register, most + 1);
                break;
            case 2:
                Emit(0x67, register, 0, 0, 64 - int.Log2(power * 2) + 1);
                Emit(0x77, register, 0, 0, 64 - int.Log2(power * 2) + 1);
                break;
            case 3:
                Away(JumpLater(_random.Next(2) == 0 ? (byte)0x25 : (byte)0x26, register, 0, most), jumpOver);
                if (_code[^1].Opcode.Value == 0x26)
                {
                    Emit(0xbc, register, register);
                }

                break;
            case 4:
                Away(JumpLater(0x65, register, 0, most), jumpOver);
                Away(JumpLater(0xc5, register, 0, 0), jumpOver);
                break;
            case 5:
                Away(JumpLater(0x35, register, 0, most + 1), jumpOver);
                break;
            case 6:
                {
                    // Against a register, whose constant the verifier knows.
                    int other = Target();
                    if (other == register)
                    {
                        goto case 0;
                    }

                    Constant(other, most);
                    Away(JumpLater(0x2d, register, other), jumpOver);
                    break;
                }
            case 7:
                {
                    // The way on is the taken one.
                    int jump = JumpLater(0xb5, register, 0, most);
                    Away(JumpLater(0x05), jumpOver);
                    Land(jump);
                    break;
                }
            default:
                {
                    // A copy is compared.
                    int other = Target();
                    if (other == register)
                    {
                        goto case 0;
                    }

                    Copy(other, register);
                    Away(JumpLater(0x25, other, 0, most), jumpOver);
                    break;
                }
        }

        Set(register, Cell.Number((ulong)most));
    }

    /// <summary>A jump to behind what follows, or out of the function.</summary>
    private void Away(int jump, List<int>? over) => (over ?? _exits).Add(jump);

    /// <summary>A copy, perhaps moved by a constant, is compared; the other is then used as an offset.</summary>
    private void LinkedNumbers()
    {
        int number = Number();
        int copy = Target();
        if (copy == number || !_mayExit)
        {
            return;
        }

        Copy(copy, number);
        int most = _random.Next(1, 40);
        int step = _random.Next(3) == 0 ? _random.Next(1, 20) : 0;
        if (step > 0)
        {
            Emit(_random.Next(3) == 0 ? (byte)0x04 : (byte)0x07, copy, 0, 0, step);
        }

        Away(JumpLater(_random.Next(4) == 0 ? (byte)0x26 : (byte)0x25, copy, 0, most), null);
        Set(copy, Cell.Number((ulong)most));
        // Without a step the two are equal; with one the number may have wrapped around, which is the verifier's to see.
        Set(number, Cell.Number(step == 0 && _code[^1].Opcode.Value == 0x25 ? (ulong)most : ulong.MaxValue));
        int target = Any(cell => cell.IsMemory && cell.Size >= 48);
        if (target >= 0 && _random.Next(2) == 0)
        {
            int pointer = Target();
            if (pointer != number && pointer != copy && pointer != target)
            {
                Cell cell = _cells.Registers[target];
                Move(pointer, target);
                Emit(0x0f, pointer, _random.Next(2) == 0 ? number : copy);
                Emit(Load(1), pointer, pointer, -cell.Offset);
                _isRepeatable &= cell.Kind != Held.Record;
                Set(pointer, Cell.Number(255));
                if (step > 0)
                {
                    _wrong++;
                }
            }
        }
    }

    /// <summary>Out of the function when a number is so or so.</summary>
    private void LeaveEarly()
    {
        if (!_mayExit || ++_branches > 40)
        {
            return;
        }

        int number = Number();
        bool usesRegister = _random.Next(3) == 0;
        int other = usesRegister ? Number() : 0;
        byte opcode = (byte)(s_jumps[_random.Next(s_jumps.Length)] | (usesRegister ? 8 : 0) | (_random.Next(3) == 0 ? 6 : 5));
        Away(JumpLater(opcode, number, other, usesRegister ? 0 : Immediate()), null);
    }
}
