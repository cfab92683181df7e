using System.Buffers.Binary;

namespace Osmia.Vm.Compilation.X64;

/// <summary>Writes x86-64 instructions as bytes (Intel SDM volume 2): only the forms that <see cref="X64Emitter"/> needs.</summary>
internal sealed class X64Assembler
{
    private const byte OperandSize = 0x66;
    private const byte Lock = 0xf0;
    private const int NotPlaced = -1;

    private readonly List<(int At, CodeLabel Target)> _jumps = [];
    private byte[] _code = new byte[1024];
    private int[] _labels = new int[32];
    private int _labelCount;

    public int Length { get; private set; }

    public ReadOnlySpan<byte> Code => _code.AsSpan(0, Length);

    public CodeLabel Label()
    {
        if (_labelCount == _labels.Length)
        {
            Array.Resize(ref _labels, _labels.Length * 2);
        }

        _labels[_labelCount] = NotPlaced;
        return new(_labelCount++);
    }

    public void Place(CodeLabel label) => _labels[label.Id] = Length;

    public int OffsetOf(CodeLabel label) => _labels[label.Id];

    /// <summary>Fills in the distances of the jumps that were written before their targets.</summary>
    public void Finish()
    {
        foreach ((int at, CodeLabel target) in _jumps)
        {
            BinaryPrimitives.WriteInt32LittleEndian(_code.AsSpan(at), _labels[target.Id] - (at + 4));
        }

        _jumps.Clear();
    }

    public void Move(Reg to, Reg from, bool isWide = true)
    {
        if (to != from || !isWide)
        {
            Form(0x8b, (int)to, from, isWide);
        }
    }

    public void Move(Reg to, ulong value)
    {
        if (value == 0)
        {
            Form(0x31, (int)to, to, false);
        }
        else if (value <= uint.MaxValue)
        {
            Rex(false, 0, 0, (int)to);
            Byte((byte)(0xb8 | ((int)to & 7)));
            Int32((int)(uint)value);
        }
        else if ((long)value is < 0 and >= int.MinValue)
        {
            Form(0xc7, 0, to, true);
            Int32((int)(long)value);
        }
        else
        {
            Rex(true, 0, 0, (int)to);
            Byte((byte)(0xb8 | ((int)to & 7)));
            Need(8);
            BinaryPrimitives.WriteUInt64LittleEndian(_code.AsSpan(Length), value);
            Length += 8;
        }
    }

    public void Load(Reg to, Mem from, int size, bool isSigned = false)
    {
        switch (size)
        {
            case 1:
                Form(isSigned ? 0x0fbe : 0x0fb6, (int)to, from, isSigned);
                break;
            case 2:
                Form(isSigned ? 0x0fbf : 0x0fb7, (int)to, from, isSigned);
                break;
            case 4 when isSigned:
                Form(0x63, (int)to, from, true);
                break;
            default:
                Form(0x8b, (int)to, from, size == 8);
                break;
        }
    }

    /// <summary>Repeats the sign bit of the low bytes.</summary>
    public void SignExtend(Reg to, Reg from, int size, bool isWide) =>
        Form(size == 1 ? 0x0fbe : size == 2 ? 0x0fbf : 0x63, (int)to, from, isWide, isByte: size == 1);

    public void ZeroExtend16(Reg to, Reg from) => Form(0x0fb7, (int)to, from, false);

    public void Store(Mem to, Reg from, int size)
    {
        if (size == 2)
        {
            Byte(OperandSize);
        }

        Form(size == 1 ? 0x88 : 0x89, (int)from, to, size == 8, isByte: size == 1);
    }

    /// <summary>For 8 bytes the sign bit of the value is repeated.</summary>
    public void Store(Mem to, int value, int size)
    {
        if (size == 2)
        {
            Byte(OperandSize);
        }

        Form(size == 1 ? 0xc6 : 0xc7, 0, to, size == 8);
        switch (size)
        {
            case 1:
                Byte((byte)value);
                break;
            case 2:
                Byte((byte)value);
                Byte((byte)(value >> 8));
                break;
            default:
                Int32(value);
                break;
        }
    }

    public void LoadAddress(Reg to, Mem address, bool isWide = true) => Form(0x8d, (int)to, address, isWide);

    public void Alu(AluOp op, Reg to, Reg from, bool isWide) => Form(((int)op << 3) | 3, (int)to, from, isWide);

