using System.CommandLine;
using Osmia.Bytecode.Assembly;
using Osmia.Objects;
using Osmia.Objects.Assembly;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia asm IN [-o OUT]</c>: a text of sections, functions, maps and variables to an object that loads.</summary>
internal static class AsmCommand
{
    private const string StandardInput = "-";

    public static Command Build()
    {
        var command = new Command("asm", CommandTree.DescriptionOf("asm"));
        Argument<string> file = new("IN") { Description = "an assembly text, as 'osmia disasm --asm' prints it; - for standard input", HelpName = "IN" };
        Option<string> output = new("--output", "-o") { Description = "the object file; without it the name of the text with .bpf.o", HelpName = "OUT" };
        command.Add(file);
        command.Add(output);
        command.SetAction(parsed =>
        {
            string path = parsed.GetValue(file)!;
            string? target = parsed.GetValue(output);
            if (target is null && path == StandardInput)
            {
                throw new UsageException("a text from standard input has no name: say where the object goes with -o OUT");
            }

            try
            {
                BpfObject assembled = path == StandardInput ? ObjectAssembler.Assemble(ReadInput(), "stdin.s") : ObjectAssembler.AssembleFile(path);
                assembled.Write(target ?? Path.Combine(Path.GetDirectoryName(path) ?? "", assembled.Name + ".bpf.o"));
                return ExitCode.Success;
            }
            catch (AssemblyException e)
            {
                foreach (AssemblyDiagnostic problem in e.Diagnostics)
                {
                    Console.Error.WriteLine(problem.ToString(path));
                }

                return ExitCode.Error;
            }
        });
        return command;
    }

    private static string ReadInput()
    {
        using Stream input = Console.OpenStandardInput();
        return ObjectAssembler.ReadText(input);
    }
}
