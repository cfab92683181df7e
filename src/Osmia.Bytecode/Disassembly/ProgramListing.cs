using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Osmia.Bytecode.Disassembly;

/// <summary>A line of source that an instruction begins.</summary>
public sealed record ListingSource(string Text, string File, int Line, int Column);

/// <summary>
/// A whole program as text, as JSON with the keys of <c>bpftool -j prog dump xlated</c>, or as a graph for Graphviz. What is known of
/// it comes from outside, by slot: names, headings of functions, source lines, notes.
/// </summary>
public sealed partial class ProgramListing(Instruction[] code)
{
    // Source text can be as long as the line it came from; a listing stays readable.
    private const int MaximumSourceLength = 400;

    private readonly HashSet<int> _labels = [];

    public DisassemblyStyle Style { get; init; }

    public SymbolNames? Names { get; init; }

    /// <summary>The code is one function, whose calls are not resolved; otherwise it is a whole program with its subprograms.</summary>
    public bool IsOneFunction { get; init; }

    /// <summary>The code is what the kernel made of a program: local calls have their distance in the offset field.</summary>
    public bool IsTranslated { get; init; }

    /// <summary>What stands before the first instruction of a function, without colon: a name or a declaration.</summary>
    public Func<int, string?>? Heading { get; init; }

    /// <summary>The source line that begins at a slot.</summary>
    public Func<int, ListingSource?>? Source { get; init; }

    /// <summary>Comments behind an instruction.</summary>
    public Func<int, IEnumerable<string>>? Notes { get; init; }

    /// <summary>Each instruction's bytes on a line of their own (bpftool's <c>opcodes</c>).</summary>
    public bool WithOpcodes { get; init; }

    /// <summary>File, line and column behind each source line (bpftool's <c>linum</c>).</summary>
    public bool WithPositions { get; init; }

    /// <summary>Jumps name labels (<c>L12</c>, after their slots) in place of distances.</summary>
    public bool WithLabels { get; init; }

    /// <summary>What stands before the slot in labels; listings that share a text need different ones.</summary>
    public string LabelPrefix { get; init; } = "L";

    /// <summary>Slot numbers before instructions; without them (and with labels) the text is a source for the assembler.</summary>
    public bool WithSlots { get; init; } = true;

    // A semicolon separates instructions for clang's assembler; it takes a hash for a comment.
    private char Comment => Style == DisassemblyStyle.Llvm ? '#' : ';';

    public void WriteText(TextWriter output)
    {
        FindLabels();
        var text = new StringBuilder();
        for (int slot = 0; slot < code.Length;)
        {
            text.Clear();
            if (Heading?.Invoke(slot) is { } heading)
            {
                text.Append(OneLine(heading)).Append(":\n");
            }

            if (_labels.Contains(slot))
            {
                text.Append(CultureInfo.InvariantCulture, $"{LabelPrefix}{slot}:\n");
            }

            if (Source?.Invoke(slot) is { } source)
            {
                AppendSource(text, source);
            }

            _ = WithSlots ? text.Append(CultureInfo.InvariantCulture, $"{slot,4}: ") : text.Append("    ");
            int slots = AppendInstruction(text, slot);
            foreach (string note in Notes?.Invoke(slot) ?? [])
            {
                text.Append("  ").Append(Comment).Append(' ').Append(OneLine(note));
            }

            text.Append('\n');
            if (WithOpcodes)
            {
                AppendBytes(text.Append("       "), slot, slots);
                text.Append('\n');
            }

            output.Write(text);
            slot += slots;
        }
    }

    /// <summary>An array of one object an instruction: <c>proto</c>, <c>src</c>, <c>file</c>, <c>line_num</c>, <c>line_col</c>, <c>disasm</c>, <c>opcodes</c>.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        FindLabels();
        json.WriteStartArray();
        var text = new StringBuilder();
        for (int slot = 0; slot < code.Length;)
        {
            json.WriteStartObject();
            if (Heading?.Invoke(slot) is { } heading)
            {
                json.WriteString("proto", heading);
            }

            if (Source?.Invoke(slot) is { } source)
            {
                WriteSource(json, source);
            }

            int slots = AppendInstruction(text.Clear(), slot);
            json.WriteString("disasm", text.ToString());
            if (WithOpcodes)
            {
                WriteOpcodes(json, slot, slots);
            }

            json.WriteEndObject();
            slot += slots;
        }

