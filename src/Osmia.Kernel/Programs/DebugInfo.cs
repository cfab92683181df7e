using System.Runtime.InteropServices;
using Osmia.Objects;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Programs;

/// <summary><c>struct bpf_func_info</c>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 8)]
internal readonly record struct FunctionRecord(int Slot, int Type);

/// <summary><c>struct bpf_line_info</c>; names are offsets into the loaded BTF's strings.</summary>
[StructLayout(LayoutKind.Sequential, Pack = 4, Size = 16)]
internal readonly record struct SourceRecord(int Slot, uint FileOffset, uint TextOffset, uint LineAndColumn);

/// <summary>Function and line records as BPF_PROG_LOAD takes them: all functions or none, lines in order with one at each function's start.</summary>
internal sealed record DebugInfo(FunctionRecord[] Functions, SourceRecord[] Lines)
{
    public static DebugInfo None { get; } = new([], []);

    public static DebugInfo Of(LinkedProgram program)
    {
        if (program.Functions.IsDefaultOrEmpty || program.Functions[0].Slot != 0 || program.Functions.Any(function => function.BtfId.IsVoid))
        {
            return None;
        }

        var functions = new FunctionRecord[program.Functions.Length];
        for (int i = 0; i < functions.Length; i++)
        {
            functions[i] = new(program.Functions[i].Slot, program.Functions[i].BtfId.Value);
        }

        return new DebugInfo(functions, Ordered(program));
    }

    private static SourceRecord[] Ordered(LinkedProgram program)
    {
        SourceRecord[] lines = new SourceRecord[program.Lines.Length];
        int count = 0;
        int previous = -1;
        int function = 0;
        foreach (LineRecord line in program.Lines)
        {
            if (line.Slot <= previous || line.Slot >= program.Instructions.Length)
            {
                continue;
            }

            if (function < program.Functions.Length && line.Slot == program.Functions[function].Slot)
            {
                function++;
            }

            lines[count++] = new(line.Slot, line.FileOffset, line.TextOffset, line.LineAndColumn);
            previous = line.Slot;
        }

        return function == program.Functions.Length ? lines[..count] : [];
    }
}
