using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Inventory;

/// <summary>One function of a program in the kernel.</summary>
/// <param name="Slot">Where it begins in the translated instructions.</param>
/// <param name="Type">In the program's types; void without them.</param>
public readonly record struct CodeFunction(int Slot, TypeId Type, ulong Address, int JitedLength, string Tag);

/// <summary>What the kernel made of a program: translated instructions, machine code, and what is known of both. Read once; needs CAP_SYS_ADMIN, and addresses a low kernel.kptr_restrict.</summary>
public sealed unsafe class ProgramCode
{
    private const int TagSize = 8;

    private ProgramCode(ProgramInfo info) => Info = info;

    public ProgramInfo Info { get; }

    /// <summary>The instructions after verification and rewriting; empty when the kernel shows them to nobody (net.core.bpf_jit_harden, missing rights).</summary>
    public Instruction[] Translated { get; private init; } = [];

    /// <summary><see cref="Translated"/> as they stand in memory.</summary>
    public byte[] TranslatedBytes { get; private init; } = [];

    /// <summary>Machine code of all functions, one after another; empty when the kernel interprets or shows it to nobody.</summary>
    public byte[] Jited { get; private init; } = [];

    /// <summary>In order: the program itself first.</summary>
    public IReadOnlyList<CodeFunction> Functions { get; private init; } = [];

    /// <summary>Source lines by slot, sorted; empty without types.</summary>
    public IReadOnlyList<LineRecord> Lines { get; private init; } = [];

    /// <summary>Where the machine code of each of <see cref="Lines"/> begins: an address, 0 when the line has none.</summary>
    public IReadOnlyList<ulong> LineAddresses { get; private init; } = [];

    public BtfTypes? Types { get; private init; }

    public static ProgramCode Read(KernelProgram program)
    {
        ArgumentNullException.ThrowIfNull(program);
        return Read(program.Handle);
    }

    private static ProgramCode Read(BpfHandle handle)
    {
        var known = new ProgramInfoData();
        KernelInventory.Fill(handle, ref known);
        byte[] translated = new byte[known.TranslatedLength];
        byte[] jited = new byte[known.JitedLength];
        byte[] functions = new byte[known.FunctionInfoCount * known.FunctionInfoSize];
        byte[] lines = new byte[known.LineInfoCount * known.LineInfoSize];
        byte[] jitedLines = new byte[known.JitedLineInfoCount * known.JitedLineInfoSize];
        byte[] tags = new byte[known.TagCount * TagSize];
        ulong[] symbols = new ulong[known.JitedSymbolCount];
        uint[] lengths = new uint[known.JitedLengthCount];
        fixed (byte* translatedBuffer = translated, jitedBuffer = jited, functionBuffer = functions, lineBuffer = lines, jitedLineBuffer = jitedLines, tagBuffer = tags)
        fixed (ulong* symbolBuffer = symbols)
        fixed (uint* lengthBuffer = lengths)
        {
            var info = new ProgramInfoData
            {
                TranslatedInstructions = (ulong)translatedBuffer,
                TranslatedLength = known.TranslatedLength,
                JitedInstructions = (ulong)jitedBuffer,
                JitedLength = known.JitedLength,
                FunctionInfo = (ulong)functionBuffer,
                FunctionInfoCount = known.FunctionInfoCount,
                FunctionInfoSize = known.FunctionInfoSize,
                LineInfo = (ulong)lineBuffer,
                LineInfoCount = known.LineInfoCount,
                LineInfoSize = known.LineInfoSize,
                JitedLineInfo = (ulong)jitedLineBuffer,
                JitedLineInfoCount = known.JitedLineInfoCount,
                JitedLineInfoSize = known.JitedLineInfoSize,
                Tags = (ulong)tagBuffer,
                TagCount = known.TagCount,
                JitedSymbols = (ulong)symbolBuffer,
                JitedSymbolCount = known.JitedSymbolCount,
                JitedLengths = (ulong)lengthBuffer,
                JitedLengthCount = known.JitedLengthCount,
            };
            KernelInventory.Fill(handle, ref info);

            // Without the right to see code the kernel sets the addresses to zero and leaves the buffers alone.
            if (info.TranslatedInstructions == 0)
            {
                translated = [];
            }

            if (info.JitedInstructions == 0)
            {
                jited = [];
            }
        }

        return new ProgramCode(KernelInventory.Describe(handle))
        {
            TranslatedBytes = translated,
            Translated = Instruction.DecodeAll(translated),
            Jited = jited,
            Functions = FunctionsOf(functions, (int)known.FunctionInfoSize, symbols, lengths, tags),
            Lines = LinesOf(lines, (int)known.LineInfoSize),
            LineAddresses = [.. Enumerable.Range(0, (int)known.JitedLineInfoCount).Select(i => BinaryPrimitives.ReadUInt64LittleEndian(jitedLines.AsSpan(i * (int)known.JitedLineInfoSize)))],
            Types = known.BtfId == 0 ? null : BtfTypes.Parse(KernelInventory.BtfBytes(known.BtfId)),
        };
    }

    private static List<CodeFunction> FunctionsOf(byte[] records, int size, ulong[] symbols, uint[] lengths, byte[] tags)
    {
        int recorded = size == 0 ? 0 : records.Length / size;
        var result = new List<CodeFunction>();
        for (int i = 0; i < Math.Max(recorded, lengths.Length); i++)
        {
            ReadOnlySpan<byte> record = i < recorded ? records.AsSpan(i * size, size) : default;
            result.Add(new CodeFunction(
                record.IsEmpty ? 0 : BinaryPrimitives.ReadInt32LittleEndian(record),
                record.IsEmpty ? default : new TypeId(BinaryPrimitives.ReadInt32LittleEndian(record[4..])),
                i < symbols.Length ? symbols[i] : 0,
                i < lengths.Length ? (int)lengths[i] : 0,
                (i + 1) * TagSize <= tags.Length ? Convert.ToHexStringLower(tags.AsSpan(i * TagSize, TagSize)) : ""));
        }

        return result;
    }

    private static List<LineRecord> LinesOf(byte[] records, int size)
    {
        var result = new List<LineRecord>();
        for (int at = 0; size >= 16 && at + size <= records.Length; at += size)
        {
            ReadOnlySpan<byte> record = records.AsSpan(at, size);
            result.Add(new LineRecord(
                BinaryPrimitives.ReadInt32LittleEndian(record), BinaryPrimitives.ReadUInt32LittleEndian(record[4..]),
                BinaryPrimitives.ReadUInt32LittleEndian(record[8..]), BinaryPrimitives.ReadUInt32LittleEndian(record[12..])));
        }

        return result;
    }
}
