using System.Diagnostics.CodeAnalysis;

namespace Osmia.Bytecode.Assembly;

/// <summary>
/// Text to instructions. It reads what <see cref="Disassembly.Disassembler"/> prints in either style, as bpftool, the kernel's log and
/// llvm-objdump do (slot numbers, opcodes and bytes before an instruction are read over or used where the text alone has two
/// meanings), and adds labels. docs/assembly.md has the whole form.
/// </summary>
public static class Assembler
{
    /// <summary>Assembles one stream of instructions.</summary>
    /// <param name="resolve">Maps, functions and whatever else the text names and does not define.</param>
    /// <exception cref="AssemblyException">The text has errors; all are told, up to a hundred.</exception>
    public static Instruction[] Assemble(string text, SymbolResolver? resolve = null) =>
        TryAssemble(text, out Instruction[]? instructions, out IReadOnlyList<AssemblyDiagnostic> problems, resolve)
            ? instructions
            : throw new AssemblyException(problems);

    /// <summary>The form that hands over the problems as values.</summary>
    public static bool TryAssemble(
        string text, [NotNullWhen(true)] out Instruction[]? instructions, out IReadOnlyList<AssemblyDiagnostic> problems, SymbolResolver? resolve = null)
    {
        ArgumentNullException.ThrowIfNull(text);
        var source = new AssemblySource(text);
        var code = new CodeAssembler(source);
        var statement = new StatementParser(source, code);
        while (source.NextLine())
        {
            statement.Parse();
        }

        code.Resolve(resolve);
        problems = source.Problems;
        instructions = problems.Count == 0 ? code.ToArray() : null;
        return instructions is not null;
    }
}
