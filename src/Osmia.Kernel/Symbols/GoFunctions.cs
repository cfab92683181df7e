using System.Buffers.Binary;

namespace Osmia.Kernel.Symbols;

/// <summary>The functions of a Go binary from the table its runtime prints stack traces with, which stays when symbols are stripped.</summary>
/// <remarks>
/// Section <c>.gopclntab</c>; its header says how it is laid out since Go 1.2, 1.16, 1.18 and 1.20 (src/debug/gosym, src/runtime/symtab.go). Broken tables end early.
/// </remarks>
internal static class GoFunctions
{
    private const uint Go12 = 0xfffffffb;
    private const uint Go116 = 0xfffffffa;
    private const uint Go118 = 0xfffffff0;
    private const uint Go120 = 0xfffffff1;
    private const int WordSize = 8;

    /// <param name="textStart">Address of the code, for tables that leave it to be filled in.</param>
    /// <returns>Addresses in order, and where in the table each function's name begins.</returns>
    public static List<(ulong Address, ulong Size, int Name)> Read(ReadOnlySpan<byte> table, ulong textStart)
    {
        var functions = new List<(ulong, ulong, int)>();
        if (table.Length < 80 || table[7] != WordSize)
        {
            return functions;
        }

        uint magic = BinaryPrimitives.ReadUInt32LittleEndian(table);
        int count = magic is Go12 or Go116 or Go118 or Go120 ? Number(table, 8) : -1;
        bool isRelative = magic is Go118 or Go120;
        int header = isRelative ? 8 + (3 * WordSize) : 8 + (2 * WordSize);
        (int names, int entries) = magic == Go12 ? (0, 8 + WordSize) : (Number(table, header), Number(table, header + (4 * WordSize)));
        int width = isRelative ? sizeof(uint) : WordSize;
        if (count < 0 || names < 0 || entries < 0 || entries >= table.Length || count > (table.Length - entries) / (2 * width))
        {
            return functions;
        }

        if (isRelative && BinaryPrimitives.ReadUInt64LittleEndian(table[(8 + (2 * WordSize))..]) is var stated and not 0)
        {
            textStart = stated;
        }

        // Places of functions count from the start of their list; in the oldest form from the start of the table.
        int origin = magic == Go12 ? 0 : entries;
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> entry = table[(entries + (i * 2 * width))..];
            ulong start = Value(entry, width);
            ulong function = Value(entry[width..], width) + (ulong)origin;
            ulong end = entry.Length >= 3 * width ? Value(entry[(2 * width)..], width) : start;
            if (function > (ulong)table.Length - 16)
            {
                break;
            }

            int name = BinaryPrimitives.ReadInt32LittleEndian(table[((int)function + width)..]);
            if (name >= 0 && (long)names + name < table.Length)
            {
                functions.Add((isRelative ? textStart + start : start, end > start ? end - start : 0, names + name));
            }
        }

        return functions;
    }

    private static ulong Value(ReadOnlySpan<byte> bytes, int width) => width == sizeof(uint) ? BinaryPrimitives.ReadUInt32LittleEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);

    private static int Number(ReadOnlySpan<byte> table, int at) => BinaryPrimitives.ReadUInt64LittleEndian(table[at..]) is <= int.MaxValue and var value ? (int)value : -1;
}
