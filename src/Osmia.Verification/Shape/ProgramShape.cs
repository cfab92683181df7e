using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Shape;

/// <summary>What holds of a program before any path is walked: its functions, where paths meet, that every instruction is reached.</summary>
internal sealed class ProgramShape
{
    private const int MaximumInstructions = 1_000_000;

    private readonly int[] _functionOf;
    private int[]? _loops;
    private int[][]? _predecessors;
    private RegisterLiveness? _registers;

    private ProgramShape(ImmutableArray<Instruction> code, int[] functionOf, bool[] meeting, HashSet<int> functions, LoopPoint[] loopPoints)
    {
        LoopPoints = loopPoints;
        Code = code;
        _functionOf = functionOf;
        IsMeetingPoint = meeting;
        Functions = functions;
    }

    public ImmutableArray<Instruction> Code { get; }

    /// <summary>First slots of functions.</summary>
    public HashSet<int> Functions { get; }

    /// <summary>Slots where states are compared: conditional jumps and targets of jumps, calls of the program's functions and their first instructions, and what follows any call.</summary>
    public bool[] IsMeetingPoint { get; }

    /// <summary>Where loops converge; states are kept there always.</summary>
    public LoopPoint[] LoopPoints { get; }

    /// <summary>The number of the loop an instruction is in, from 1; 0 for none. Two slots of one number can reach each other.</summary>
    public int LoopAt(int slot) => (_loops ??= LoopComponents.Of(Code.AsSpan(), at => LoopPoints[at] == LoopPoint.Callback))[slot];

    /// <summary>Tells that the call at a slot yields an iterator's next element, which takes types to know. Before the program is walked.</summary>
    public void MarkIterator(int slot)
    {
        LoopPoints[slot] = LoopPoint.Iterator;
        IsMeetingPoint[slot] = true;
    }

    /// <summary>The instructions of its function that go on to each.</summary>
    public int[][] Predecessors => _predecessors ??= LoopComponents.Predecessors(Code.AsSpan());

    public RegisterLiveness LiveRegisters(LinkedProgram program) => _registers ??= new RegisterLiveness(this, program);

    /// <summary>Tells that the kernel function called at a slot calls one of the program's. Before the program is walked.</summary>
    public void MarkCallback(int slot)
    {
        LoopPoints[slot] = LoopPoint.Callback;
        IsMeetingPoint[slot] = true;
    }

    public int FunctionAt(int slot) => _functionOf[slot];

    /// <exception cref="VerdictException">The program is not well formed.</exception>
    public static ProgramShape Of(LinkedProgram program, ref int at)
    {
        ReadOnlySpan<Instruction> code = program.Instructions.AsSpan();
        if (code.Length is 0 or > MaximumInstructions)
        {
            throw Stop.Reject(CheckFamily.Limits, $"the program has {code.Length} instructions; 1 to {MaximumInstructions} are allowed");
        }

        CheckOpcodes(code, ref at);
        HashSet<int> functions = FindFunctions(code, ref at);
        int[] functionOf = new int[code.Length];
        for (int slot = 0, current = 0; slot < code.Length; slot++)
        {
            current = functions.Contains(slot) ? slot : current;
            functionOf[slot] = current;
        }

        bool[] meeting = new bool[code.Length];
        CheckFlow(code, functionOf, functions, meeting, ref at);
        return new ProgramShape(program.Instructions, functionOf, meeting, functions, FindLoopPoints(program, meeting));
    }

    /// <summary>
    /// What must hold of code that is never run, too: known opcodes, whole wide instructions, jumps to instructions. Other fields are
    /// looked at when a path comes by, as the kernel does.
    /// </summary>
    private static void CheckOpcodes(ReadOnlySpan<Instruction> code, ref int at)
    {
        bool[] isSecond = new bool[code.Length + 1];
        for (int slot = 0; slot < code.Length; slot++)
        {
            at = slot;
            if ((code[slot].IsWide || (code[slot].Opcode.Class == InstructionClass.Ldx && code[slot].Immediate != 0)) && InstructionValidity.Check(code, slot) is { } reason)
            {
                throw Stop.Reject(CheckFamily.Encoding, reason);
            }

            if (!IsAssigned(code[slot].Opcode))
            {
                throw Stop.Reject(CheckFamily.Encoding, $"opcode {code[slot].Opcode} is not assigned");
            }

            if (code[slot].IsWide)
            {
                isSecond[++slot] = true;
            }
        }

        for (int slot = 0; slot < code.Length; slot++)
        {
            long target = (long)slot + 1 + code[slot].JumpDistance;
            if (!isSecond[slot] && code[slot].IsJump && (target < 0 || target >= code.Length || isSecond[target]))
            {
                at = slot;
                throw Stop.Reject(CheckFamily.ControlFlow, $"the jump goes to slot {target}, where no instruction begins");
            }
        }
    }