        json.WriteEndArray();
    }

    private void FindLabels()
    {
        _labels.Clear();
        for (int slot = 0; WithLabels && slot < code.Length; slot += code[slot].IsWide ? 2 : 1)
        {
            long target = slot + 1L + code[slot].JumpDistance;
            if (code[slot].IsJump && target >= 0 && target < code.Length)
            {
                _labels.Add((int)target);
            }
        }

        // A label can only stand before an instruction: jumps into the second half of a wide one keep their distance.
        for (int slot = 0; _labels.Count > 0 && slot < code.Length; slot++)
        {
            if (code[slot].IsWide)
            {
                _labels.Remove(++slot);
            }
        }
    }

    private int AppendInstruction(StringBuilder text, int slot)
    {
        Instruction instruction = code[slot];
        if (!instruction.IsLocalCall || !(IsTranslated || IsOneFunction))
        {
            return Disassembler.Append(text, code, slot, NameAt, Style);
        }

        // The kernel keeps the distance in another field; before linking what stands there is not the distance.
        string? name = NameAt(slot, instruction, default);
        int distance = IsTranslated ? instruction.Offset : name is null ? instruction.Immediate : Disassembler.NotLinked;
        Instruction call = IsTranslated || name is not null ? instruction with { Immediate = distance, Offset = 0 } : instruction;
        return Disassembler.Append(text, [call], 0, (_, _, _) => name, Style);
    }

    private string? NameAt(int slot, Instruction instruction, Instruction next)
    {
        int target = slot + 1 + (instruction.IsJump ? instruction.JumpDistance : 0);
        return instruction.IsJump && _labels.Contains(target)
            ? string.Create(CultureInfo.InvariantCulture, $"{LabelPrefix}{target}")
            : Names?.Invoke(slot, instruction, next) is { } name ? OneLine(name) : null;
    }

    private void AppendSource(StringBuilder text, ListingSource source)
    {
        text.Append(Comment).Append(' ').Append(SourceText(source));
        if (WithPositions)
        {
            text.Append(CultureInfo.InvariantCulture, $" [file:{OneLine(source.File)} line_num:{source.Line} line_col:{source.Column}]");
        }

        text.Append('\n');
    }

    private static string SourceText(ListingSource source)
    {
        string text = OneLine(source.Text.TrimStart());
        return text.Length > MaximumSourceLength ? $"{text[..MaximumSourceLength]}..." : text;
    }

    // Strings of an object may hold anything; a comment ends with its line.
    private static string OneLine(string text) => text.AsSpan().IndexOfAnyInRange('\0', '\x1f') < 0 ? text
        : string.Create(text.Length, text, static (buffer, original) =>
        {
            for (int i = 0; i < buffer.Length; i++)
            {
                buffer[i] = char.IsControl(original[i]) ? ' ' : original[i];
            }
        });

    private void WriteSource(Utf8JsonWriter json, ListingSource source)
    {
        json.WriteString("src", SourceText(source));
        if (WithPositions)
        {
            json.WriteString("file", source.File);
            WriteUnlessZero(json, "line_num", source.Line);
            WriteUnlessZero(json, "line_col", source.Column);
        }
    }

    private static void WriteUnlessZero(Utf8JsonWriter json, string name, int number)
    {
        if (number != 0)
        {
            json.WriteNumber(name, number);
        }
    }

    private void AppendBytes(StringBuilder text, int slot, int slots)
    {
        Span<byte> bytes = stackalloc byte[2 * Instruction.SizeInBytes];
        bytes = Encode(bytes, slot, slots);
        for (int i = 0; i < bytes.Length; i++)
        {
            text.Append(i == 0 ? "" : " ").Append(bytes[i].ToString("x2", CultureInfo.InvariantCulture));
        }
    }

    private void WriteOpcodes(Utf8JsonWriter json, int slot, int slots)
    {
        Instruction instruction = code[slot];
        Span<byte> bytes = stackalloc byte[2 * Instruction.SizeInBytes];
        bytes = Encode(bytes, slot, slots);
        json.WriteStartObject("opcodes");
        json.WriteString("code", Hex(instruction.Opcode.Value));
        json.WriteString("src_reg", $"0x{(int)instruction.Source:x}");
        json.WriteString("dst_reg", $"0x{(int)instruction.Destination:x}");
        WriteBytes(json, "off", bytes[2..4]);

        // Of a wide instruction bpftool prints everything behind the offset, the second slot's opcode too.
        WriteBytes(json, "imm", bytes[4..]);
        json.WriteEndObject();
    }

    private static void WriteBytes(Utf8JsonWriter json, string name, ReadOnlySpan<byte> bytes)
    {
        json.WriteStartArray(name);
        foreach (byte value in bytes)
        {
            json.WriteStringValue(Hex(value));
        }

        json.WriteEndArray();
    }

    private static string Hex(byte value) => $"0x{value:x2}";

    private Span<byte> Encode(Span<byte> bytes, int slot, int slots)
    {
        code[slot].Encode(bytes);
        if (slots > 1)
        {
            code[slot + 1].Encode(bytes[Instruction.SizeInBytes..]);
        }

        return bytes[..(slots * Instruction.SizeInBytes)];
    }
}
