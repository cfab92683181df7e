using Osmia.Bytecode;
using Osmia.Verification.Facts;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Turns the instructions of a block into statements over expression trees. A value that is used once, in the block that makes it,
/// stands at its use; what it reads is watched until then.
/// </summary>
internal sealed unsafe partial class StatementBuilder
{
    private const int Registers = 10;

    private readonly DecodedInstruction* _code;
    private readonly FlowGraph _graph;
    private readonly Webs _webs;
    private readonly ProgramSurroundings _around;
    private readonly int _maxDepth;
    private readonly int _callers;
    private readonly Web?[] _current = new Web?[Registers];
    private readonly List<PendingValue> _pending = [];
    private readonly ushort[] _liveBefore;

    /// <summary>What this block wrote to its frame last, by place and size, as long as it is there for certain.</summary>
    private readonly List<StoredValue> _stored = [];

    /// <summary>Sums and differences this block assigned that still hold, for <see cref="BitPatterns"/>.</summary>
    private readonly List<Statement> _assigned = [];
    private readonly Statement?[] _branches;

    /// <summary>Variables that hold the address of an element, which is written down again where it is read: machines add that up as they access it.</summary>
    private readonly List<(Web Web, Node Address)> _elements = [];
    private List<Statement> _statements = [];
    private Block? _block;

    /// <summary>The block that certainly comes after the one built last.</summary>
    private Block? _goesOnAt;

    /// <param name="length">Slots of the whole program.</param>
    /// <param name="maxDepth">How deep a tree may grow before a variable takes its value.</param>
    /// <param name="callers">How many frames lie above the function's own at least.</param>
    public StatementBuilder(DecodedInstruction* code, int length, FlowGraph graph, Webs webs, ProgramSurroundings around, int maxDepth, int callers)
    {
        _code = code;
        _graph = graph;
        _webs = webs;
        _around = around;
        _maxDepth = maxDepth;
        _callers = callers;
        _liveBefore = new ushort[length];
        _branches = new Statement?[graph.Blocks.Length];
        _notNullBehind = new List<Web>?[graph.Blocks.Length];
        _reachedBehind = new Reached[]?[graph.Blocks.Length];
    }

    public List<Statement> Build(Block block)
    {
        _statements = [];
        _block = block;
        _pending.Clear();
        _stored.Clear();
        _assigned.Clear();
        if (_goesOnAt != block || _graph.WaysTo(block).Count != 1)
        {
            _elements.Clear();
        }

        _goesOnAt = null;
        _webs.Enter(block, _current);

        // Of what does not live here the register may hold something else already.
        _elements.RemoveAll(element => !LivesHere(element.Address));
        EnterNotNull(block);
        EnterReached(block);
        FindLive(block);
        for (int slot = block.Start; slot <= block.Last; slot += _graph.LengthOf(slot))
        {
            Visit(slot, _code[slot]);
        }

        DecodedInstruction* last = _code + block.Last;
        if (block.Taken is null && block.Next is not null)
        {
            Add(new Statement(StatementKind.Jump, block.Last));
        }

        if (_pending.Count != 0)
        {
            throw new InvalidOperationException($"a value made before slot {block.Last} ({last->Op}) was not used");
        }

        _branches[block.Index] = _statements is [.., { Kind: StatementKind.Branch } branch] ? branch : null;
        _notNullBehind[block.Index] = [.. _notNull];
        _reachedBehind[block.Index] = [.. _reached];
        return _statements;
    }

    private bool LivesHere(Node? node) => node is null || ((node.Web is not { } web || _current.Contains(web)) && LivesHere(node.Left) && LivesHere(node.Right));

    private void FindLive(Block block)
    {
        int live = block.LiveOut;
        foreach (int slot in _graph.Backwards(block))
        {
            RegisterEffects effects = _webs.EffectsAt(slot);
            live = (live & ~effects.Definitions) | effects.Uses;
            _liveBefore[slot] = (ushort)live;
        }
    }

