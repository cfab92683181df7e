using System.Diagnostics;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;

namespace Osmia.Tests.Disassembly;

public sealed class ControlFlowGraphTests(ITestOutputHelper output)
{
    [Fact]
    public void Blocks_and_edges_of_a_loop()
    {
        ControlFlowGraph graph = ControlFlowGraph.Build(Assembler.Assemble("""
              r1 = 5 ll
              r0 = 0
            loop:
              call bpf_ktime_get_ns
              r1 += -1
              if r1 == 0 goto out
              if r0 > 3 goto loop
              goto loop
            unreachable:
              r0 = 9
            out:
              exit
            """));
        Assert.Equal(6, graph.BlockCount);
        Assert.Equal([0, 3, 6, 7, 8, 9], Enumerable.Range(0, 6).Select(graph.FirstSlot));
        Assert.Equal([2, 5, 6, 7, 8, 9], Enumerable.Range(0, 6).Select(graph.LastSlot));
        Assert.Equal([1], graph.Successors(0).ToArray());
        Assert.Equal([2, 5], graph.Successors(1).ToArray());
        Assert.Equal([3, 1], graph.Successors(2).ToArray());
        Assert.Equal([1], graph.Successors(3).ToArray());
        Assert.Equal([5], graph.Successors(4).ToArray());
        Assert.Equal([], graph.Successors(5).ToArray());
        Assert.Equal([0, 2, 3], graph.Predecessors(1).ToArray());
        Assert.Equal([1, 4], graph.Predecessors(5).ToArray());
        Assert.Equal([0, 1, 5, 2, 3], graph.ReversePostorder());
        Assert.True(graph.FallsThrough(0));
        Assert.False(graph.FallsThrough(3));
        Assert.Equal(1, graph.BlockAt(4));
    }

    [Theory]
    [InlineData("r0 = 0", "0: the end of the function is run past: its last instruction is no exit and no goto")]
    [InlineData("goto +1\nexit", "0: it jumps to slot 2, out of the function [0, 2)")]
    [InlineData("goto -2\nexit", "0: it jumps to slot -1, out of the function [0, 2)")]
    [InlineData("goto +1\nr1 = 5 ll\nexit", "0: it jumps into the wide instruction at slot 1")]
    [InlineData(".byte 0x18,1,0,0,0,0,0,0", "0: the function ends within a wide instruction")]
    [InlineData("gotol -2147483648\nexit", "0: it jumps to slot -2147483647, out of the function [0, 2)")]
    public void Code_that_is_not_well_formed_has_no_graph(string text, string expected)
    {
        Instruction[] code = Assembler.Assemble(text);
        Assert.Null(ControlFlowGraph.TryBuild(code, 0, code.Length, out (int Slot, string Reason) problem));
        Assert.Equal(expected, $"{problem.Slot}: {problem.Reason}");
        Assert.Throws<ArgumentException>(() => ControlFlowGraph.Build(code));
    }

    [Fact]
    public void Functions_of_a_program_have_graphs_of_their_own()
    {
        Instruction[] code = Assembler.Assemble("call f\nr2 = g ll\nexit\nf: if r1 == 0 goto +1\nr0 = 1\nexit\ng: gotox r1");
        int[] starts = ControlFlowGraph.FunctionStarts(code);
        Assert.Equal([0, 4, 7], starts);
        ControlFlowGraph f = ControlFlowGraph.Build(code, starts[1], starts[2]);
        Assert.Equal((3, 4, 7, 6), (f.BlockCount, f.Start, f.End, f.FirstSlot(2)));
        Assert.Equal([1, 2], f.Successors(0).ToArray());
        Assert.True(ControlFlowGraph.Build(code, starts[2], code.Length) is { HasIndirectJumps: true, BlockCount: 1 });
    }

    [Fact]
    public void Random_code_gives_graphs_that_hold_together()
    {
        int seed = Environment.TickCount;
        var random = new Random(seed);
        var watch = Stopwatch.StartNew();
        int built = 0;
        do
        {
            Instruction[] code = RandomCode(random);
            if (ControlFlowGraph.TryBuild(code, 0, code.Length, out _) is { } graph)
            {
                built++;
                string bytes = $"seed {seed}: {Convert.ToHexStringLower(DisassemblerTests.Encode(code))}";
                int at = 0;
                int edges = 0;
                for (int block = 0; block < graph.BlockCount; block++)
                {
                    Assert.True(graph.FirstSlot(block) == at && graph.LastSlot(block) >= at && graph.EndSlot(block) > graph.LastSlot(block), bytes);
                    at = graph.EndSlot(block);
                    foreach (int successor in graph.Successors(block))
                    {
                        edges++;
                        Assert.True(graph.Predecessors(successor).Contains(block), bytes);
                    }

                    for (int slot = graph.FirstSlot(block); slot < graph.EndSlot(block); slot++)
                    {
                        Assert.True(graph.BlockAt(slot) == block && (slot == graph.LastSlot(block) || !code[slot].IsJump || code[slot].Opcode.Value == 0), bytes);
                    }
                }

                Assert.True(at == code.Length && edges == Enumerable.Range(0, graph.BlockCount).Sum(block => graph.Predecessors(block).Length), bytes);
                Assert.True(graph.ReversePostorder() is [0, ..] order && order.Distinct().Count() == order.Length, bytes);
            }
        }
        while (watch.Elapsed < Budget.For("bytecode") / 6);
        output.WriteLine($"{built} graphs");
        Assert.True(built > 0);
    }

    private static Instruction[] RandomCode(Random random)
    {
        int length = random.Next(1, 30);
        var code = new List<Instruction>();
        while (code.Count < length)
        {
            code.AddRange(random.Next(6) switch
            {
                0 => Assembler.Assemble($"if r1 == 0 goto {random.Next(-5, 6):+0;-0;+0}"),
                1 => Assembler.Assemble($"goto {random.Next(-5, 6):+0;-0;+0}"),
                2 => Assembler.Assemble("r1 = 1 ll"),
                3 => Assembler.Assemble("exit"),
                4 => Assembler.Assemble($"w1 += {random.Next()}"),
                _ => Assembler.Assemble($"may_goto {random.Next(-5, 6):+0;-0;+0}"),
            });
        }

        code.Add(Assembler.Assemble("exit")[0]);
        return [.. code];
    }

    [Fact]
    public void Large_code_takes_time_in_proportion()
    {
        var code = new Instruction[1_000_000];
        Array.Fill(code, Assembler.Assemble("if r1 == 0 goto +0")[0]);
        code[^1] = Assembler.Assemble("exit")[0];
        var watch = Stopwatch.StartNew();
        Assert.Equal(code.Length, ControlFlowGraph.Build(code).ReversePostorder().Length);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"{watch.Elapsed}");
    }
}
