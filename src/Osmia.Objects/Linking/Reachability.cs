using Osmia.Bytecode;

namespace Osmia.Objects.Linking;

/// <summary>
/// Whether every way through a program comes to an instruction that was poisoned. Branches on constants are folded, so that what a
/// program guards by an answer of the linker (a field that does not exist, a weak symbol that is 0) is not on its way.
/// </summary>
/// <remarks>
/// The answer is "certainly" or "perhaps not". Certainly is sound against any kernel: an edge is cut only where the branch is never taken, so
/// when no exit can be reached but through poison, each execution there is comes to poison, and a verifier that misses none of them comes to it too.
/// A call that may not return (<c>bpf_throw</c> is a kfunc) therefore counts as an exit, and so does a jump to an address.
/// </remarks>
internal sealed class Reachability
{
    private const int LargestFunction = 1 << 16;
    private const int MaximumDepth = 64;

    private readonly Instruction[] _code;
    private readonly LinkedProgram _program;
    private readonly HashSet<int> _poisoned;
    private readonly Dictionary<int, bool> _canReturn = [];
    private readonly SortedSet<int> _hits = [];
    private int _depth;

    private Reachability(LinkedProgram program)
    {
        _program = program;
        _code = [.. program.Instructions];
        _poisoned = [.. program.Unresolved.Select(unresolved => unresolved.Slot)];
    }

    /// <summary>The first poisoned instruction on the way when there is no way around them all, else null.</summary>
    public static UnresolvedRelocation? CertainlyReached(LinkedProgram program)
    {
        if (program.Unresolved.IsDefaultOrEmpty)
        {
            return null;
        }

        var walk = new Reachability(program);
        return !walk.CanReturn(0) && walk._hits.Count > 0 ? program.Unresolved.First(unresolved => unresolved.Slot == walk._hits.Min) : null;
    }

    /// <summary>What is known of registers at a place: a value, or nothing.</summary>
    private sealed class State
    {
        public ulong[] Values { get; } = new ulong[Registers];

        public int Known { get; set; }

        public const int Registers = 11;

        public ulong? this[int register]
        {
            get => (Known & (1 << register)) != 0 ? Values[register] : null;
            set
            {
                Known = value is null ? Known & ~(1 << register) : Known | (1 << register);
                Values[register] = value ?? 0;
            }
        }

        public State Copy()
        {
            var copy = new State { Known = Known };
            Values.CopyTo(copy.Values, 0);
            return copy;
        }

        /// <summary>Forgets what the other does not know alike.</summary>
        /// <returns>True when that was something.</returns>
        public bool Join(State other)
        {
            int before = Known;
            for (int i = 0; i < Registers; i++)
            {
                if (this[i] != other[i])
                {
                    this[i] = null;
                }
            }

            return Known != before;
        }
    }

    private bool CanReturn(int start)
    {
        if (_canReturn.TryGetValue(start, out bool known))
        {
            return known;
        }

        _canReturn[start] = true; // A function that calls itself decides nothing, nor does one that no kernel would call so deep.
        if (_depth == MaximumDepth)
        {
            return true;
        }

        _depth++;
        int next = _program.Functions.Where(function => function.Slot > start).Select(function => function.Slot).DefaultIfEmpty(_code.Length).Min();
        _canReturn[start] = next - start > LargestFunction || Walk(start, next);
        _depth--;
        return _canReturn[start];
    }

    private bool Walk(int start, int end)
    {
        var states = new Dictionary<int, State> { [start] = new State() };
        var pending = new Stack<int>([start]);
        while (pending.TryPop(out int slot))
        {
            State state = states[slot].Copy();
            for (bool goesOn = true; goesOn;)
            {
                if (slot < start || slot >= end)
                {
                    return true; // It leaves the function: what then happens is the verifier's affair.
                }

                Instruction instruction = _code[slot];
                if (_poisoned.Contains(slot))
                {
                    _hits.Add(slot);
                    break;
                }

                if (instruction.IsExit || instruction.IsKfuncCall || instruction.Opcode.Value is Opcodes.CallRegister or Opcodes.JumpIndirect)
                {
                    return true;
                }

                if (instruction.IsLocalCall && !CanReturn(slot + 1 + instruction.Immediate))
                {
                    break;
                }

                if (!instruction.IsJump)
                {
                    Apply(state, slot);
                    slot += instruction.IsWide ? 2 : 1;
                    continue;
                }

                int target = slot + 1 + instruction.JumpDistance;
                bool? taken = IsTaken(state, instruction);
                if (taken != false)
                {
                    Meet(states, pending, target, state);
                }

                slot++;
                goesOn = taken != true && Meet(states, pending, slot, state);
                if (goesOn)
                {
                    pending.Pop(); // Gone on with here and now.
                    state = states[slot].Copy();
                }
            }
        }

        return false;
    }

