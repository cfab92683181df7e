using System.Globalization;
using System.Text.RegularExpressions;
using Osmia.Bytecode;

namespace Osmia.Tests.Vm;

/// <summary>Turns the assembler text that the kernel and clang print into instructions; labels end with a colon.</summary>
internal static partial class TestAssembler
{
    private static readonly Dictionary<string, ArithmeticOperation> s_arithmetic = new()
    {
        ["+="] = ArithmeticOperation.Add,
        ["-="] = ArithmeticOperation.Sub,
        ["*="] = ArithmeticOperation.Mul,
        ["/="] = ArithmeticOperation.Div,
        ["%="] = ArithmeticOperation.Mod,
        ["s/="] = ArithmeticOperation.Div,
        ["s%="] = ArithmeticOperation.Mod,
        ["|="] = ArithmeticOperation.Or,
        ["&="] = ArithmeticOperation.And,
        ["^="] = ArithmeticOperation.Xor,
        ["<<="] = ArithmeticOperation.Lsh,
        [">>="] = ArithmeticOperation.Rsh,
        ["s>>="] = ArithmeticOperation.Arsh,
        ["="] = ArithmeticOperation.Mov,
    };

    private static readonly Dictionary<string, JumpOperation> s_jumps = new()
    {
        ["=="] = JumpOperation.Jeq,
        ["!="] = JumpOperation.Jne,
        [">"] = JumpOperation.Jgt,
        [">="] = JumpOperation.Jge,
        ["<"] = JumpOperation.Jlt,
        ["<="] = JumpOperation.Jle,
        ["s>"] = JumpOperation.Jsgt,
        ["s>="] = JumpOperation.Jsge,
        ["s<"] = JumpOperation.Jslt,
        ["s<="] = JumpOperation.Jsle,
        ["&"] = JumpOperation.Jset,
    };

    private static readonly Dictionary<string, int> s_atomics = new()
    {
        ["+="] = AtomicOperation.Add,
        ["|="] = AtomicOperation.Or,
        ["&="] = AtomicOperation.And,
        ["^="] = AtomicOperation.Xor,
        ["add"] = AtomicOperation.Add | AtomicOperation.Fetch,
        ["or"] = AtomicOperation.Or | AtomicOperation.Fetch,
        ["and"] = AtomicOperation.And | AtomicOperation.Fetch,
        ["xor"] = AtomicOperation.Xor | AtomicOperation.Fetch,
    };

    public static Instruction[] Assemble(string text)
    {
        var code = new List<Instruction>();
        var labels = new Dictionary<string, int>();
        var fixups = new List<(int Slot, string Label, bool IsImmediate)>();
        foreach (string line in text.Split('\n', ';').Select(l => l.Split("//")[0].Trim()).Where(l => l.Length > 0))
        {
            if (line.EndsWith(':'))
            {
                labels[line[..^1]] = code.Count;
                continue;
            }

            Statement(line, code, fixups);
        }

        foreach ((int slot, string label, bool isImmediate) in fixups)
        {
            int distance = (labels.TryGetValue(label, out int target) ? target : slot + 1 + int.Parse(label, CultureInfo.InvariantCulture)) - slot - 1;
            code[slot] = isImmediate ? code[slot].WithImmediate(distance) : code[slot] with { Offset = (short)distance };
        }

        return [.. code];
    }

