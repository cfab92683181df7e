using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Verification.Domains;
using Osmia.Verification.Facts;
using Osmia.Verification.State;
using Osmia.Verification.Walk;
using Osmia.Vm;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Tests.Verification.Generator;

/// <summary>Keeps every state of a walk, as long as they are not too many and no path was ended because another covered it.</summary>
internal sealed class StateRecorder : WalkRecorder
{
    private const int MaximumStates = 4000;

    private readonly Dictionary<int, List<PathState>> _bySlot = [];
    private int _count;

    /// <summary>All executions are in what was kept.</summary>
    public bool IsComplete { get; private set; } = true;

    public IReadOnlyList<PathState> At(int slot) => _bySlot.TryGetValue(slot, out List<PathState>? states) ? states : [];

    public override void Before(PathWalk walk, PathState state)
    {
        if (!IsComplete)
        {
            return;
        }

        if (++_count > MaximumStates)
        {
            Forget();
            return;
        }

        if (!_bySlot.TryGetValue(walk.Slot, out List<PathState>? states))
        {
            _bySlot[walk.Slot] = states = [];
        }

        states.Add(state.Copy());
    }

    public override void Covered(PathWalk walk, PathState state, PathState earlier) => Forget();

    private void Forget()
    {
        IsComplete = false;
        _bySlot.Clear();
    }
}

/// <summary>
/// Looks on while the interpreter runs a verified program: before each instruction every register and every byte of the stack must be
/// what the verifier said it is.
/// </summary>
/// <param name="facts">What holds on all executions.</param>
/// <param name="states">All states of the walk, one of which must hold each execution; null to leave them out.</param>
internal sealed class StateWatch(LinkedProgram program, VerificationFacts facts, StateRecorder? states, LoadedObject loaded)
{
    private int _last = -1;

    public int Steps { get; private set; }

    /// <summary>The first thing that was not as it was said to be.</summary>
    public string? Fault { get; private set; }

    public void Attach() => ((VmProgram)loaded.Programs[0]).Watch(Look);

    private void Look(ExecutionSlot slot, int at)
    {
        Steps++;
        if (Fault is not null)
        {
            return;
        }

        Fault = OfFacts(slot, at) ?? OfStates(slot, at);
        _last = at;
    }

    private string? OfFacts(ExecutionSlot slot, int at)
    {
        if (!facts.IsReached(at))
        {
            return $"slot {at} is reached, which no path of the walk did";
        }

        if (_last >= 0 && program.Instructions[_last] is { IsJump: true } jump && jump.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong) && jump.JumpDistance != 0)
        {
            BranchFact taken = at == _last + 1 ? BranchFact.NeverTaken : BranchFact.AlwaysTaken;
            if ((facts.BranchAt(_last) & taken) == 0)
            {
                return $"slot {_last} goes to {at}, where it was said to go never";
            }
        }

        for (int register = 0; register <= 10; register++)
        {
            RegisterFact fact = facts.RegisterAt(at, (Register)register);
            if (!Holds(fact, slot, slot.Register(register)))
            {
                return $"slot {at}: r{register} is 0x{slot.Register(register):x}, said to be {fact}";
            }
        }

        int depth = Depth(slot);
        for (int offset = -8; offset >= -Frame.StackSize; offset -= 8)
        {
            RegisterFact fact = facts.StackAt(at, offset);
            if (fact.Kind != ValueKind.Unknown && !Holds(fact, slot, Word(slot, depth, offset)))
            {
                return $"slot {at}: r10{offset} is 0x{Word(slot, depth, offset):x}, said to be {fact}";
            }
        }

