using System.Globalization;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects.Diagnostics;

namespace Osmia.Cli;

/// <summary>What a trap knows beyond its message: the instruction, and the registers as it found them.</summary>
internal static class TrapText
{
    public static string InstructionOf(TrapException trap) => Disassembler.Format([trap.Instruction, default], 0);

    public static IEnumerable<(string Name, string Value)> RegistersOf(TrapException trap) =>
        Enumerable.Range(0, trap.Registers.Count).Where(trap.IsKnown).Select(register => ($"r{register}", string.Create(CultureInfo.InvariantCulture, $"0x{trap.Registers[register]:x}")));

    /// <summary>The message, and a line for the instruction with its registers.</summary>
    public static string Describe(TrapException trap) =>
        $"{trap.Message}{Environment.NewLine}at: {InstructionOf(trap)} with {string.Join(", ", RegistersOf(trap).Select(register => $"{register.Name} {register.Value}"))}";
}