    private static void Statement(string line, List<Instruction> code, List<(int, string, bool)> fixups)
    {
        Match m;
        if (line == "exit")
        {
            code.Add(new(new(Opcodes.Exit), 0, 0, 0));
        }
        else if ((m = Hex().Match(line)).Success)
        {
            code.Add(Instruction.Decode(Convert.FromHexString(m.Groups[1].Value.Replace(" ", ""))));
        }
        else if ((m = Wide().Match(line)).Success)
        {
            ulong value = (ulong)Number(m.Groups[2].Value);
            code.Add(new(new(Opcodes.LoadImmediate64), R(m, 1), 0, 0, (int)value));
            code.Add(new(new(0), 0, 0, (int)(value >> 32)));
        }
        else if ((m = MapAddress().Match(line)).Success)
        {
            bool isValue = m.Groups[3].Success;
            code.Add(new(new(Opcodes.LoadImmediate64), R(m, 1), (Register)(isValue ? PseudoLoad.MapIndexValue : PseudoLoad.MapIndex), 0, (int)Number(m.Groups[2].Value)));
            code.Add(new(new(0), 0, 0, isValue ? (int)Number(m.Groups[3].Value) : 0));
        }
        else if ((m = FunctionAddress().Match(line)).Success)
        {
            fixups.Add((code.Count, m.Groups[2].Value, true));
            code.Add(new(new(Opcodes.LoadImmediate64), R(m, 1), (Register)PseudoLoad.Function, 0, 0));
            code.Add(new(new(0), 0, 0, 0));
        }
        else if ((m = PacketLoad().Match(line)).Success)
        {
            bool isIndirect = m.Groups[2].Success;
            byte op = (byte)((int)(isIndirect ? Mode.Ind : Mode.Abs) | (int)SizeOf(m.Groups[1].Value));
            code.Add(new(new(op), 0, isIndirect ? R(m, 2) : 0, 0, m.Groups[3].Success ? (int)Number(m.Groups[3].Value) : 0));
        }
        else if ((m = Load().Match(line)).Success)
        {
            bool isSigned = m.Groups[2].Value[0] == 's';
            byte op = (byte)((int)(isSigned ? Mode.MemSx : Mode.Mem) | (int)SizeOf(m.Groups[2].Value) | (int)InstructionClass.Ldx);
            code.Add(new(new(op), R(m, 1), R(m, 3), Displacement(m, 4), 0));
        }
        else if ((m = Store().Match(line)).Success)
        {
            bool isRegister = m.Groups[4].Value[0] == 'r';
            byte op = (byte)((int)Mode.Mem | (int)SizeOf(m.Groups[1].Value) | (int)(isRegister ? InstructionClass.Stx : InstructionClass.St));
            code.Add(new(new(op), R(m, 2), isRegister ? R(m, 4) : 0, Displacement(m, 3), isRegister ? 0 : (int)Number(m.Groups[4].Value)));
        }
        else if ((m = LockStatement().Match(line)).Success)
        {
            code.Add(Atomic(m.Groups[1].Value, R(m, 2), R(m, 5), Displacement(m, 3), s_atomics[m.Groups[4].Value]));
        }
        else if ((m = FetchStatement().Match(line)).Success)
        {
            code.Add(Atomic(m.Groups[3].Value, R(m, 4), R(m, 1), Displacement(m, 5), s_atomics[m.Groups[2].Value]));
        }
        else if ((m = ExchangeStatement().Match(line)).Success)
        {
            bool isCompare = m.Groups[1].Value == "cmpxchg";
            code.Add(Atomic("u" + m.Groups[2].Value, R(m, 3), R(m, 5), Displacement(m, 4), isCompare ? AtomicOperation.CompareExchange : AtomicOperation.Exchange));
        }
        else if ((m = Acquire().Match(line)).Success)
        {
            code.Add(Atomic(m.Groups[2].Value, R(m, 1), R(m, 3), Displacement(m, 4), AtomicOperation.LoadAcquire));
        }
        else if ((m = Release().Match(line)).Success)
        {
            code.Add(Atomic(m.Groups[1].Value, R(m, 2), R(m, 4), Displacement(m, 3), AtomicOperation.StoreRelease));
        }
        else if ((m = Branch().Match(line)).Success)
        {
            bool isRegister = m.Groups[4].Value[0] is 'r' or 'w';
            byte op = (byte)((int)s_jumps[m.Groups[3].Value] | (isRegister ? 8 : 0) | (int)(m.Groups[1].Value == "r" ? InstructionClass.Jmp : InstructionClass.Jmp32));
            fixups.Add((code.Count, m.Groups[5].Value, false));
            code.Add(new(new(op), (Register)int.Parse(m.Groups[2].Value, CultureInfo.InvariantCulture),
                isRegister ? (Register)int.Parse(m.Groups[4].Value[1..], CultureInfo.InvariantCulture) : 0, 0, isRegister ? 0 : (int)Number(m.Groups[4].Value)));
        }
        else if ((m = Goto().Match(line)).Success)
        {
            bool isLong = m.Groups[1].Value == "gotol";
            byte op = m.Groups[1].Value switch { "gotol" => Opcodes.JumpLong, "may_goto" => 0xe5, _ => 0x05 };
            fixups.Add((code.Count, m.Groups[2].Value, isLong));
            code.Add(new(new(op), 0, 0, 0));
        }
        else if ((m = Call().Match(line)).Success)
        {
            if (long.TryParse(m.Groups[1].Value, out long id))
            {
                code.Add(new(new(Opcodes.Call), 0, 0, (int)id));
            }
            else if (HelperTable.TryFind(m.Groups[1].Value, out HelperId helper))
            {
                code.Add(new(new(Opcodes.Call), 0, 0, (int)helper));
            }
            else
            {
                fixups.Add((code.Count, m.Groups[1].Value, true));
                code.Add(new(new(Opcodes.Call), 0, (Register)CallKind.Local, 0, 0));
            }
        }
        else if ((m = Negate().Match(line)).Success)
        {
            code.Add(new(new((byte)((int)ArithmeticOperation.Neg | ClassOf(m))), R(m, 2), 0, 0, 0));
        }
        else if ((m = Swap().Match(line)).Success)
        {
            int code0 = m.Groups[2].Value switch { "bswap" => 0xd7, "be" => 0xdc, _ => 0xd4 };
            code.Add(new(new((byte)code0), R(m, 1), 0, 0, (int)Number(m.Groups[3].Value)));
        }
        else if ((m = Extend().Match(line)).Success)
        {
            code.Add(new(new((byte)((int)ArithmeticOperation.Mov | 8 | ClassOf(m))), R(m, 2), R(m, 4), (short)Number(m.Groups[3].Value), 0));
        }
        else if ((m = Arithmetic().Match(line)).Success)
        {
            string operand = m.Groups[4].Value;
            bool isRegister = operand[0] is 'r' or 'w';
            byte op = (byte)((int)s_arithmetic[m.Groups[3].Value] | (isRegister ? 8 : 0) | ClassOf(m));
            short offset = (short)(m.Groups[3].Value[0] == 's' && m.Groups[3].Value[1] != '>' ? 1 : 0);
            code.Add(new(new(op), R(m, 2), isRegister ? (Register)int.Parse(operand[1..], CultureInfo.InvariantCulture) : 0, offset, isRegister ? 0 : (int)Number(operand)));
        }
        else
        {
            throw new FormatException($"cannot assemble '{line}'");
        }
    }