    /// <returns>True when the place is to be walked (again), and was put on the stack.</returns>
    private static bool Meet(Dictionary<int, State> states, Stack<int> pending, int slot, State state)
    {
        if (states.TryGetValue(slot, out State? known))
        {
            if (!known.Join(state))
            {
                return false;
            }
        }
        else
        {
            states[slot] = state.Copy();
        }

        pending.Push(slot);
        return true;
    }

    private static bool? IsTaken(State state, Instruction instruction)
    {
        if (instruction.Opcode.Jump == JumpOperation.Ja)
        {
            return true;
        }

        if (instruction.Opcode.Jump == JumpOperation.Jcond || state[(int)instruction.Destination] is not { } left
            || (instruction.Opcode.UsesRegister ? state[(int)instruction.Source] : (ulong)instruction.Immediate) is not { } right)
        {
            return null;
        }

        if (!instruction.Opcode.Is64Bit)
        {
            (left, right) = ((uint)left, (uint)right);
        }

        (long signedLeft, long signedRight) = instruction.Opcode.Is64Bit ? ((long)left, (long)right) : ((int)left, (int)right);
        return instruction.Opcode.Jump switch
        {
            JumpOperation.Jeq => left == right,
            JumpOperation.Jne => left != right,
            JumpOperation.Jgt => left > right,
            JumpOperation.Jge => left >= right,
            JumpOperation.Jlt => left < right,
            JumpOperation.Jle => left <= right,
            JumpOperation.Jset => (left & right) != 0,
            JumpOperation.Jsgt => signedLeft > signedRight,
            JumpOperation.Jsge => signedLeft >= signedRight,
            JumpOperation.Jslt => signedLeft < signedRight,
            JumpOperation.Jsle => signedLeft <= signedRight,
            _ => null,
        };
    }

    private void Apply(State state, int slot)
    {
        Instruction instruction = _code[slot];
        int destination = (int)instruction.Destination;
        if (destination >= State.Registers || (int)instruction.Source >= State.Registers)
        {
            return; // No such register: the kernel refuses the instruction.
        }

        if (instruction.IsWide)
        {
            state[destination] = instruction.SourceKind == PseudoLoad.Immediate && slot + 1 < _code.Length ? instruction.WideImmediate(_code[slot + 1]) : null;
        }
        else if (instruction.Opcode.IsArithmetic)
        {
            state[destination] = Compute(state, instruction);
        }
        else if (instruction.IsCall || instruction.Opcode.Mode is Mode.Abs or Mode.Ind && instruction.Opcode.Class == InstructionClass.Ld)
        {
            for (int i = 0; i <= 5; i++)
            {
                state[i] = null;
            }
        }
        else if (instruction.Opcode.Class == InstructionClass.Ldx)
        {
            state[destination] = null;
        }
        else if (instruction.Opcode.Mode == Mode.Atomic)
        {
            (state[destination], state[(int)instruction.Source], state[0]) = (null, null, null);
        }
    }

    private static ulong? Compute(State state, Instruction instruction)
    {
        Opcode opcode = instruction.Opcode;
        ulong? operand = opcode.UsesRegister ? state[(int)instruction.Source] : (ulong)instruction.Immediate;
        if (instruction.Offset != 0 || operand is not { } right)
        {
            return null; // Sign extension, signed division, casts between address spaces: nothing that guards are made of.
        }

        if (opcode.Arithmetic == ArithmeticOperation.Mov)
        {
            return opcode.Is64Bit ? right : (uint)right;
        }

        if (state[(int)instruction.Destination] is not { } left)
        {
            return null;
        }

        int shift = (int)right & (opcode.Is64Bit ? 63 : 31);
        ulong? result = opcode.Arithmetic switch
        {
            ArithmeticOperation.Add => left + right,
            ArithmeticOperation.Sub => left - right,
            ArithmeticOperation.Mul => left * right,
            ArithmeticOperation.Or => left | right,
            ArithmeticOperation.And => left & right,
            ArithmeticOperation.Xor => left ^ right,
            ArithmeticOperation.Lsh => left << shift,
            ArithmeticOperation.Rsh => (opcode.Is64Bit ? left : (uint)left) >> shift,
            ArithmeticOperation.Arsh => opcode.Is64Bit ? (ulong)((long)left >> shift) : (ulong)((int)left >> shift),
            _ => null,
        };
        return opcode.Is64Bit || result is null ? result : (uint)result.Value;
    }
}
