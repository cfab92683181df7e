using Osmia.Bytecode;

namespace Osmia.Tests.Verification.Generator;

/// <summary>Takes instructions out of a program or puts some in, and lets jumps, calls and functions follow.</summary>
internal static class CodeEdit
{
    /// <summary>Without some slots: what jumped there goes on behind them. Null when nothing sensible is left.</summary>
    public static (Instruction[] Code, int[] Functions)? Without(ReadOnlySpan<Instruction> code, IReadOnlyList<int> functions, int start, int count)
    {
        int end = Math.Min(start + count, code.Length);
        // Halves of wide instructions go together.
        start -= start > 0 && code[start - 1].IsWide ? 1 : 0;
        end += end < code.Length && code[end - 1].IsWide ? 1 : 0;
        if (end - start >= code.Length)
        {
            return null;
        }

        int removed = end - start;
        int Map(int slot) => slot <= start ? slot : slot < end ? start : slot - removed;
        var result = new Instruction[code.Length - removed];
        for (int slot = 0; slot < code.Length; slot++)
        {
            if (slot >= start && slot < end)
            {
                continue;
            }

            result[Map(slot)] = Moved(code, slot, Map);
            if (code[slot].IsWide)
            {
                slot++;
                result[Map(slot)] = code[slot];
            }
        }

        return (result, [.. functions.Select(Map).Where(slot => slot < result.Length).Distinct()]);
    }

    /// <summary>With instructions put in before a slot; jumps to the slot come to them first.</summary>
    public static (Instruction[] Code, int[] Functions) With(ReadOnlySpan<Instruction> code, IReadOnlyList<int> functions, int before, ReadOnlySpan<Instruction> added)
    {
        int count = added.Length;
        // A jump to the place runs what was added; what stands there moves.
        int Target(int slot) => slot > before ? slot + count : slot;
        var result = new Instruction[code.Length + count];
        for (int slot = 0; slot < code.Length; slot++)
        {
            int to = slot >= before ? slot + count : slot;
            result[to] = code[slot];
            if (TargetOf(code[slot], slot) is { } target)
            {
                result[to] = WithDistance(code[slot], Target(target) - to - 1);
            }

            if (code[slot].IsWide)
            {
                slot++;
                result[to + 1] = code[slot];
            }
        }

        added.CopyTo(result.AsSpan(before));
        return (result, [.. functions.Select(Target)]);
    }

    private static Instruction Moved(ReadOnlySpan<Instruction> code, int slot, Func<int, int> map) =>
        TargetOf(code[slot], slot) is { } target && target >= 0 && target <= code.Length ? WithDistance(code[slot], map(target) - map(slot) - 1) : code[slot];

    private static int? TargetOf(Instruction instruction, int slot) =>
        instruction.IsJump ? slot + 1 + instruction.JumpDistance
        : instruction.IsLocalCall || instruction.IsFunctionAddress ? slot + 1 + instruction.Immediate
        : null;

    private static Instruction WithDistance(Instruction instruction, int distance) =>
        instruction.IsJump && instruction.Opcode.Value != Opcodes.JumpLong ? instruction with { Offset = (short)distance } : instruction.WithImmediate(distance);
}
