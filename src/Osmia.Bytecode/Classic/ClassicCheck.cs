using System.Collections.Immutable;

namespace Osmia.Bytecode.Classic;

/// <summary>
/// The rules by which Linux takes a classic filter: known codes, jumps forward and inside, a return at the end, no division by a constant 0, scratch
/// memory written before it is read; of seccomp filters, also which loads and operations they may have.
/// </summary>
/// <remarks>Facts: net/core/filter.c and kernel/seccomp.c, compared with what Linux 6.18 takes.</remarks>
public static class ClassicCheck
{
    /// <returns>The first problem, or null when Linux would take the filter.</returns>
    public static ClassicProblem? Check(ClassicProgram program)
    {
        ImmutableArray<ClassicInstruction> code = program.Instructions;
        if (code.Length is 0 or > ClassicProgram.MaxLength)
        {
            return new(-1, $"a filter of {code.Length} instructions", $"a filter has 1 to {ClassicProgram.MaxLength}");
        }

        for (int at = 0; at < code.Length; at++)
        {
            if (CheckOne(code, at) is { } problem)
            {
                return problem;
            }
        }

        if (code[^1].Class != ClassicClass.Ret)
        {
            return new(code.Length - 1, "the last instruction is no return", "the filter would run past its end");
        }

        return CheckScratch(code) ?? (program.Use == ClassicUse.Seccomp ? CheckSeccomp(code) : null);
    }

    private static ClassicProblem? CheckOne(ImmutableArray<ClassicInstruction> code, int at)
    {
        ClassicInstruction one = code[at];
        if (!IsKnown(one))
        {
            return new(at, $"unknown code 0x{one.Code:x}", "classic BPF has no such instruction");
        }

        switch (one.Class)
        {
            case ClassicClass.Alu when !one.UsesX && one.Arithmetic is ArithmeticOperation.Div or ArithmeticOperation.Mod && one.K == 0:
                return new(at, "a division by the constant 0", "it has no result");
            case ClassicClass.Alu when !one.UsesX && one.Arithmetic is ArithmeticOperation.Lsh or ArithmeticOperation.Rsh && one.K >= 32:
                return new(at, $"a shift by {one.K}", "A has 32 bits");
            case ClassicClass.Ld or ClassicClass.Ldx when one.Mode == ClassicMode.Mem && one.K >= ClassicProgram.ScratchWords:
            case ClassicClass.St or ClassicClass.Stx when one.K >= ClassicProgram.ScratchWords:
                return new(at, $"scratch word {one.K}", $"there are words 0 to {ClassicProgram.ScratchWords - 1}");
            case ClassicClass.Jmp when one.Jump == JumpOperation.Ja:
                return one.K >= (uint)(code.Length - at - 1) ? Leaves(at, at + 1L + one.K, code.Length) : null;
            case ClassicClass.Jmp:
                int furthest = at + 1 + Math.Max(one.IfTrue, one.IfFalse);
                return furthest >= code.Length ? Leaves(at, furthest, code.Length) : null;
            case ClassicClass.Ld when one.Ancillary is { } ancillary && ClassicAncillaryTable.Find(ancillary) is null:
                return new(at, $"ancillary load {one.K - ClassicAncillaryTable.Base}", "Linux has no such value");
            default:
                return null;
        }
    }

    private static ClassicProblem Leaves(int at, long target, int length) => new(at, $"a jump to instruction {target}", $"the filter has instructions 0 to {length - 1}");

    private static bool IsKnown(ClassicInstruction one) => one.Code <= 0xff && one.Class switch
    {
        ClassicClass.Ld => one.Mode switch
        {
            ClassicMode.Abs or ClassicMode.Ind => one.Size != Size.Dw,
            ClassicMode.Imm or ClassicMode.Mem or ClassicMode.Len => one.Size == Size.W,
            _ => false,
        },
        ClassicClass.Ldx => one.Mode switch
        {
            ClassicMode.Imm or ClassicMode.Mem or ClassicMode.Len => one.Size == Size.W,
            ClassicMode.Msh => one.Size == Size.B,
            _ => false,
        },
        ClassicClass.St or ClassicClass.Stx => one.Code <= 3,
        ClassicClass.Alu => one.Arithmetic <= ArithmeticOperation.Xor && (one.Arithmetic != ArithmeticOperation.Neg || !one.UsesX),
        ClassicClass.Jmp => one.Jump <= JumpOperation.Jset && (one.Jump != JumpOperation.Ja || !one.UsesX),
        ClassicClass.Ret => one.Code is 0x06 or 0x16,
        _ => one.Code is 0x07 or 0x87,
    };

    /// <summary>Jumps only go forward, so one pass knows which words every way to an instruction has written.</summary>
    private static ClassicProblem? CheckScratch(ImmutableArray<ClassicInstruction> code)
    {
        const int All = (1 << ClassicProgram.ScratchWords) - 1;
        int[] written = new int[code.Length + 1];
        Array.Fill(written, All);
        written[0] = 0;
        for (int at = 0; at < code.Length; at++)
        {
            ClassicInstruction one = code[at];
            int now = written[at];
            switch (one.Class)
            {
                case ClassicClass.St or ClassicClass.Stx:
                    written[at + 1] &= now | (1 << (int)one.K);
                    break;
                case ClassicClass.Ld or ClassicClass.Ldx when one.Mode == ClassicMode.Mem && (now & (1 << (int)one.K)) == 0:
                    return new(at, $"a load of scratch word {one.K}", "on some way to it nothing was stored there");
                case ClassicClass.Jmp when one.Jump == JumpOperation.Ja:
                    written[at + 1 + (int)one.K] &= now;
                    break;
                case ClassicClass.Jmp:
                    written[at + 1 + one.IfTrue] &= now;
                    written[at + 1 + one.IfFalse] &= now;
                    break;
                default:
                    // Behind a return too: Linux reckons as if the run went on there.
                    written[at + 1] &= now;
                    break;
            }
        }

        return null;
    }

    private static ClassicProblem? CheckSeccomp(ImmutableArray<ClassicInstruction> code)
    {
        for (int at = 0; at < code.Length; at++)
        {
            ClassicInstruction one = code[at];
            bool isLoad = one.Class is ClassicClass.Ld or ClassicClass.Ldx;
            if (isLoad && one.Mode is ClassicMode.Abs or ClassicMode.Ind or ClassicMode.Msh)
            {
                if (one.Class != ClassicClass.Ld || one.Mode != ClassicMode.Abs || one.Size != Size.W)
                {
                    return new(at, "a load that is no whole word at a fixed offset", "a seccomp filter reads struct seccomp_data, not a packet");
                }

                if (one.K >= ClassicProgram.SeccompDataSize || one.K % 4 != 0)
                {
                    return new(at, $"a load at offset {one.K}", $"struct seccomp_data has {ClassicProgram.SeccompDataSize} bytes, read as aligned words");
                }
            }

            if (one.Class == ClassicClass.Alu && one.Arithmetic == ArithmeticOperation.Mod)
            {
                return new(at, "a remainder", "seccomp filters may not have it");
            }
        }

        return null;
    }
}