    private void Visit(int slot, in DecodedInstruction i)
    {
        switch (i.Op)
        {
            case >= Op.Add32K and <= Op.Swap64:
                Arithmetic(slot, i);
                break;
            case Op.LoadImmediate:
                Define(slot, i.Destination, Node.Constant((ulong)i.Immediate));
                break;
            case (>= Op.LoadB and <= Op.LoadSxW) or (>= Op.LoadAcquireB and <= Op.LoadAcquireDw):
                Load(slot, i);
                break;
            case >= Op.StoreImmB and <= Op.StoreDw:
                Store(slot, i);
                break;
            case (>= Op.AtomicAdd32 and <= Op.AtomicCompareExchange64) or (>= Op.StoreReleaseB and <= Op.StoreReleaseDw):
                Atomic(slot, i);
                break;
            case >= Op.AbsB and <= Op.IndW:
                PacketLoad(slot, i);
                break;
            case Op.CallHelper:
                CallHelper(slot, i);
                break;
            case Op.CallRegister:
                CallRegister(slot, i);
                break;
            case Op.CallLocal:
                CallLocal(slot, i);
                break;
            case Op.TailCall:
                Add(new Statement(StatementKind.TailCall, slot) { Arguments = [Wide(1), Wide(2), Wide(3)] });
                ForgetPacket();
                _webs.Step(slot, _current);
                break;
            case Op.Ja64K:
                Add(new Statement(StatementKind.Jump, slot));
                break;
            case Op.MayGoto:
                Add(new Statement(StatementKind.MayGoto, slot));
                break;
            case Op.Exit:
                Add(new Statement(StatementKind.Exit, slot) { A = Wide(0) });
                break;
            case Op.Unresolved or Op.Invalid:
                _pending.Clear();
                Add(new Statement(StatementKind.Trap, slot));
                break;
            default:
                Branch(slot, i);
                break;
        }
    }

    private void Branch(int slot, in DecodedInstruction i)
    {
        int index = i.Op - Op.Ja32K;
        Comparison comparison = (index >> 2) switch
        {
            1 => Comparison.Equal,
            2 => Comparison.Above,
            3 => Comparison.AboveOrEqual,
            4 => Comparison.Shares,
            5 => Comparison.NotEqual,
            6 => Comparison.Greater,
            7 => Comparison.GreaterOrEqual,
            10 => Comparison.Below,
            11 => Comparison.BelowOrEqual,
            12 => Comparison.Less,
            13 => Comparison.LessOrEqual,
            _ => throw new InvalidOperationException($"{i.Op} is no comparison"),
        };
        (Node left, Node right) = Operands(i, (index & 1) != 0);
        bool isWide = (index & 2) != 0;
        if (Decided(slot, comparison, left, right, isWide) is { } isTaken)
        {
            _goesOnAt = isTaken ? _block!.Taken : _block!.Next;
            Add(new Statement(isTaken ? StatementKind.Jump : StatementKind.Next, slot));
            return;
        }

        if (isWide && IsNarrow(left) && IsNarrow(right))
        {
            // Both are below 2^32, so neither is negative.
            isWide = false;
            comparison = comparison switch
            {
                Comparison.Greater => Comparison.Above,
                Comparison.GreaterOrEqual => Comparison.AboveOrEqual,
                Comparison.Less => Comparison.Below,
                Comparison.LessOrEqual => Comparison.BelowOrEqual,
                _ => comparison,
            };
        }

        Add(new Statement(StatementKind.Branch, slot)
        {
            A = isWide ? Node.Wide(left) : Node.Narrow(left),
            B = isWide ? Node.Wide(right) : Node.Narrow(right),
            Comparison = comparison,
        });
    }

    /// <summary>Whether every run takes a branch, or none; null when it depends.</summary>
    private bool? Decided(int slot, Comparison comparison, Node left, Node right, bool isWide)
    {
        bool isNullTest = isWide && comparison is Comparison.Equal or Comparison.NotEqual && right is { IsConstant: true, Value: 0 };
        bool isValue = left is { Kind: NodeKind.Local, Web.Fact: { Kind: FactKind.MapValue, Value: 0 } } || _elements.Exists(element => element.Address == left);
        return isNullTest && isValue && IsNotNull(left) ? comparison == Comparison.NotEqual
            : _around.BranchAt(slot) switch
            {
                BranchFact.AlwaysTaken => true,
                BranchFact.NeverTaken => false,
                _ => null,
            };
    }

    private static bool IsNarrow(Node node) => !node.IsWide || node.Kind == NodeKind.ZeroExtend || (node.IsConstant && node.Value <= uint.MaxValue);

    private (Node Left, Node Right) Operands(in DecodedInstruction i, bool isRegister)
    {
        Node left = Use(i.Destination);
        return (left, isRegister ? i.Source == i.Destination && left.IsLeaf ? left : Use(i.Source) : Node.Constant((ulong)i.Immediate));
    }

    private Node Use(int register)
    {
        if (register == 10)
        {
            return Node.FramePointer(0);
        }

        Web web = _current[register]!;
        return web.Fact.Kind switch
        {
            FactKind.Constant => Node.Constant((ulong)web.Fact.Value),
            FactKind.Frame => Node.FramePointer(web.Fact.Value),
            _ => TakePending(web) ?? ElementIn(web) ?? Node.Local(web),
        };
    }

