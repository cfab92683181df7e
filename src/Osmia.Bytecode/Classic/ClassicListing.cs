using System.Globalization;

namespace Osmia.Bytecode.Classic;

/// <summary>A filter as text: as <c>tcpdump -d</c> lists it, and as <c>tcpdump -ddd</c> writes it for programs to read.</summary>
public static class ClassicListing
{
    private static readonly string[] s_arithmetic = ["add", "sub", "mul", "div", "or", "and", "lsh", "rsh", "neg", "mod", "xor"];

    /// <summary>One line for each instruction; jumps name the instructions they lead to.</summary>
    public static void Write(TextWriter output, ClassicProgram program)
    {
        for (int i = 0; i < program.Instructions.Length; i++)
        {
            output.WriteLine(Line(program.Instructions[i], i));
        }
    }

    /// <summary>The count, then four decimal numbers for each instruction.</summary>
    public static void WriteNumbers(TextWriter output, ClassicProgram program)
    {
        output.WriteLine(program.Instructions.Length.ToString(CultureInfo.InvariantCulture));
        foreach (ClassicInstruction one in program.Instructions)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{one.Code} {one.IfTrue} {one.IfFalse} {one.K}"));
        }
    }

    public static string Line(ClassicInstruction one, int index)
    {
        (string mnemonic, string operand) = Parts(one, index);
        return one.Class == ClassicClass.Jmp && one.Jump != JumpOperation.Ja
            ? string.Create(CultureInfo.InvariantCulture, $"({index:000}) {mnemonic,-8} {operand,-16} jt {index + 1 + one.IfTrue}\tjf {index + 1 + one.IfFalse}")
            : string.Create(CultureInfo.InvariantCulture, $"({index:000}) {mnemonic,-8} {operand}").TrimEnd();
    }

    private static (string Mnemonic, string Operand) Parts(ClassicInstruction one, int index)
    {
        string width = one.Size switch { Size.H => "h", Size.B => "b", _ => "" };
        string k = string.Create(CultureInfo.InvariantCulture, $"{(int)one.K}");
        string hex = string.Create(CultureInfo.InvariantCulture, $"0x{one.K:x}");
        switch (one.Class)
        {
            case ClassicClass.Ld or ClassicClass.Ldx:
                bool isX = one.Class == ClassicClass.Ldx;
                string load = isX ? "ldx" + (one.Mode == ClassicMode.Msh ? "b" : "") : "ld" + width;
                return (load, one.Mode switch
                {
                    ClassicMode.Imm => "#" + hex,
                    ClassicMode.Abs when one.Ancillary is { } kind && ClassicAncillaryTable.Find(kind) is { } row => $"[{row.Name}]",
                    ClassicMode.Abs => $"[{k}]",
                    ClassicMode.Ind => $"[x + {k}]",
                    ClassicMode.Mem => $"M[{k}]",
                    ClassicMode.Len => "#pktlen",
                    ClassicMode.Msh => $"4*([{k}]&0xf)",
                    _ => hex,
                });
            case ClassicClass.St:
                return ("st", $"M[{k}]");
            case ClassicClass.Stx:
                return ("stx", $"M[{k}]");
            case ClassicClass.Alu when (int)one.Arithmetic >> 4 < s_arithmetic.Length:
                bool isNumber = one.Arithmetic is ArithmeticOperation.Add or ArithmeticOperation.Sub or ArithmeticOperation.Mul or ArithmeticOperation.Div
                    or ArithmeticOperation.Mod or ArithmeticOperation.Lsh or ArithmeticOperation.Rsh;
                return (s_arithmetic[(int)one.Arithmetic >> 4], one.Arithmetic == ArithmeticOperation.Neg ? "" : one.UsesX ? "x" : "#" + (isNumber ? k : hex));
            case ClassicClass.Jmp when one.Jump == JumpOperation.Ja:
                return ("ja", string.Create(CultureInfo.InvariantCulture, $"{index + 1L + one.K}"));
            case ClassicClass.Jmp:
                string jump = one.Jump switch { JumpOperation.Jeq => "jeq", JumpOperation.Jgt => "jgt", JumpOperation.Jge => "jge", JumpOperation.Jset => "jset", _ => "unimp" };
                return (jump, one.UsesX ? "x" : "#" + hex);
            case ClassicClass.Ret:
                return ("ret", one.ReturnsA ? "" : $"#{k}");
            case ClassicClass.Misc:
                return (one.CopiesXToA ? "txa" : "tax", "");
            default:
                return ("unimp", hex);
        }
    }
}
