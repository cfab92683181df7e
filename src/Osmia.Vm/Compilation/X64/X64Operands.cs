namespace Osmia.Vm.Compilation.X64;

/// <summary>The general registers by their numbers in encodings.</summary>
internal enum Reg : sbyte
{
    None = -1,
    Rax,
    Rcx,
    Rdx,
    Rbx,
    Rsp,
    Rbp,
    Rsi,
    Rdi,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
}

/// <summary>Operations of two operands by their numbers in encodings.</summary>
internal enum AluOp : byte
{
    Add = 0,
    Or = 1,
    And = 4,
    Subtract = 5,
    Xor = 6,
    Compare = 7,
}

/// <summary>Shifts by their numbers in encodings.</summary>
internal enum ShiftOp : byte
{
    RotateLeft = 0,
    Left = 4,
    Right = 5,
    RightSigned = 7,
}

/// <summary>Conditions of jumps by their numbers in encodings; the lowest bit turns one round.</summary>
internal enum Condition : byte
{
    Below = 2,
    AboveOrEqual = 3,
    Equal = 4,
    NotEqual = 5,
    BelowOrEqual = 6,
    Above = 7,
    Negative = 8,
    NotNegative = 9,
    Less = 12,
    GreaterOrEqual = 13,
    LessOrEqual = 14,
    Greater = 15,
}

/// <summary>Memory at base + index * 2^scale + displacement.</summary>
internal readonly record struct Mem(Reg Base, int Displacement, Reg Index = Reg.None, int Scale = 0);

/// <summary>A place in the code, perhaps not written yet.</summary>
internal readonly record struct CodeLabel(int Id);

/// <summary>From an offset of the code on it is what became of an instruction.</summary>
/// <param name="Slot">The instruction's, or <see cref="CompiledPiece.Frame"/>.</param>
/// <param name="IsAside">Out of the way, behind the function.</param>
internal readonly record struct CodeMark(int Offset, int Slot, bool IsAside);
