using System.CommandLine;
using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia disasm FILE</c>: instructions as the file holds them, with source lines and the names relocations refer to.</summary>
internal static class DisasmCommand
{
    public static Command Build()
    {
        var command = new Command("disasm", CommandTree.DescriptionOf("disasm"));
        Argument<string> file = CommonOptions.ObjectFile();
        Option<string[]> programs = new("--program") { Description = "only these functions", HelpName = "NAME" };
        Option<bool> noSource = new("--no-source") { Description = "leave the source lines out" };
        Option<string> style = new("--style") { Description = "kernel (as bpftool prints) or llvm (as llvm-objdump prints; clang reads it back)", HelpName = "kernel|llvm", DefaultValueFactory = _ => "kernel" };
        style.AcceptOnlyFromAmong("kernel", "llvm");
        command.Add(file);
        command.Add(programs);
        command.Add(style);
        command.Add(noSource);
        command.SetAction(parsed =>
        {
            BpfObject source = BpfObject.Read(parsed.GetValue(file)!);
            string[] wanted = parsed.GetValue(programs) ?? [];
            if (wanted.FirstOrDefault(name => source.Functions.All(function => function.Name != name)) is { } missing)
            {
                throw new UsageException($"no function '{missing}' in this object; there are {string.Join(", ", source.Functions.Select(function => function.Name))}");
            }

            DisassemblyStyle chosen = parsed.GetValue(style) == "llvm" ? DisassemblyStyle.Llvm : DisassemblyStyle.Kernel;
            bool isFirst = true;
            foreach (BpfFunction function in source.Functions.Where(function => wanted.Length == 0 || wanted.Contains(function.Name)))
            {
                Console.Out.Write(isFirst ? "" : "\n");
                Write(Console.Out, source, function, chosen, !parsed.GetValue(noSource));
                isFirst = false;
            }

            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(TextWriter output, BpfObject source, BpfFunction function, DisassemblyStyle style, bool withSource)
    {
        Dictionary<int, SymbolReference> references = function.References.ToDictionary(reference => reference.Slot);
        ILookup<int, CoreRelocation> core = function.CoreRelocations.ToLookup(relocation => relocation.Slot);
        string? Names(int slot, Instruction instruction, Instruction next) =>
            references.GetValueOrDefault(slot) is not { } reference ? null
            : style == DisassemblyStyle.Llvm ? AssemblerName(source, reference)
            : reference.Kind switch
            {
                SymbolKind.Map => $"map[{reference.Name}]",
                SymbolKind.MapValue => $"map[{reference.Map!.Name}][0]+{reference.Offset}",
                _ => reference.Name,
            };

        // A semicolon separates instructions for clang's assembler; it takes a hash for a comment.
        char comment = style == DisassemblyStyle.Llvm ? '#' : ';';
        output.WriteLine($"{function.Name}:  {comment} section {function.Section}, {function.Instructions.Length} slots");
        var text = new StringBuilder();
        SourceLine? last = null;
        for (int slot = 0; slot < function.Instructions.Length;)
        {
            SourceLine? line = withSource && source.Types is { } types ? LineRecord.At(function.Lines, slot)?.Describe(types) : null;
            // Records differ by column too; a reader wants each line once.
            if (line is not null && (line.Line != last?.Line || line.File != last.File))
            {
                output.WriteLine($"{comment} {line.Text} @ {line.File}:{line.Line}");
                last = line;
            }

            text.Clear().Append($"{slot,5}: ");
            int slots = Disassembler.Append(text, function.Instructions, slot, Names, style);
            foreach (CoreRelocation relocation in core[slot])
            {
                text.Append($"  {comment} CO-RE ").Append(relocation.Kind).Append(' ').Append(relocation.Describe(source.Types!));
            }

            output.WriteLine(text);
            slot += slots;
        }
    }

    /// <summary>The symbol as clang's assembler takes it: bare, with the offset behind it.</summary>
    private static string AssemblerName(BpfObject source, SymbolReference reference)
    {
        if (reference.Kind != SymbolKind.MapValue)
        {
            return reference.Name;
        }

        BpfVariable? variable = source.Variables.FirstOrDefault(v => v.Name == reference.Name && v.Map == reference.Map);
        long offset = reference.Offset - (variable?.Offset ?? 0);
        string name = variable?.Name ?? reference.Map!.Name;
        return offset == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}{(offset < 0 ? "" : "+")}{offset}");
    }
}
