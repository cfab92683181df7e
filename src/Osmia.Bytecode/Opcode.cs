namespace Osmia.Bytecode;

/// <summary>The opcode byte (RFC 9669 section 3.1) and its fields. Which fields mean something depends on the class.</summary>
public readonly record struct Opcode(byte Value)
{
    public InstructionClass Class => (InstructionClass)(Value & 0x07);

    public bool IsArithmetic => Class is InstructionClass.Alu or InstructionClass.Alu64;

    public bool IsJump => Class is InstructionClass.Jmp or InstructionClass.Jmp32;

    public bool IsLoadOrStore => !IsArithmetic && !IsJump;

    /// <summary>True for 64-bit arithmetic and 64-bit comparisons.</summary>
    public bool Is64Bit => Class is InstructionClass.Alu64 or InstructionClass.Jmp;

    /// <summary>Whether the second operand is the source register (X) or the immediate (K).</summary>
    public bool UsesRegister => (Value & 0x08) != 0;

    public ArithmeticOperation Arithmetic => (ArithmeticOperation)(Value & 0xf0);

    public JumpOperation Jump => (JumpOperation)(Value & 0xf0);

    public Mode Mode => (Mode)(Value & 0xe0);

    public Size Size => (Size)(Value & 0x18);

    public override string ToString() => $"0x{Value:x2}";
}

/// <summary>RFC 9669 table 2.</summary>
public enum InstructionClass : byte
{
    Ld = 0,
    Ldx = 1,
    St = 2,
    Stx = 3,
    Alu = 4,
    Jmp = 5,
    Jmp32 = 6,
    Alu64 = 7,
}

/// <summary>RFC 9669 table 4; <see cref="Div"/>, <see cref="Mod"/> and <see cref="Mov"/> are signed or sign-extending by the offset field.</summary>
public enum ArithmeticOperation : byte
{
    Add = 0x00,
    Sub = 0x10,
    Mul = 0x20,
    Div = 0x30,
    Or = 0x40,
    And = 0x50,
    Lsh = 0x60,
    Rsh = 0x70,
    Neg = 0x80,
    Mod = 0x90,
    Xor = 0xa0,
    Mov = 0xb0,
    Arsh = 0xc0,
    End = 0xd0,
}

/// <summary>RFC 9669 table 7, and the kernel's conditional pseudo jump (<see cref="Jcond"/>, may_goto).</summary>
public enum JumpOperation : byte
{
    Ja = 0x00,
    Jeq = 0x10,
    Jgt = 0x20,
    Jge = 0x30,
    Jset = 0x40,
    Jne = 0x50,
    Jsgt = 0x60,
    Jsge = 0x70,
    Call = 0x80,
    Exit = 0x90,
    Jlt = 0xa0,
    Jle = 0xb0,
    Jslt = 0xc0,
    Jsle = 0xd0,
    Jcond = 0xe0,
}

/// <summary>RFC 9669 table 10.</summary>
public enum Mode : byte
{
    Imm = 0x00,
    Abs = 0x20,
    Ind = 0x40,
    Mem = 0x60,
    MemSx = 0x80,
    Atomic = 0xc0,
}

/// <summary>RFC 9669 table 11.</summary>
public enum Size : byte
{
    W = 0x00,
    H = 0x08,
    B = 0x10,
    Dw = 0x18,
}

/// <summary>RFC 9669 section 5.3: the operation in the immediate of an atomic instruction; load-acquire and store-release are Linux 6.15.</summary>
public static class AtomicOperation
{
    public const int Add = 0x00;
    public const int Or = 0x40;
    public const int And = 0x50;
    public const int Xor = 0xa0;
    public const int Fetch = 0x01;
    public const int Exchange = 0xe0 | Fetch;
    public const int CompareExchange = 0xf0 | Fetch;
    public const int LoadAcquire = 0x100;
    public const int StoreRelease = 0x110;
}

/// <summary>Meaning of the source register field of a wide instruction (RFC 9669 table 13; the kernel's <c>BPF_PSEUDO_*</c>).</summary>
public static class PseudoLoad
{
    public const int Immediate = 0;
    public const int MapFd = 1;
    public const int MapValue = 2;
    public const int BtfId = 3;
    public const int Function = 4;

    /// <summary>Like <see cref="MapFd"/>, but an index; the form linked programs keep until an engine creates the maps.</summary>
    public const int MapIndex = 5;

    /// <summary>Like <see cref="MapValue"/>, but an index; the second slot's immediate is the offset in the value.</summary>
    public const int MapIndexValue = 6;
}

/// <summary>Meaning of the source register field of a call (RFC 9669 section 4.3).</summary>
public static class CallKind
{
    public const int Helper = 0;
    public const int Local = 1;
    public const int Kfunc = 2;
}

/// <summary>Whole opcode bytes that readers test for.</summary>
public static class Opcodes
{
    public const byte LoadImmediate64 = 0x18;
    public const byte Call = 0x85;
    public const byte CallRegister = 0x8d;
    public const byte Exit = 0x95;
    public const byte Jump = 0x05;
    public const byte JumpLong = 0x06;
    public const byte MayGoto = 0xe5;

    /// <summary><c>gotox</c>: a jump to the address in the destination register, out of a table of instructions (Linux 6.19).</summary>
    public const byte JumpIndirect = 0x0d;

    /// <summary>The kernel's own speculation barrier; it stands in translated programs and cannot be loaded.</summary>
    public const byte NoSpeculation = 0xc2;
    public const byte Mov64Immediate = 0xb7;
    public const byte Mov64Register = 0xbf;
    public const byte LoadWord64 = 0x79;
}

public static class SizeExtensions
{
    /// <summary>Width of the access in bytes: 1, 2, 4 or 8.</summary>
    public static int InBytes(this Size size) => size switch
    {
        Size.B => 1,
        Size.H => 2,
        Size.W => 4,
        _ => 8,
    };
}
