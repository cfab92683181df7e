using System.Reflection.Emit;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Where compiled code is left for the interpreter: what failed is executed again there, with the registers that live. Many accesses leave with
/// almost the same registers, so one that has another's and more keeps the rest and goes on with the other's; to the runtime's compiler each place is
/// a jump, not a call with ten stores before it.
/// </summary>
internal sealed unsafe partial class IlEmitter
{
    /// <summary>How many of the places written before are looked at for registers to share.</summary>
    private const int MaxCompared = 48;

    private readonly List<Leave> _leaves = [];

    /// <summary>By block, where each is left at its beginning.</summary>
    private readonly Leave?[] _starts;

    /// <summary>Where what is written now may leave, for all behind it may be done again: nothing before it had an effect. Null when only it itself can be.</summary>
    private Leave? _nearest;

    /// <summary>Where the interpreter begins, a <see cref="Loading.DecodedInstruction"/>.</summary>
    private LocalBuilder? _resumeAt;

    /// <summary>At the label the interpreter does the rest of the function.</summary>
    private Label LabelOf(Leave leave)
    {
        if (leave.Start is null)
        {
            leave.Start = _il.Label();
            leave.Slot = _slot;
            _leaves.Add(leave);
        }

        return leave.Start.Value;
    }

    private Leave StartOf(Block block) => _starts[block.Index] ??= new(block.Start, _body.LiveIn(block));

    /// <summary>Where an access leaves that the interpreter would refuse: at the block's beginning, at an access before it, or at its own instruction.</summary>
    private Label LeaveForAccess(Statement statement) => LabelOf(_nearest ??= new(statement.Slot, statement.Known));

    private void EnterLeaves(Block block, List<Statement> statements) =>
        _nearest = statements.Exists(statement => statement.Access is { IsFirm: true }) ? StartOf(block) : null;

    /// <summary>What was written now stands between the place to leave at and what follows.</summary>
    private void PassLeave(Statement statement)
    {
        if (_nearest is { } nearest && (statement.Kind is not (StatementKind.Assign or StatementKind.Load) || (statement.Result is { } web && nearest.Live.Exists(known => known.Value.Reads(web)))))
        {
            _nearest = null;
        }
    }

    private void WriteLeaves()
    {
        if (_leaves.Count == 0)
        {
            return;
        }

        _resumeAt = _il.Local(typeof(nint));
        Label resume = _il.Label();
        var written = new List<(List<KnownRegister> Live, Label Keep)>();
        foreach (Leave leave in _leaves.OrderBy(leave => leave.Live.Count))
        {
            _il.At(leave.Slot, isAside: true);
            _il.Mark(leave.Start!.Value);
            CodeAddress(leave.ResumeAt);
            _il.Store(_resumeAt);
            (List<KnownRegister> shared, Label next) = LargestPartOf(leave.Live);
            if (shared.Count == leave.Live.Count && shared.Count > 0)
            {
                _il.Branch(OpCodes.Br, next);
                continue;
            }

            Label keep = _il.Label();
            _il.Mark(keep);
            Keep(shared.Count == 0 ? leave.Live : leave.Live.FindAll(known => !Has(shared, known)));
            _il.Branch(OpCodes.Br, next);
            written.Add((leave.Live, keep));
        }

        _il.At(CompiledPiece.Frame, isAside: true);
        _il.Mark(resume);
        SaveFuel();
        if (_body.IsEntry)
        {
            // Whoever entered sees to it, and to no result: a call would cost the runtime's compiler more, and so would one more constant to return.
            FieldAddress(MachineOffsets.ResumeAt);
            _il.Load(_resumeAt);
            _il.Emit(OpCodes.Stind_I);
            _il.Load(_resumeAt);
            _il.Emit(OpCodes.Conv_U8);
        }
        else
        {
            _il.Argument(Slot);
            _il.Argument(State);
            _il.Load(_resumeAt);
            _il.Call(Runtime.Resume);
        }

        _il.Emit(OpCodes.Ret);

        (List<KnownRegister> Live, Label Keep) LargestPartOf(List<KnownRegister> live)
        {
            (List<KnownRegister> Live, Label Keep) best = ([], resume);
            for (int i = written.Count - 1; i >= Math.Max(0, written.Count - MaxCompared) && best.Live.Count < live.Count; i--)
            {
                if (written[i].Live.Count > best.Live.Count && written[i].Live.TrueForAll(known => Has(live, known)))
                {
                    best = written[i];
                }
            }

            return best;
        }
    }

    private static bool Has(List<KnownRegister> registers, KnownRegister known)
    {
        foreach (KnownRegister other in registers)
        {
            if (other.Register == known.Register)
            {
                return other.Value.IsSameAs(known.Value);
            }
        }

        return false;
    }

    private sealed class Leave(int resumeAt, List<KnownRegister> live)
    {
        public int ResumeAt { get; } = resumeAt;

        public List<KnownRegister> Live { get; } = live;

        /// <summary>Null until something leaves there.</summary>
        public Label? Start { get; set; }

        /// <summary>What leaves there first.</summary>
        public int Slot { get; set; }
    }
}
