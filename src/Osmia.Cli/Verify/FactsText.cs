using System.Globalization;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects.Linking;
using Osmia.Verification.Facts;

namespace Osmia.Cli.Verify;

/// <summary>What holds at each instruction on every execution.</summary>
internal static class FactsText
{
    public static void Write(TextWriter output, LinkedProgram program, VerificationFacts facts)
    {
        output.WriteLine();
        output.WriteLine(Paint.Code($"facts of program '{program.Name}', before each instruction and on every execution", "1"));
        int digits = program.Instructions.Length.ToString(CultureInfo.InvariantCulture).Length;
        for (int slot = 0; slot < program.Instructions.Length; slot++)
        {
            Instruction instruction = program.Instructions[slot];
            string text = Disassembler.Format(program.Instructions.AsSpan(), slot);
            output.WriteLine($"{slot.ToString(CultureInfo.InvariantCulture).PadLeft(digits)}: {Paint.Code(text.PadRight(44), "2")} {Describe(facts, slot, instruction)}".TrimEnd());
            slot += instruction.IsWide ? 1 : 0;
        }
    }

    private static string Describe(VerificationFacts facts, int slot, Instruction instruction)
    {
        if (!facts.IsReached(slot))
        {
            return "never reached";
        }

        var words = new List<string>();
        for (int register = 0; register < 10; register++)
        {
            RegisterFact fact = facts.RegisterAt(slot, (Register)register);
            if (fact.Kind != ValueKind.Unknown)
            {
                words.Add($"r{register}={Describe(fact)}");
            }
        }

        if (facts.AccessAt(slot) is { } access)
        {
            words.Add(access.NeedsCheck ? "may fault" : "needs no check");
        }

        words.Add(facts.BranchAt(slot) switch
        {
            BranchFact.AlwaysTaken => "always taken",
            BranchFact.NeverTaken => "never taken",
            _ => "",
        });
        return string.Join(' ', words).TrimEnd();
    }

    public static string Describe(RegisterFact fact)
    {
        string value = fact.Value.IsConstant ? ((long)fact.Value.Value).ToString(CultureInfo.InvariantCulture)
            : fact.Value.IsUnknown ? ""
            : fact.Value.Wide.SMin < 0 ? string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Wide.SMin}..{fact.Value.Wide.SMax}")
            : string.Create(CultureInfo.InvariantCulture, $"{fact.Value.Wide.UMin}..{fact.Value.Wide.UMax}");
        string kind = fact.Kind.ToString().ToLowerInvariant();
        return fact.Kind == ValueKind.Number ? value.Length == 0 ? "number" : value : $"{kind}{(fact.MayBeNull ? "?" : "")}{(value is "0" or "" ? "" : $"+{value}")}";
    }
}