    private static bool IsAssigned(Opcode opcode)
    {
        // With all other fields as plain as can be, only the opcode itself can be at fault.
        int immediate = opcode.IsArithmetic && opcode.Arithmetic == ArithmeticOperation.End ? 16
            : opcode.Class == InstructionClass.Stx && opcode.Mode == Mode.Atomic ? AtomicOperation.LoadAcquire
            : 0;
        return opcode.Value == Opcodes.LoadImmediate64 || InstructionValidity.Check([new Instruction(opcode, 0, 0, immediate)], 0) is null;
    }

    private static HashSet<int> FindFunctions(ReadOnlySpan<Instruction> code, ref int at)
    {
        var functions = new HashSet<int> { 0 };
        for (int slot = 0; slot < code.Length; slot++)
        {
            Instruction instruction = code[slot];
            at = slot;
            if (instruction.IsLocalCall || instruction.IsFunctionAddress)
            {
                long callee = (long)slot + instruction.Immediate + 1;
                if (callee < 0 || callee >= code.Length)
                {
                    throw Stop.Reject(CheckFamily.ControlFlow, $"the function at slot {callee} is outside of the program");
                }

                functions.Add((int)callee);
            }

            slot += instruction.IsWide ? 1 : 0;
        }

        return functions;
    }

    /// <summary>Calls of callbacks and may_goto.</summary>
    private static LoopPoint[] FindLoopPoints(LinkedProgram program, bool[] meeting)
    {
        ReadOnlySpan<Instruction> code = program.Instructions.AsSpan();
        var points = new LoopPoint[code.Length];
        for (int slot = 0; slot < code.Length; slot++)
        {
            Instruction instruction = code[slot];
            HelperTraits traits = instruction.IsHelperCall ? HelperTable.Find(instruction.Immediate)?.SignatureFor(program.Type, program.AttachType)?.Traits ?? default : default;
            points[slot] = instruction.Opcode.Value == Opcodes.MayGoto ? LoopPoint.MayGoto
                : (traits & HelperTraits.CallsCallback) != 0 ? LoopPoint.Callback
                : LoopPoint.None;
            meeting[slot] |= points[slot] != LoopPoint.None || (traits & HelperTraits.DefersCallback) != 0;
            slot += instruction.IsWide ? 1 : 0;
        }

        return points;
    }

    private static void CheckFlow(ReadOnlySpan<Instruction> code, int[] functionOf, HashSet<int> functions, bool[] meeting, ref int at)
    {
        bool[] reached = new bool[code.Length];
        var work = new Stack<int>(functions);
        while (work.TryPop(out int slot))
        {
            while (!reached[slot])
            {
                at = slot;
                reached[slot] = true;
                Instruction instruction = code[slot];
                int next = slot + (instruction.IsWide ? 2 : 1);
                if (instruction.IsWide)
                {
                    reached[slot + 1] = true;
                }

                bool falls = !instruction.IsExit && instruction.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong);
                if (instruction.IsJump)
                {
                    int target = slot + 1 + instruction.JumpDistance;
                    if (functionOf[target] != functionOf[slot])
                    {
                        throw Stop.Reject(CheckFamily.ControlFlow, $"the jump to slot {target} leaves its function");
                    }

                    meeting[target] = true;
                    meeting[slot] |= falls;
                    work.Push(target);
                }
                else if (instruction.IsCall || instruction.IsFunctionAddress)
                {
                    if (!instruction.IsHelperCall && !instruction.IsKfuncCall)
                    {
                        meeting[slot] = true;
                        meeting[slot + 1 + instruction.Immediate] = true;
                    }

                    if (next < code.Length)
                    {
                        meeting[next] = true;
                    }
                }

                if (!falls)
                {
                    break;
                }

                if (next >= code.Length || functionOf[next] != functionOf[slot])
                {
                    throw Stop.Reject(CheckFamily.ControlFlow, "the function's last instruction is no exit and no jump");
                }

                slot = next;
            }
        }

        int unreached = Array.IndexOf(reached, false);
        if (unreached >= 0)
        {
            at = unreached;
            throw Stop.Reject(CheckFamily.ControlFlow, "no path reaches this instruction");
        }
    }
}
