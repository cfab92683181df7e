namespace Osmia.Bytecode.Disassembly;

/// <summary>Operator and type words that both styles share.</summary>
internal static class OperatorText
{
    private static readonly string?[] s_arithmetic = ["+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", null, "%=", "^=", "=", "s>>=", null, null, null];

    private static readonly string?[] s_comparison =
        [null, "==", ">", ">=", "&", "!=", "s>", "s>=", null, null, "<", "<=", "s<", "s<=", null, null];

    /// <summary>Null for negation, byte swaps (they have forms of their own) and unassigned operations.</summary>
    public static string? Arithmetic(Instruction instruction)
    {
        bool isSigned = instruction.Offset == 1;
        return instruction.Opcode.Arithmetic switch
        {
            ArithmeticOperation.Div when isSigned => "s/=",
            ArithmeticOperation.Mod when isSigned => "s%=",
            var operation => s_arithmetic[(int)operation >> 4],
        };
    }

    /// <summary>Null for jumps that compare nothing.</summary>
    public static string? Comparison(JumpOperation operation) => s_comparison[(int)operation >> 4];

    public static string Unsigned(Size size) => size switch { Size.B => "u8", Size.H => "u16", Size.W => "u32", _ => "u64" };

    public static string Signed(Size size) => size switch { Size.B => "s8", Size.H => "s16", Size.W => "s32", _ => "s64" };

    /// <summary>The cast of a sign-extending move, empty for a plain one.</summary>
    public static string MoveCast(Instruction instruction) => (instruction.Opcode.Arithmetic, instruction.Offset) switch
    {
        (ArithmeticOperation.Mov, 8) => "(s8)",
        (ArithmeticOperation.Mov, 16) => "(s16)",
        (ArithmeticOperation.Mov, 32) => "(s32)",
        _ => "",
    };

    public static bool IsAddressSpaceCast(Instruction instruction) =>
        instruction is { Opcode.Value: Opcodes.Mov64Register, Offset: 1 };

    /// <summary>The kernel's own move that adds the address of this CPU's data; it stands in translated programs only.</summary>
    public static bool IsPerCpuAddress(Instruction instruction) =>
        instruction is { Opcode.Value: Opcodes.Mov64Register, Offset: -1 };

    /// <summary>The assignment of a plain atomic (<c>+=</c>), or null.</summary>
    public static string? AtomicAssignment(int operation) => operation switch
    {
        AtomicOperation.Add => "+=",
        AtomicOperation.Or => "|=",
        AtomicOperation.And => "&=",
        AtomicOperation.Xor => "^=",
        _ => null,
    };

    /// <summary>The word of an atomic that fetches (<c>add</c>), or null.</summary>
    public static string? AtomicFetch(int operation) => operation switch
    {
        AtomicOperation.Add | AtomicOperation.Fetch => "add",
        AtomicOperation.Or | AtomicOperation.Fetch => "or",
        AtomicOperation.And | AtomicOperation.Fetch => "and",
        AtomicOperation.Xor | AtomicOperation.Fetch => "xor",
        _ => null,
    };
}
