using System.CommandLine;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Cli.Commands.Prog;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Objects;
using Osmia.Objects.Assembly;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia disasm FILE [FUNCTION...]</c>: instructions as the file holds them, with source lines and the names relocations refer to.</summary>
internal static class DisasmCommand
{
    public static Command Build()
    {
        var command = new Command("disasm", CommandTree.DescriptionOf("disasm"));
        Argument<string> file = CommonOptions.ObjectFile();
        Argument<string[]> names = new("FUNCTION") { Description = "only these functions; programs are functions too", HelpName = "FUNCTION", Arity = ArgumentArity.ZeroOrMore };
        Option<string[]> programs = new("--program") { Description = "the same, as an option", HelpName = "NAME" };
        Option<string> style = new("--style") { Description = "kernel (as bpftool prints) or llvm (as llvm-objdump prints; clang reads it back)", HelpName = "kernel|llvm", DefaultValueFactory = _ => "kernel" };
        Option<bool> opcodes = new("--opcodes") { Description = "each instruction's bytes, in hexadecimal" };
        Option<bool> positions = new("--linum") { Description = "file, line and column of each source line" };
        Option<bool> noLines = new("--no-lines", "--no-source") { Description = "leave the source lines out" };
        Option<bool> labels = new("--labels") { Description = "jumps to labels in place of distances" };
        Option<bool> graph = new("--cfg") { Description = "the control-flow graph, for Graphviz: osmia disasm FILE FUNCTION --cfg | dot -Tsvg" };
        Option<bool> whole = new("--asm") { Description = "the whole object as a text that 'osmia asm' reads back" };
        Option<bool> jited = new("--jited") { Description = "what the virtual machine compiles of the programs, beside instructions and source lines; with 'id N' in place of FILE what the kernel did of a loaded one" };
        Option<string> tier = new("--tier") { Description = "with --jited: .NET instructions and what the runtime makes of them, or our machine code", HelpName = "il|x64", DefaultValueFactory = _ => "x64" };
        Option<string> mode = VmWords.ModeOption("checked", canVerify: true);
        Option<bool> json = CommonOptions.Json();
        Option<bool> pretty = CommonOptions.Pretty();
        style.AcceptOnlyFromAmong("kernel", "llvm");
        tier.AcceptOnlyFromAmong("il", "x64");
        command.Add(file);
        command.Add(names);
        foreach (Option option in new Option[] { programs, style, opcodes, positions, noLines, labels, graph, whole, jited, tier, mode, json, pretty })
        {
            command.Add(option);
        }

        command.SetAction(parsed =>
        {
            string[] wanted = [.. parsed.GetValue(names) ?? [], .. parsed.GetValue(programs) ?? []];
            if (parsed.GetValue(jited) && parsed.GetValue(file) == "id" && wanted is [var number] && uint.TryParse(number, out uint id))
            {
                WriteLoaded(id, parsed.GetValue(opcodes), parsed.GetValue(positions));
                return ExitCode.Success;
            }

            if (parsed.GetValue(jited) && parsed.GetValue(file) == "id" && !File.Exists("id"))
            {
                throw new UsageException($"a loaded program is named by its number, as in osmia disasm --jited id 41{(wanted.Length == 0 ? "" : $"; '{string.Join(' ', wanted)}' is none")}");
            }

            BpfObject source = BpfObject.Read(parsed.GetValue(file)!);
            var options = new ListingOptions
            {
                Style = parsed.GetValue(style) == "llvm" ? DisassemblyStyle.Llvm : DisassemblyStyle.Kernel,
                WithLines = !parsed.GetValue(noLines),
                WithPositions = parsed.GetValue(positions),
                WithOpcodes = parsed.GetValue(opcodes),
                WithLabels = parsed.GetValue(labels),
            };
            bool isPretty = parsed.GetValue(pretty);
            foreach (Option option in parsed.GetValue(jited) ? Array.Empty<Option>() : [tier, mode])
            {
                if (parsed.IsGiven(option))
                {
                    throw new UsageException($"{option.Name} goes with --jited: without it nothing is compiled");
                }
            }

            if (parsed.GetValue(whole))
            {
                if (wanted.Length > 0 || isPretty || parsed.GetValue(json) || parsed.GetValue(graph))
                {
                    throw new UsageException("--asm prints the whole object in one form: it takes no FUNCTION, --cfg or --json");
                }

                WriteWhole(source);
                return ExitCode.Success;
            }

            if (parsed.GetValue(jited))
            {
                if (parsed.GetValue(graph) || isPretty || parsed.GetValue(json))
                {
                    throw new UsageException("--jited prints text: it takes no --cfg or --json");
                }

                JitedListing.Write(Console.Out, source, wanted, VmWords.Tier(parsed.GetValue(tier)!), VmWords.Mode(parsed.GetValue(mode)!), parsed.GetValue(mode) == VmWords.Verified, options);
                return ExitCode.Success;
            }

            // Functions without a program are there to be linked, and can be looked at.
            BpfFunction[] functions = Choose(source.Functions.Count > 0 ? source : source.RequirePrograms(), wanted);
            if (parsed.GetValue(graph))
            {
                if (isPretty || parsed.GetValue(json))
                {
                    throw new UsageException("--cfg prints a graph, which has no JSON form");
                }

                ProgramListing.WriteGraph(Console.Out, source.Name, functions.Select(function => FunctionListing.Of(source, function, options)));
            }
            else if (isPretty || parsed.GetValue(json))
            {
                JsonOutput.Write(isPretty, writer => WriteJson(writer, source, functions, options, isOne: wanted.Length == 1));
            }
            else
            {
                WriteText(Console.Out, source, functions, options);
            }

            return ExitCode.Success;
        });
        return command;
    }