    private Node? TakePending(Web web)
    {
        for (int i = 0; i < _pending.Count; i++)
        {
            if (_pending[i].Web == web)
            {
                Node value = _pending[i].Value;
                _pending.RemoveAt(i);
                return value;
            }
        }

        return null;
    }

    private Node Wide(int register) => Node.Wide(Use(register));

    private Fact FactOf(int register) => register == 10 ? new Fact(FactKind.Frame, 0) : _current[register]!.Fact;

    /// <summary>Gives a register its new value, and goes on behind the instruction.</summary>
    private void Define(int slot, int register, Node value)
    {
        Web web = _webs.Defined(slot, register);
        _webs.Step(slot, _current);
        if (web.IsRepeated || web.Uses == 0)
        {
            return;
        }

        Node fitted = web.IsNarrow ? Node.Narrow(value) : Node.Wide(value);
        if (web.IsPassedOn && fitted.Depth < _maxDepth)
        {
            _pending.Add(new(web, fitted, slot));
            return;
        }

        FlushReaders(web);
        if (IsNotNull(fitted))
        {
            _notNull.Add(web);
        }

        var assignment = new Statement(StatementKind.Assign, slot) { A = fitted, Result = web };
        _statements.Add(assignment);
        if (fitted is { Kind: NodeKind.Add or NodeKind.Subtract, ReadsMemory: false } && !fitted.Reads(web))
        {
            _assigned.Add(assignment);
        }
    }

    /// <summary>The web that takes an effect's result; null when nobody reads it.</summary>
    private Web? Result(int slot, int register)
    {
        Web web = _webs.Defined(slot, register);
        _webs.Step(slot, _current);
        if (web.IsRepeated || web.Uses == 0)
        {
            return null;
        }

        FlushReaders(web);
        return web;
    }

    /// <summary>An effect: what reads memory must be read before it.</summary>
    private void Add(Statement statement)
    {
        for (int i = 0; i < _pending.Count; i++)
        {
            if (_pending[i].Value.ReadsMemory)
            {
                WriteDown(i--);
            }
        }

        _statements.Add(statement);
        _stored.Clear();
    }

    /// <summary>What a place of the frame holds, when this block put it there.</summary>
    private StoredValue? Stored(Fact pointer, int size) =>
        pointer.Kind == FactKind.Frame ? _stored.Find(stored => stored.Place == pointer.Value && stored.Size == size) : null;

    /// <summary>Gives a waiting value its variable.</summary>
    private void WriteDown(int index)
    {
        PendingValue pending = _pending[index];
        _pending.RemoveAt(index);
        _statements.Add(new Statement(StatementKind.Assign, pending.Slot) { A = pending.Value, Result = pending.Web });
    }

    /// <summary>Writes down what still reads the old value of a variable.</summary>
    private void FlushReaders(Web changed)
    {
        _notNull.Remove(changed);
        _reached.RemoveAll(reached => reached.Base == changed);
        _elements.RemoveAll(element => element.Web == changed || element.Address.Reads(changed));
        _assigned.RemoveAll(assigned => assigned.Result == changed || assigned.A!.Reads(changed));
        for (int i = _stored.Count - 1; i >= 0; i--)
        {
            if (_stored[i].Value.Reads(changed))
            {
                _stored.RemoveAt(i);
            }
        }

        for (int i = 0; i < _pending.Count; i++)
        {
            if (_pending[i].Value.Reads(changed))
            {
                WriteDown(i--);
            }
        }
    }

    /// <summary>The registers that still matter before an instruction: what the interpreter must be handed to go on there.</summary>
    private List<KnownRegister> KnownAt(int slot)
    {
        var known = new List<KnownRegister>();
        for (int live = _liveBefore[slot]; live != 0; live &= live - 1)
        {
            int register = RegisterEffects.First(live);
            Web web = _current[register]!;
            known.Add(new(register, web.Fact.Kind switch
            {
                FactKind.Constant => Node.Constant((ulong)web.Fact.Value),
                FactKind.Frame => Node.FramePointer(web.Fact.Value),
                _ => _pending.Find(pending => pending.Web == web)?.Value ?? Node.Local(web),
            }));
        }

        return known;
    }

    private sealed record PendingValue(Web Web, Node Value, int Slot);

    /// <param name="Maximum">What the verifier found the value to be at most.</param>
    private sealed record StoredValue(long Place, int Size, Node Value, ulong Maximum);
}
