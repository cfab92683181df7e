using Osmia.Bytecode;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>One function as statements, and what it needs of the run: all that an emitter writes from.</summary>
internal sealed class FunctionBody
{
    private const int Registers = 10;

    /// <param name="isEntry">The function is where the program begins, and only that: its frame is nobody else's.</param>
    public FunctionBody(FlowGraph graph, Webs webs, List<Statement>[] blocks, ProgramSurroundings around, CompilationMode mode, bool isEntry)
    {
        Graph = graph;
        Webs = webs;
        Blocks = blocks;
        Around = around;
        Mode = mode;
        IsEntry = isEntry;
        if (isEntry && !FrameUse.IsReadUnnamed(blocks.SelectMany(block => block), around))
        {
            DeadStores.Remove(blocks);
        }

        DeadAssignments.Remove(blocks, mode.IsMetered || Array.Exists(blocks, block => block.Exists(statement => statement.Access is { IsFirm: true })));
        var all = new List<Statement>();
        foreach (List<Statement> block in blocks)
        {
            all.AddRange(block);
        }

        All = all;
        UsesFrame = all.Exists(ReadsFrame);
        bool calls = all.Exists(s => s.Kind is StatementKind.CallHelper or StatementKind.CallRegister or StatementKind.CallLocal or StatementKind.TailCall);
        MayOwe = around.HasLoans || calls;
        FrameBytes = new FrameUse(all, around).Bytes;
        NeedsMachine = FrameBytes != 0 || UsesFrame || mode.IsMetered || calls || all.Exists(s => s.Kind is StatementKind.MayGoto or StatementKind.PacketLoad or StatementKind.Trap);
        Counts = mode.IsMetered && (graph.HasLoop || all.Exists(s => s.Kind == StatementKind.CallLocal));
    }

    public FlowGraph Graph { get; }

    public Webs Webs { get; }

    /// <summary>By <see cref="Block.Index"/>.</summary>
    public List<Statement>[] Blocks { get; }

    public List<Statement> All { get; }

    public ProgramSurroundings Around { get; }

    public CompilationMode Mode { get; }

    /// <summary>The program begins here, and nothing of it calls this function.</summary>
    public bool IsEntry { get; }

    /// <summary>A statement reads the frame pointer.</summary>
    public bool UsesFrame { get; }

    /// <summary>It has a frame, calls something or counts: the run's machine state must be fresh.</summary>
    public bool NeedsMachine { get; }

    /// <summary>A run may end here with something it did not give back.</summary>
    public bool MayOwe { get; }

    /// <summary>It takes from the run's budget.</summary>
    public bool Counts { get; }

    /// <summary>Bytes of its frame, from the top, that it may read before it wrote them.</summary>
    public int FrameBytes { get; }

    /// <summary>Whether a branch asks if a lookup's result is null.</summary>
    public static bool TestsNull(Statement statement, Web? result) =>
        statement is { Kind: StatementKind.Branch, Comparison: Comparison.Equal or Comparison.NotEqual, A: { Kind: NodeKind.Local } tested, B: { IsConstant: true, Value: 0 } } && tested.Web == result;

    /// <summary>The registers that live where a block begins: what the interpreter must be handed to go on there.</summary>
    public List<KnownRegister> LiveIn(Block block)
    {
        var entries = new Web?[Registers];
        Webs.Enter(block, entries);
        var live = new List<KnownRegister>();
        for (int register = 0; register < entries.Length; register++)
        {
            if (entries[register] is { } web)
            {
                live.Add(new(register, web.Fact.Kind switch
                {
                    FactKind.Constant => Node.Constant((ulong)web.Fact.Value),
                    FactKind.Frame => Node.FramePointer(web.Fact.Value),
                    _ => Node.Local(web),
                }));
            }
        }

        return live;
    }

    private static bool ReadsFrame(Statement statement) =>
        ReadsFrame(statement.A) || ReadsFrame(statement.B) || ReadsFrame(statement.C) || Array.Exists(statement.Arguments, ReadsFrame)
        || statement.Access is { Check: AccessCheck.Frame or AccessCheck.CallerFrame } || statement.Known.Exists(known => ReadsFrame(known.Value));

    private static bool ReadsFrame(Node? node) => node is not null && (node.Kind == NodeKind.FramePointer || ReadsFrame(node.Left) || ReadsFrame(node.Right));
}