    /// <summary>What the kernel made of a program that is loaded there.</summary>
    private static void WriteLoaded(uint id, bool opcodes, bool positions)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new UsageException("programs are loaded on Linux only");
        }

        using KernelProgram program = KernelInventory.OpenProgram(id);
        ProgramCode code = ProgramCode.Read(program);
        if (code.Jited.Length == 0)
        {
            throw RunErrors.NoCode(ProgramWords.Describe(code.Info), isJited: true);
        }

        JitedDump.WriteText(Console.Out, code, new KernelSymbols(), opcodes, positions);
    }

    private static void WriteWhole(BpfObject source)
    {
        var text = new ObjectText(source);
        text.Write(Console.Out);
        foreach (string loss in text.Losses)
        {
            Console.Error.WriteLine($"osmia: the text leaves out {loss}");
        }
    }

    private static BpfFunction[] Choose(BpfObject source, string[] wanted)
    {
        if (source.Functions.Count == 0)
        {
            throw new UsageException($"'{source.Name}' has no functions");
        }

        if (wanted.FirstOrDefault(name => source.Functions.All(function => function.Name != name)) is { } missing)
        {
            throw new UsageException($"no function '{missing}' in this object; there are {string.Join(", ", source.Functions.Select(function => function.Name))}");
        }

        return [.. source.Functions.Where(function => wanted.Length == 0 || wanted.Contains(function.Name))];
    }

    private static void WriteText(TextWriter output, BpfObject source, BpfFunction[] functions, ListingOptions options)
    {
        // Source for clang: a hash begins a comment there.
        char comment = options.Style == DisassemblyStyle.Llvm ? '#' : ';';
        bool isFirst = true;
        foreach (BpfFunction function in functions)
        {
            output.WriteLine($"{(isFirst ? "" : "\n")}{comment} section {function.Section}, {function.Instructions.Length} slots, needs {Needs(function)}");
            FunctionListing.Of(source, function, options).WriteText(output);
            isFirst = false;
        }
    }

    private static string Needs(BpfFunction function) => $"-mcpu={InstructionSet.LevelOf(function.Instructions).ToString().ToLowerInvariant()}";

    /// <summary>Of one function that was named, bpftool's array; of more, an array of objects that hold such arrays.</summary>
    private static void WriteJson(Utf8JsonWriter json, BpfObject source, BpfFunction[] functions, ListingOptions options, bool isOne)
    {
        if (isOne)
        {
            FunctionListing.Of(source, functions[0], options).WriteJson(json);
            return;
        }

        json.WriteStartArray();
        foreach (BpfFunction function in functions)
        {
            json.WriteStartObject();
            json.WriteString("name", function.Name);
            json.WriteString("section", function.Section);
            json.WriteNumber("slots", function.Instructions.Length);
            json.WriteString("mcpu", InstructionSet.LevelOf(function.Instructions).ToString().ToLowerInvariant());
            json.WritePropertyName("insns");
            FunctionListing.Of(source, function, options).WriteJson(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
