namespace Osmia.Bytecode.Assembly;

/// <summary>The OSM14xx family: assembly text. Lines and columns are filled in where the problem is reported.</summary>
internal static class AssemblyErrors
{
    public static AssemblyDiagnostic Syntax(string what, string? remedy = null) => new("OSM1401", 0, 0, what) { Try = remedy };

    public static AssemblyDiagnostic Expected(string expected, ReadOnlySpan<char> found) =>
        Syntax($"expected {expected}, {(found.IsEmpty ? "the line ends" : $"found '{found}'")}");

    public static AssemblyDiagnostic Number(string what, string why) => new("OSM1402", 0, 0, what) { Why = why };

    public static AssemblyDiagnostic UnknownName(string name, string why, string? nearest) => new("OSM1403", 0, 0, $"'{name}' is not defined")
    {
        Why = why,
        Try = nearest is null ? null : $"did you mean '{nearest}'?",
    };

    public static AssemblyDiagnostic SecondLabel(string name, int firstLine) => new("OSM1404", 0, 0, $"label '{name}' is defined a second time")
    {
        Why = $"line {firstLine} defines it",
    };

    public static AssemblyDiagnostic Distance(string name, long distance, int bits, string remedy) => new("OSM1405", 0, 0, $"'{name}' is {distance} slots away")
    {
        Why = $"the distance is a field of {bits} bits",
        Try = remedy,
    };

    public static AssemblyDiagnostic NoSuchInstruction(string what, string why, string? remedy = null) => new("OSM1406", 0, 0, what) { Why = why, Try = remedy };

    public static AssemblyDiagnostic OtherOpcode(byte written, Opcode encoded) => new("OSM1407", 0, 0, $"the text is opcode {encoded}, not 0x{written:x2}")
    {
        Why = "the opcode before an instruction, as dumps have it, must be that of the text",
        Try = "correct it or leave it out",
    };

    public static AssemblyDiagnostic Directive(string what, string? remedy = null) => new("OSM1410", 0, 0, what) { Try = remedy };

    public static AssemblyDiagnostic Place(string what, string why, string remedy) => new("OSM1411", 0, 0, what) { Why = why, Try = remedy };

    public static AssemblyDiagnostic Flow(string function, string reason) => new("OSM1412", 0, 0, $"function '{function}' is not well formed here")
    {
        Why = reason,
        Try = "end each function with exit or a goto, and jump within it only",
    };
}
