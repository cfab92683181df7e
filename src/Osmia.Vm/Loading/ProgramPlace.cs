using Osmia.Objects;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Loading;

/// <summary>How diagnostics name a place in a program.</summary>
internal static class ProgramPlace
{
    public static string Describe(LinkedProgram program, int slot)
    {
        SourceLine? line = program.LineAt(slot);
        string text = $"program '{program.Name}', instruction {slot}";
        return line is null ? text : line.Text.Length == 0 ? $"{text} ({line})" : $"{text} ({line}: {line.Text})";
    }
}
