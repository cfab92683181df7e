using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Symbols;
using Osmia.Objects;

namespace Osmia.Cli.Commands.Prog;

/// <summary>Machine code of a program: its functions with their symbols, and under each source line its instructions.</summary>
[SupportedOSPlatform("linux")]
internal static class JitedDump
{
    public static void Write(VerbCall call, List<ProgramCode> codes, bool opcodes, bool linum)
    {
        var symbols = new KernelSymbols();
        call.Answer(
            json =>
            {
                if (codes.Count > 1)
                {
                    json.WriteStartArray();
                }

                foreach (ProgramCode code in codes)
                {
                    if (codes.Count > 1)
                    {
                        json.WriteStartObject();
                        ProgShow.WriteHeader(json, code.Info);
                        json.WritePropertyName("insns");
                    }

                    WriteJson(json, code, symbols, opcodes, linum);
                    if (codes.Count > 1)
                    {
                        json.WriteEndObject();
                    }
                }

                if (codes.Count > 1)
                {
                    json.WriteEndArray();
                }
            },
            output => codes.ForEach(code => WriteText(output, code, symbols, opcodes, linum)));
    }

    public static void WriteText(TextWriter output, ProgramCode code, KernelSymbols symbols, bool opcodes, bool linum)
    {
        foreach ((CodeFunction function, ReadOnlyMemory<byte> bytes) in Functions(code))
        {
            if (ProtoOf(code, function) is { } proto)
            {
                output.WriteLine($"{proto}:");
            }

            output.WriteLine($"{NameOf(symbols, function)}: at 0x{function.Address:x}, {function.JitedLength} bytes");
            foreach ((int offset, int length, SourceLine? source) in Pieces(code, function))
            {
                if (source is not null)
                {
                    output.WriteLine(linum ? $"; {source.Text} [file:{source.File} line_num:{source.Line} line_col:{source.Column}]" : $"; {source.Text}");
                }

                foreach ((int at, int size, string text) in MachineText.Lines(bytes.Slice(offset, length), function.Address + (ulong)offset, address => symbols.Find(address) is (var name, 0) ? name : null))
                {
                    output.WriteLine(MachineText.Line(offset + at, bytes.Span.Slice(offset + at, size), text, opcodes));
                }
            }

            output.WriteLine();
        }
    }

    private static void WriteJson(Utf8JsonWriter json, ProgramCode code, KernelSymbols symbols, bool opcodes, bool linum)
    {
        json.WriteStartArray();
        foreach ((CodeFunction function, ReadOnlyMemory<byte> bytes) in Functions(code))
        {
            json.WriteStartObject();
            if (ProtoOf(code, function) is { } proto)
            {
                json.WriteString("proto", proto);
            }

            json.WriteString("name", NameOf(symbols, function));
            json.WriteStartArray("insns");
            foreach ((int offset, int length, SourceLine? source) in Pieces(code, function))
            {
                foreach ((int at, int size, string text) in MachineText.Lines(bytes.Slice(offset, length), function.Address + (ulong)offset, address => symbols.Find(address) is (var name, 0) ? name : null))
                {
                    json.WriteStartObject();
                    if (source is not null && at == 0)
                    {
                        WriteSource(json, source, linum);
                    }

                    json.WriteString("pc", string.Create(CultureInfo.InvariantCulture, $"0x{offset + at:x}"));
                    WriteInstruction(json, text);
                    if (opcodes)
                    {
                        json.WritePropertyName("opcodes");
                        JsonOutput.WriteBytes(json, bytes.Span.Slice(offset + at, size));
                    }

                    json.WriteEndObject();
                }
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void WriteSource(Utf8JsonWriter json, SourceLine source, bool linum)
    {
        json.WriteString("src", source.Text);
        if (linum)
        {
            json.WriteString("file", source.File);
            json.WriteNumber("line_num", source.Line);
            json.WriteNumber("line_col", source.Column);
        }
    }

    /// <summary>The operation apart from its operands, as bpftool with a disassembler writes them.</summary>
    private static void WriteInstruction(Utf8JsonWriter json, string text)
    {
        string[] halves = text.Split(' ', 2, StringSplitOptions.TrimEntries);
        json.WriteString("operation", halves[0]);
        json.WriteStartArray("operands");
        foreach (string operand in halves.Length > 1 ? halves[1].Split(',', StringSplitOptions.TrimEntries) : [])
        {
            json.WriteStringValue(operand);
        }

        json.WriteEndArray();
    }

    private static IEnumerable<(CodeFunction Function, ReadOnlyMemory<byte> Bytes)> Functions(ProgramCode code)
    {
        int start = 0;
        foreach (CodeFunction function in code.Functions.Where(function => function.JitedLength > 0).DefaultIfEmpty(new CodeFunction(0, default, 0, code.Jited.Length, code.Info.Tag)))
        {
            int length = Math.Min(function.JitedLength, code.Jited.Length - start);
            yield return (function, code.Jited.AsMemory(start, length));
            start += length;
        }
    }

    /// <summary>The code of a function cut where a source line begins.</summary>
    private static IEnumerable<(int Offset, int Length, SourceLine? Source)> Pieces(ProgramCode code, CodeFunction function)
    {
        var starts = new SortedDictionary<int, SourceLine?> { [0] = null };
        for (int i = 0; i < Math.Min(code.LineAddresses.Count, code.Lines.Count) && code.Types is not null; i++)
        {
            ulong address = code.LineAddresses[i];
            if (address >= function.Address && address < function.Address + (ulong)function.JitedLength)
            {
                starts[(int)(address - function.Address)] = code.Lines[i].Describe(code.Types);
            }
        }

        int[] offsets = [.. starts.Keys];
        for (int i = 0; i < offsets.Length; i++)
        {
            yield return (offsets[i], (i + 1 < offsets.Length ? offsets[i + 1] : function.JitedLength) - offsets[i], starts[offsets[i]]);
        }
    }

    private static string? ProtoOf(ProgramCode code, CodeFunction function) =>
        code.Types is { } types && !function.Type.IsVoid ? CTypeNames.Declare(types, function.Type, types[function.Type].Name) : null;

    private static string NameOf(KernelSymbols symbols, CodeFunction function) =>
        function.Address == 0 ? "unknown" : symbols.Find(function.Address) is (var name, 0) ? name : $"0x{function.Address:x16}";
}