        return null;
    }

    private bool Holds(in RegisterFact fact, ExecutionSlot slot, ulong value)
    {
        if (fact.Kind is ValueKind.Unknown)
        {
            return true;
        }

        if (fact.Kind == ValueKind.Number)
        {
            return fact.Value.Contains(value);
        }

        if (value == 0)
        {
            return fact.MayBeNull;
        }

        return fact.Kind switch
        {
            ValueKind.Context => fact.Value.Contains(value - Context(slot)),
            ValueKind.Stack when fact.FramesUp >= 0 => fact.Value.Contains(value - slot.FrameTop(Depth(slot) - fact.FramesUp)),
            ValueKind.MapValue when fact.Map >= 0 => IsInValue(fact.Map, fact.Value, slot, value),
            ValueKind.PacketEnd => value == slot.PacketEnd,
            _ => true,
        };
    }

    private string? OfStates(ExecutionSlot slot, int at)
    {
        if (states is not { IsComplete: true })
        {
            return null;
        }

        foreach (PathState state in states.At(at))
        {
            if (Holds(state, slot))
            {
                return null;
            }
        }

        return $"slot {at}: none of {states.At(at).Count} states holds r0-r10 {string.Join(' ', Enumerable.Range(0, 11).Select(register => $"0x{slot.Register(register):x}"))}";
    }

    private bool Holds(PathState state, ExecutionSlot slot)
    {
        int depth = Depth(slot);
        if (state.Frames.Count != depth + 1)
        {
            return false;
        }

        for (int register = 0; register < 10; register++)
        {
            if (!Holds(state.Registers[register], slot, slot.Register(register)))
            {
                return false;
            }
        }

        for (int frame = 0; frame <= depth; frame++)
        {
            StackSlot[] stack = state.Frames[frame].Stack;
            for (int i = 0; i < stack.Length; i++)
            {
                if (!Holds(ref stack[i], slot, frame, -8 * (i + 1)))
                {
                    return false;
                }
            }
        }

        return true;
    }

    private bool Holds(ref StackSlot stack, ExecutionSlot slot, int frame, int offset)
    {
        for (int i = 0; i < StackSlot.Size; i++)
        {
            if (stack[i] == StackByte.Zero && slot.StackByte(frame, offset + i) != 0)
            {
                return false;
            }
        }

        if (!stack.IsSpill)
        {
            return true;
        }

        ulong word = Word(slot, frame, offset);
        int size = stack.SpilledSize;
        RegisterState spilled = stack.Spilled;
        if (spilled.IsNumber && size < 8)
        {
            // A number is kept whole; only its low bytes stand on the stack.
            spilled.Number = ScalarArithmetic.Truncate(spilled.Number, size);
        }

        return Holds(spilled, slot, size == 8 ? word : word & ((1UL << (size * 8)) - 1));
    }

    private bool Holds(in RegisterState register, ExecutionSlot slot, ulong value)
    {
        if (register.Kind == RegisterKind.NotInitialised)
        {
            return true;
        }

        if (register.IsNumber)
        {
            return register.Number.Contains(value);
        }

        if (value == 0)
        {
            return register.IsNullable;
        }

        ulong moved = value - (ulong)(long)register.Offset;
        return register.Kind switch
        {
            RegisterKind.Context => register.Number.Contains(moved - Context(slot)),
            RegisterKind.Stack => register.Number.Contains(moved - slot.FrameTop(register.Frame)),
            RegisterKind.MapValue => IsInValue(register.Map, register.Number, slot, moved),
            RegisterKind.Packet => register.Number.Contains(moved - slot.PacketStart) && (register.Range == 0 || moved + (ulong)register.Range <= slot.PacketEnd),
            RegisterKind.PacketEnd => value == slot.PacketEnd,
            _ => true,
        };
    }

    /// <summary>A context of a memory program is its memory.</summary>
    private ulong Context(ExecutionSlot slot) => program.Type is ProgramType.Syscall or ProgramType.RawTracepoint ? slot.PacketStart : slot.ContextStart;

    /// <summary>Whether an address is so many bytes from the beginning of any value of a map.</summary>
    private bool IsInValue(int map, Scalar offsets, ExecutionSlot slot, ulong address)
    {
        var values = (VmMap)loaded.Maps[map];
        if (values.Type != MapType.Array)
        {
            return !slot.TryFindMap(address, out VmMap? found, out MapRegion region) || found != values || offsets.Contains(address - region.Low) || !offsets.IsConstant;
        }

        ulong stride = ((ulong)values.ValueSize + 7) & ~7UL;
        for (ulong element = 0; element < values.Definition.MaxEntries; element++)
        {
            if (offsets.Contains(address - (values.MemoryStart + (element * stride))))
            {
                return true;
            }
        }

        return false;
    }

    private static ulong Word(ExecutionSlot slot, int frame, int offset)
    {
        ulong word = 0;
        for (int i = 7; i >= 0; i--)
        {
            word = (word << 8) | slot.StackByte(frame, offset + i);
        }

        return word;
    }

    private static unsafe int Depth(ExecutionSlot slot) => slot.State->Depth;
}