    public static long Number(string text)
    {
        bool isNegative = text.StartsWith('-');
        string digits = isNegative ? text[1..] : text;
        ulong value = digits.StartsWith("0x", StringComparison.Ordinal)
            ? ulong.Parse(digits[2..], NumberStyles.HexNumber, CultureInfo.InvariantCulture)
            : ulong.Parse(digits, CultureInfo.InvariantCulture);
        return isNegative ? -(long)value : (long)value;
    }

    private static Instruction Atomic(string size, Register address, Register value, short offset, int operation) =>
        new(new((byte)((int)Mode.Atomic | (int)SizeOf(size) | (int)InstructionClass.Stx)), address, value, offset, operation);

    private static Register R(Match m, int group) => (Register)int.Parse(m.Groups[group].Value.TrimStart('r', 'w'), CultureInfo.InvariantCulture);

    private static int ClassOf(Match m) => (int)(m.Groups[1].Value == "r" ? InstructionClass.Alu64 : InstructionClass.Alu);

    private static short Displacement(Match m, int group) => m.Groups[group].Success ? (short)Number(m.Groups[group].Value.Replace(" ", "").TrimStart('+')) : (short)0;

    private static Size SizeOf(string type) => type[1..] switch { "8" => Size.B, "16" => Size.H, "32" => Size.W, _ => Size.Dw };

