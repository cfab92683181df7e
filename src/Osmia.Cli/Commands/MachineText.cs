using System.Globalization;
using Iced.Intel;

namespace Osmia.Cli.Commands;

/// <summary>Machine code of x86-64 as text, in Intel's order of operands.</summary>
internal static class MachineText
{
    /// <param name="address">Where the code runs: jumps and calls name addresses.</param>
    /// <param name="nameOf">What stands at an address outside of the code; null where nothing is known.</param>
    public static IEnumerable<(int Offset, int Length, string Text)> Lines(ReadOnlyMemory<byte> code, ulong address, Func<ulong, string?>? nameOf = null)
    {
        var formatter = new IntelFormatter(new FormatterOptions
        {
            HexPrefix = "0x",
            HexSuffix = "",
            UppercaseHex = false,
            SmallHexNumbersInDecimal = true,
            SpaceAfterOperandSeparator = true,
            BranchLeadingZeros = false,
            SignedImmediateOperands = true,
        }, nameOf is null ? null : new Names(nameOf));
        var output = new StringOutput();
        var decoder = Decoder.Create(64, new ByteArrayCodeReader(code.ToArray()), address);
        while (decoder.IP < address + (ulong)code.Length)
        {
            decoder.Decode(out Instruction instruction);
            formatter.Format(instruction, output);
            yield return ((int)(instruction.IP - address), instruction.Length, output.ToStringAndReset());
        }
    }

    /// <summary>One line of a listing: offset and instruction, and the bytes when they are wanted.</summary>
    public static string Line(int offset, ReadOnlySpan<byte> bytes, string text, bool withOpcodes) =>
        string.Create(CultureInfo.InvariantCulture, $"        {offset,5:x}  {(withOpcodes ? Convert.ToHexStringLower(bytes).PadRight(22) : "")}{text}");

    private sealed class Names(Func<ulong, string?> nameOf) : ISymbolResolver
    {
        public bool TryGetSymbol(in Instruction instruction, int operand, int instructionOperand, ulong address, int addressSize, out SymbolResult symbol)
        {
            // Numbers are no addresses, but for those of jumps and calls.
            string? name = instruction.IsCallNear || instruction.IsJmpNear ? nameOf(address) : null;
            symbol = name is null ? default : new SymbolResult(address, name);
            return name is not null;
        }
    }
}
