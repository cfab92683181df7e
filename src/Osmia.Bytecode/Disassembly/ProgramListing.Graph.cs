using System.Globalization;
using System.Text;

namespace Osmia.Bytecode.Disassembly;

/// <content>The graph of basic blocks, for Graphviz.</content>
public sealed partial class ProgramListing
{
    /// <summary>
    /// A digraph in Graphviz' language, a cluster for each function, as <c>bpftool prog dump xlated visual</c>. A function that is not
    /// well formed (a jump leaves it, its end is run past) becomes one box that says so.
    /// </summary>
    public static void WriteGraph(TextWriter output, string title, IEnumerable<ProgramListing> programs)
    {
        output.Write($"digraph \"{Escaped(title)}\" {{\n\tnode [shape=box, style=filled, fillcolor=white, fontname=\"monospace\"];\n");
        int function = 0;
        foreach (ProgramListing program in programs)
        {
            program.FindLabels();
            int[] starts = program.FunctionStarts();
            for (int i = 0; i < starts.Length; i++)
            {
                program.WriteCluster(output, function++, starts[i], i + 1 < starts.Length ? starts[i + 1] : program.Length);
            }
        }

        output.Write("}\n");
    }

    private int Length => code.Length;

    // Of a function on its own, calls lead elsewhere: their distances are filled in when it is linked.
    private int[] FunctionStarts() => code.Length == 0 ? [] : IsOneFunction ? [0] : ControlFlowGraph.FunctionStarts(code);

    private void WriteCluster(TextWriter output, int function, int start, int end)
    {
        string name = Heading?.Invoke(start) ?? string.Create(CultureInfo.InvariantCulture, $"func_{function} ()");
        output.Write($"subgraph \"cluster_{function}\" {{\n\tstyle=\"dashed\";\n\tcolor=\"black\";\n\tlabel=\"{Escaped(name)}\";\n");
        if (ControlFlowGraph.TryBuild(code, start, end, out (int Slot, string Reason) problem) is not { } graph)
        {
            output.Write($"\tfn_{function}_bb_0 [color=red, label=\"not well formed: slot {problem.Slot}: {Escaped(problem.Reason)}\\l");
            WriteBlock(output, start, end);
            output.Write("\"];\n}\n");
            return;
        }

        for (int block = 0; block < graph.BlockCount; block++)
        {
            output.Write($"\tfn_{function}_bb_{block} [label=\"");
            WriteBlock(output, graph.FirstSlot(block), graph.EndSlot(block));
            output.Write("\"];\n");
        }

        for (int block = 0; block < graph.BlockCount; block++)
        {
            ReadOnlySpan<int> successors = graph.Successors(block);
            for (int i = 0; i < successors.Length; i++)
            {
                bool isTaken = successors.Length > 1 && i == 1;
                output.Write($"\tfn_{function}_bb_{block}:s -> fn_{function}_bb_{successors[i]}:n [style=\"solid,bold\"{(isTaken ? ", color=darkgreen, label=\"taken\"" : "")}];\n");
            }
        }

        output.Write("}\n");
    }

    private void WriteBlock(TextWriter output, int start, int end)
    {
        var text = new StringBuilder();
        for (int slot = start; slot < end;)
        {
            if (Source?.Invoke(slot) is { } source)
            {
                AppendSource(text.Clear(), source);
                output.Write($"{Escaped(text.ToString().TrimEnd())}\\l");
            }

            text.Clear().Append(CultureInfo.InvariantCulture, $"{slot}: ");
            slot += AppendInstruction(text, slot);
            output.Write($"{Escaped(text.ToString())}\\l");
        }
    }

    private static string Escaped(string text) => OneLine(text).Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal);
}