    public void Alu(AluOp op, Reg to, Mem from, bool isWide) => Form(((int)op << 3) | 3, (int)to, from, isWide);

    public void Alu(AluOp op, Mem to, Reg from, bool isWide) => Form(((int)op << 3) | 1, (int)from, to, isWide);

    public void Alu(AluOp op, Reg to, int value, bool isWide)
    {
        bool isShort = value is >= sbyte.MinValue and <= sbyte.MaxValue;
        Form(isShort ? 0x83 : 0x81, (int)op, to, isWide);
        Immediate(value, isShort);
    }

    public void Alu(AluOp op, Mem to, int value, bool isWide)
    {
        bool isShort = value is >= sbyte.MinValue and <= sbyte.MaxValue;
        Form(isShort ? 0x83 : 0x81, (int)op, to, isWide);
        Immediate(value, isShort);
    }

    public void Test(Reg left, Reg right, bool isWide) => Form(0x85, (int)right, left, isWide);

    public void Test(Reg left, int value, bool isWide)
    {
        Form(0xf7, 0, left, isWide);
        Int32(value);
    }

    public void Multiply(Reg to, Reg from, bool isWide) => Form(0x0faf, (int)to, from, isWide);

    public void Multiply(Reg to, Mem from, bool isWide) => Form(0x0faf, (int)to, from, isWide);

    public void Multiply(Reg to, Reg from, int value, bool isWide)
    {
        bool isShort = value is >= sbyte.MinValue and <= sbyte.MaxValue;
        Form(isShort ? 0x6b : 0x69, (int)to, from, isWide);
        Immediate(value, isShort);
    }

    public void Negate(Reg register, bool isWide) => Form(0xf7, 3, register, isWide);

    /// <summary>rdx:rax by the register: the quotient in rax, the remainder in rdx.</summary>
    public void Divide(Reg by, bool isSigned, bool isWide) => Form(0xf7, isSigned ? 7 : 6, by, isWide);

    /// <summary>Repeats the sign of rax in rdx.</summary>
    public void SignIntoRdx(bool isWide)
    {
        Rex(isWide, 0, 0, 0);
        Byte(0x99);
    }

    public void Shift(ShiftOp op, Reg register, int distance, bool isWide)
    {
        Form(0xc1, (int)op, register, isWide);
        Byte((byte)distance);
    }

    /// <summary>By cl.</summary>
    public void ShiftByCl(ShiftOp op, Reg register, bool isWide) => Form(0xd3, (int)op, register, isWide);

    /// <summary>to = from shifted by a register (BMI2).</summary>
    public void Shift(ShiftOp op, Reg to, Reg from, Reg distance, bool isWide)
    {
        int prefix = op switch
        {
            ShiftOp.Left => 1,
            ShiftOp.RightSigned => 2,
            _ => 3,
        };
        Byte(0xc4);
        Byte((byte)((((int)to >> 3) == 0 ? 0x80 : 0) | 0x40 | (((int)from >> 3) == 0 ? 0x20 : 0) | 2));
        Byte((byte)((isWide ? 0x80 : 0) | ((~(int)distance & 15) << 3) | prefix));
        Byte(0xf7);
        Byte((byte)(0xc0 | (((int)to & 7) << 3) | ((int)from & 7)));
    }

    public void SwapBytes(Reg register, bool isWide)
    {
        Rex(isWide, 0, 0, (int)register);
        Byte(0x0f);
        Byte((byte)(0xc8 | ((int)register & 7)));
    }

    /// <summary>POPCNT.</summary>
    public void CountOnes(Reg to, Reg from, bool isWide)
    {
        Byte(0xf3);
        Form(0x0fb8, (int)to, from, isWide);
    }

    /// <summary>Exchanges the two low bytes.</summary>
    public void SwapLow(Reg register)
    {
        Byte(OperandSize);
        Form(0xc1, (int)ShiftOp.RotateLeft, register, false);
        Byte(8);
    }

    public void LockedAlu(AluOp op, Mem to, Reg from, bool isWide)
    {
        Byte(Lock);
        Alu(op, to, from, isWide);
    }

    public void LockedExchangeAdd(Mem to, Reg with, bool isWide)
    {
        Byte(Lock);
        Form(0x0fc1, (int)with, to, isWide);
    }