    private const string Num = @"-?(?:0x[0-9a-fA-F]+|\d+)";
    private const string Ptr = @"\(r(\d+)(?: ([+-] ?(?:0x[0-9a-fA-F]+|\d+)))?\)";
    private const string PtrOpen = @"r(\d+)(?: ([+-] ?(?:0x[0-9a-fA-F]+|\d+)))?";

    [GeneratedRegex("^hex ([0-9a-fA-F ]+)$")]
    private static partial Regex Hex();

    [GeneratedRegex($"^r(\\d+) = ({Num}) ll$")]
    private static partial Regex Wide();

    [GeneratedRegex($"^r(\\d+) = map\\[({Num})\\](?:\\[({Num})\\])?$")]
    private static partial Regex MapAddress();

    [GeneratedRegex(@"^r(\d+) = func (\w+) ll$")]
    private static partial Regex FunctionAddress();

    [GeneratedRegex($@"^r0 = \*\((u\d+) \*\)skb\[(?:r(\d+))?(?: \+ )?({Num})?\]$")]
    private static partial Regex PacketLoad();

    [GeneratedRegex($@"^[rw](\d+) = \*\(([us]\d+) \*\){Ptr}$")]
    private static partial Regex Load();

    [GeneratedRegex($@"^\*\((u\d+) \*\){Ptr} = (r\d+|{Num})$")]
    private static partial Regex Store();

    [GeneratedRegex($@"^lock \*\((u\d+) \*\){Ptr} ([+|&^]=) [rw](\d+)$")]
    private static partial Regex LockStatement();

    [GeneratedRegex($@"^[rw](\d+) = atomic_fetch_(\w+)\(\((u\d+) \*\){Ptr}, [rw]\d+\)$")]
    private static partial Regex FetchStatement();

    [GeneratedRegex($@"^[rw]\d+ = (cmpxchg|xchg)_(\d+)\({PtrOpen}, (?:[rw]0, )?[rw](\d+)\)$")]
    private static partial Regex ExchangeStatement();

    [GeneratedRegex($@"^[rw](\d+) = load_acquire\(\((u\d+) \*\){Ptr}\)$")]
    private static partial Regex Acquire();

    [GeneratedRegex($@"^store_release\(\((u\d+) \*\){Ptr}, [rw](\d+)\)$")]
    private static partial Regex Release();

    [GeneratedRegex($@"^if ([rw])(\d+) (\S+) ([rw]\d+|{Num}) goto ([+-]?\w+)$")]
    private static partial Regex Branch();

    [GeneratedRegex(@"^(goto|gotol|may_goto) ([+-]?\w+)$")]
    private static partial Regex Goto();

    [GeneratedRegex(@"^call (\w+)$")]
    private static partial Regex Call();

    [GeneratedRegex(@"^([rw])(\d+) = -[rw]\d+$")]
    private static partial Regex Negate();

    [GeneratedRegex(@"^r(\d+) = (bswap|be|le)(16|32|64) r\d+$")]
    private static partial Regex Swap();

    [GeneratedRegex(@"^([rw])(\d+) = \(s(8|16|32)\)[rw](\d+)$")]
    private static partial Regex Extend();

    [GeneratedRegex($@"^([rw])(\d+) (s?[-+*/%|&^<>]*=) ([rw]\d+|{Num})$")]
    private static partial Regex Arithmetic();
}
