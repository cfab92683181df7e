using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Btf.Printing;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Objects;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog dump xlated PROG [file FILE | opcodes | linum | visual]</c>: the instructions as the kernel holds them.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgDump
{
    public const string Grammar = "{ xlated | jited } PROG [file FILE] [opcodes] [linum] [visual]";

    public static void Run(VerbCall call)
    {
        WordReader words = call.Words;
        bool isJited = words.Take("jited");
        if (!isJited && !words.Take("xlated"))
        {
            throw new UsageException($"{words.Verb}: say what is dumped: {Grammar}");
        }

        List<ProgramInfo> programs = ProgramWords.Find(words);
        (string? file, bool opcodes, bool linum, bool visual) = (null, false, false, false);
        while (!words.IsAtEnd)
        {
            if (words.Take("file"))
            {
                file = words.Next("the file");
            }
            else if (words.Take("opcodes"))
            {
                opcodes = true;
            }
            else if (words.Take("linum"))
            {
                linum = true;
            }
            else if (words.Take("visual"))
            {
                visual = true;
            }
            else
            {
                throw new UsageException($"{words.Verb}: '{words.Peek()}' is none of file, opcodes, linum, visual");
            }
        }

        if ((file is not null || visual) && programs.Count > 1)
        {
            throw RunErrors.SeveralOfThat("program", programs[0].FullName, programs.Select(program => program.Id));
        }

        if (visual && isJited)
        {
            throw new UsageException($"{words.Verb}: 'visual' draws instructions, not machine code: dump xlated");
        }

        if (file is not null && (opcodes || linum || visual))
        {
            throw new UsageException($"{words.Verb}: a file takes the bare instructions: leave out opcodes, linum and visual");
        }

        if (visual && call.IsJson)
        {
            throw new UsageException($"{words.Verb}: 'visual' prints a graph, which has no JSON form");
        }

        List<ProgramCode> codes = [.. programs.Select(Read)];
        if (codes.Find(code => (isJited ? code.Jited.Length : code.Translated.Length) == 0) is { } hidden)
        {
            throw RunErrors.NoCode(ProgramWords.Describe(hidden.Info), isJited);
        }

        if (file is not null)
        {
            File.WriteAllBytes(file, isJited ? codes[0].Jited : codes[0].TranslatedBytes);
            call.Done($"wrote {(isJited ? codes[0].Jited.Length : codes[0].TranslatedBytes.Length)} bytes to {file}");
            return;
        }

        if (isJited)
        {
            JitedDump.Write(call, codes, opcodes, linum);
            return;
        }

        if (visual)
        {
            ProgramListing.WriteGraph(Console.Out, codes[0].Info.FullName, [ListingOf(codes[0], opcodes, linum)]);
            return;
        }

        call.Answer(json => WriteJson(json, codes, opcodes, linum), output => WriteText(output, codes, opcodes, linum));
    }

    private static ProgramCode Read(ProgramInfo info)
    {
        using KernelProgram program = KernelInventory.OpenProgram(info.Id);
        return ProgramCode.Read(program);
    }

    private static void WriteText(TextWriter output, List<ProgramCode> codes, bool opcodes, bool linum)
    {
        foreach (ProgramCode code in codes)
        {
            if (codes.Count > 1)
            {
                output.WriteLine($"{(code == codes[0] ? "" : "\n")}program {ProgramWords.Describe(code.Info)} tag {code.Info.Tag}");
            }

            ListingOf(code, opcodes, linum).WriteText(output);
        }
    }

    private static void WriteJson(Utf8JsonWriter json, List<ProgramCode> codes, bool opcodes, bool linum)
    {
        if (codes is [var only])
        {
            ListingOf(only, opcodes, linum).WriteJson(json);
            return;
        }

        json.WriteStartArray();
        foreach (ProgramCode code in codes)
        {
            json.WriteStartObject();
            ProgShow.WriteHeader(json, code.Info);
            json.WritePropertyName("insns");
            ListingOf(code, opcodes, linum).WriteJson(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static ProgramListing ListingOf(ProgramCode code, bool opcodes, bool linum)
    {
        var symbols = new KernelSymbols();
        ulong callBase = symbols.AddressOf("__bpf_call_base");
        Dictionary<int, CodeFunction> functions = code.Functions.Where(function => !function.Type.IsVoid).ToDictionary(function => function.Slot);
        var lines = new Dictionary<int, LineRecord>();
        foreach (LineRecord line in code.Lines)
        {
            lines.TryAdd(line.Slot, line);
        }

        return new ProgramListing(code.Translated)
        {
            IsTranslated = true,
            WithOpcodes = opcodes,
            WithPositions = linum,
            Names = (_, instruction, _) => NameOf(instruction),
            Heading = slot => code.Types is { } types && functions.TryGetValue(slot, out CodeFunction function) ? CTypeNames.Declare(types, function.Type, types[function.Type].Name) : null,
            Source = slot => code.Types is { } types && lines.TryGetValue(slot, out LineRecord? line) && line.Describe(types) is { Text.Length: > 0 } source
                ? new ListingSource(source.Text, source.File, source.Line, source.Column) : null,
        };

        // Calls hold the distance of the function from a place that the kernel's own symbols name.
        string? NameOf(Instruction instruction)
        {
            if (instruction.IsLocalCall)
            {
                ulong address = (uint)instruction.Immediate < code.Functions.Count ? code.Functions[instruction.Immediate].Address : 0;
                return address != 0 ? Exact(address) ?? $"0x{address:x}" : null;
            }

            bool isCall = instruction.IsHelperCall || instruction.IsKfuncCall;
            return isCall && callBase != 0 ? Exact(callBase + (ulong)(long)instruction.Immediate) : null;
        }

        string? Exact(ulong address) => symbols.Find(address) is (var name, 0) ? name : null;
    }
}