    /// <summary>Locked without a prefix.</summary>
    public void Exchange(Mem to, Reg with, int size)
    {
        if (size == 2)
        {
            Byte(OperandSize);
        }

        Form(size == 1 ? 0x86 : 0x87, (int)with, to, size == 8, isByte: size == 1);
    }

    /// <summary>Compares with rax, which gets what is there.</summary>
    public void LockedCompareExchange(Mem to, Reg with, bool isWide)
    {
        Byte(Lock);
        Form(0x0fb1, (int)with, to, isWide);
    }

    public void Push(Reg register)
    {
        Rex(false, 0, 0, (int)register);
        Byte((byte)(0x50 | ((int)register & 7)));
    }

    public void Pop(Reg register)
    {
        Rex(false, 0, 0, (int)register);
        Byte((byte)(0x58 | ((int)register & 7)));
    }

    public void Jump(CodeLabel to)
    {
        int distance = _labels[to.Id] - (Length + 2);
        if (_labels[to.Id] != NotPlaced && distance >= sbyte.MinValue)
        {
            Byte(0xeb);
            Byte((byte)distance);
            return;
        }

        Byte(0xe9);
        Target(to);
    }

    public void Jump(Condition condition, CodeLabel to)
    {
        int distance = _labels[to.Id] - (Length + 2);
        if (_labels[to.Id] != NotPlaced && distance >= sbyte.MinValue)
        {
            Byte((byte)(0x70 | (int)condition));
            Byte((byte)distance);
            return;
        }

        Byte(0x0f);
        Byte((byte)(0x80 | (int)condition));
        Target(to);
    }

    public void Call(CodeLabel function)
    {
        Byte(0xe8);
        Target(function);
    }

    public void Call(Reg address) => Form(0xff, 2, address, false);

    public void Return() => Byte(0xc3);

    private void Target(CodeLabel to)
    {
        _jumps.Add((Length, to));
        Int32(0);
    }

    // Opcodes above 255 are two bytes, the first of which is 0f.
    private void Form(int opcode, int register, Reg operand, bool isWide, bool isByte = false)
    {
        Rex(isWide, register, 0, (int)operand, isByte && (register >= 4 || (int)operand >= 4));
        Opcode(opcode);
        Byte((byte)(0xc0 | ((register & 7) << 3) | ((int)operand & 7)));
    }

    private void Form(int opcode, int register, Mem operand, bool isWide, bool isByte = false)
    {
        int index = operand.Index == Reg.None ? 0 : (int)operand.Index;
        Rex(isWide, register, index, (int)operand.Base, isByte && register >= 4);
        Opcode(opcode);
        int low = (int)operand.Base & 7;
        int mode = operand.Displacement == 0 && low != 5 ? 0 : operand.Displacement is >= sbyte.MinValue and <= sbyte.MaxValue ? 0x40 : 0x80;
        bool hasIndex = operand.Index != Reg.None;
        Byte((byte)(mode | ((register & 7) << 3) | (hasIndex ? 4 : low)));
        if (hasIndex || low == 4)
        {
            // Index 4 is none.
            Byte((byte)((operand.Scale << 6) | ((hasIndex ? index & 7 : 4) << 3) | low));
        }

        if (mode != 0)
        {
            Immediate(operand.Displacement, mode == 0x40);
        }
    }

    private void Rex(bool isWide, int register, int index, int operand, bool isForced = false)
    {
        int rex = (isWide ? 8 : 0) | ((register >> 3) << 2) | ((index >> 3) << 1) | (operand >> 3);
        if (rex != 0 || isForced)
        {
            Byte((byte)(0x40 | rex));
        }
    }

    private void Opcode(int opcode)
    {
        if (opcode > 0xff)
        {
            Byte((byte)(opcode >> 8));
        }

        Byte((byte)opcode);
    }

    private void Immediate(int value, bool isShort)
    {
        if (isShort)
        {
            Byte((byte)value);
        }
        else
        {
            Int32(value);
        }
    }

    private void Byte(byte value)
    {
        Need(1);
        _code[Length++] = value;
    }

    private void Int32(int value)
    {
        Need(4);
        BinaryPrimitives.WriteInt32LittleEndian(_code.AsSpan(Length), value);
        Length += 4;
    }

    private void Need(int bytes)
    {
        if (Length + bytes > _code.Length)
        {
            Array.Resize(ref _code, _code.Length * 2);
        }
    }
}
