using Osmia.Bytecode;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Facts;

/// <summary>
/// Joins what all paths of a walk say of each instruction, and notes where paths ended because an earlier one covered them and what was
/// different there. <see cref="FactsCompletion"/> takes back what such paths make untrue.
/// </summary>
internal sealed class FactsRecorder(int slots) : WalkRecorder
{
    private readonly RegisterFact[]?[] _registers = new RegisterFact[]?[slots];
    private readonly RegisterFact[]?[] _stack = new RegisterFact[]?[slots];
    private readonly BranchFact[] _branches = new BranchFact[slots];
    private readonly AccessFact?[] _accesses = new AccessFact?[slots];
    private readonly Dictionary<(int From, int To), int> _ways = [];
    private readonly Dictionary<int, EscapedValues> _escaped = [];
    private readonly Dictionary<int, EscapedValues> _tied = [];
    private int _frames;
    private bool _isForked;

    /// <summary>Facts of a program all of whose paths were walked without a complaint.</summary>
    public VerificationFacts Complete(ReadOnlySpan<Instruction> code)
    {
        new FactsCompletion(_registers, _stack, _accesses, _ways, _tied).TakeBack(code, _escaped);
        return new VerificationFacts(_registers, _stack, _branches, _accesses);
    }

    public override void Before(PathWalk walk, PathState state)
    {
        _frames = state.Frames.Count;
        _isForked = false;
        Frame frame = state.Current;
        Join(walk.Slot, frame);
        NoteAccess(walk.Code[walk.Slot], walk.Slot, frame);
        NoteTies(walk.Code[walk.Slot], walk.Slot, state);
    }

    public override void PutAside(PathWalk walk, int slot, PathState aside)
    {
        _isForked = true;
        NoteWay(walk.Slot, slot, aside.Frames.Count - _frames);
    }

    public override void After(PathWalk walk, int slot, int next, PathState state)
    {
        if (next >= 0)
        {
            NoteWay(slot, next, state.Frames.Count - _frames);
        }

        Instruction instruction = walk.Code[slot];
        if (instruction.IsJump && instruction.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong))
        {
            _branches[slot] |= _isForked || instruction.JumpDistance == 0 ? BranchFact.Both : next == slot + 1 ? BranchFact.NeverTaken : BranchFact.AlwaysTaken;
        }
    }

    public override void Covered(PathWalk walk, PathState state, PathState earlier)
    {
        EscapedValues escaped = EscapedValues.Between(state, earlier);
        if (!_escaped.TryAdd(walk.Slot, escaped))
        {
            _escaped[walk.Slot].Add(escaped);
        }
    }

    /// <summary>A step with its change of the number of frames, of which callbacks have several: the most frames left count.</summary>
    private void NoteWay(int from, int to, int frames)
    {
        if (_ways.TryGetValue((from, to), out int known) && known != frames)
        {
            // The same step with two depths: what escapes is then looked for at both.
            _ways[(from, to)] = int.MinValue;
            return;
        }

        _ways[(from, to)] = frames;
    }

    private void Join(int slot, Frame frame)
    {
        RegisterFact[]? known = _registers[slot];
        bool isFirst = known is null;
        known ??= _registers[slot] = new RegisterFact[frame.Registers.Length];
        for (int i = 0; i < known.Length; i++)
        {
            RegisterFact found = StateFacts.Of(frame.Registers[i], frame.Number);
            known[i] = isFirst ? found : known[i].Join(found);
        }

        int depth = isFirst ? frame.Stack.Length : Math.Min(_stack[slot]!.Length, frame.Stack.Length);
        RegisterFact[] stack = isFirst ? new RegisterFact[depth] : _stack[slot]!;
        if (stack.Length != depth)
        {
            Array.Resize(ref stack, depth);
        }

        for (int i = 0; i < depth; i++)
        {
            RegisterFact found = StateFacts.Of(frame.Stack[i], frame.Number);
            stack[i] = isFirst ? found : stack[i].Join(found);
        }

        _stack[slot] = stack;
    }

    /// <summary>Which places learn from a comparison of two registers besides those: copies of either.</summary>
    private void NoteTies(Instruction instruction, int slot, PathState state)
    {
        if (!instruction.IsJump || !instruction.Opcode.UsesRegister || instruction.Opcode.Value is Opcodes.Jump or Opcodes.JumpLong)
        {
            return;
        }

        (int left, int right) = (state.Registers[(int)instruction.Destination].Id, state.Registers[(int)instruction.Source].Id);
        if (!_tied.TryGetValue(slot, out EscapedValues? tied))
        {
            _tied[slot] = tied = new EscapedValues();
        }

        for (int number = 0; number < state.Frames.Count && (left | right) != 0; number++)
        {
            Frame frame = state.Frames[number];
            int level = state.Frames.Count - 1 - number;
            for (int register = 0; register < 10; register++)
            {
                if (IsCopy(frame.Registers[register]))
                {
                    tied.SetRegister(level, register);
                }
            }

            for (int i = 0; i < frame.Stack.Length; i++)
            {
                if (frame.Stack[i].IsSpill && IsCopy(frame.Stack[i].Spilled))
                {
                    tied.SetStack(level, i);
                }
            }
        }

        bool IsCopy(in RegisterState other) => other.IsNumber && other.Id != 0 && (other.Id == left || other.Id == right);
    }

    private void NoteAccess(Instruction instruction, int slot, Frame frame)
    {
        bool isLoad = instruction.Opcode.Class == InstructionClass.Ldx || (instruction.Opcode is { Class: InstructionClass.Stx, Mode: Mode.Atomic } && instruction.Immediate == AtomicOperation.LoadAcquire);
        if (!isLoad && instruction.Opcode.Class is not (InstructionClass.St or InstructionClass.Stx))
        {
            return;
        }

        RegisterState pointer = frame.Registers[(int)(isLoad ? instruction.Source : instruction.Destination)];
        RegisterFact fact = StateFacts.Of(pointer, frame.Number);
        var found = new AccessFact(
            fact.Kind,
            fact.Map,
            Domains.ScalarArithmetic.Apply64(ArithmeticOperation.Add, fact.Value, Domains.Scalar.Constant((ulong)instruction.Offset)),
            instruction.Opcode.Size.InBytes(),
            !isLoad,
            !StateFacts.IsVouchedFor(pointer));
        _accesses[slot] = _accesses[slot] is not { } known || known == found ? found
            : known with
            {
                Region = known.Region == found.Region ? known.Region : ValueKind.Unknown,
                Map = known.Map == found.Map ? known.Map : -1,
                Offset = known.Offset.Union(found.Offset),
                NeedsCheck = known.NeedsCheck || found.NeedsCheck,
            };
    }
}
