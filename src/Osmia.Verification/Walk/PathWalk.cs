using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Objects.Linking;
using Osmia.Verification.Domains;
using Osmia.Verification.Shape;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

/// <summary>
/// Walks every path of a program, the way not taken first put aside, as the kernel does: one state goes from instruction to
/// instruction, and where paths meet it is compared with those that came by before.
/// </summary>
internal sealed partial class PathWalk
{
    private const int MaximumProcessed = 1_000_000;
    private const int MaximumPending = 8192;
    private const int PathEnds = -1;

    private readonly LinkedProgram _program;
    private readonly ProgramShape _shape;
    private readonly ImmutableArray<Instruction> _code;
    private readonly VerificationScope _scope;
    private readonly Stack<Pending> _pending = new();
    private readonly KeptStates _kept;
    private readonly WalkProgress _progress;
    private readonly Trail _trail = new();
    private readonly RegisterLiveness _liveness;
    private readonly StackLiveness _stackLiveness;
    private readonly Precision _precision;
    private readonly bool[] _isChecked;
    private readonly StackUse _stack;
    private readonly FunctionContract? _contract;
    private PathState _state;
    private int _nextId;
    private int _jumpsOnWay;

    /// <param name="contract">Of a global function that is walked by itself; null for the program.</param>
    /// <param name="start">The function's first slot.</param>
    public PathWalk(VerificationScope scope, LinkedProgram program, ProgramShape shape, FunctionContract? contract = null, int start = 0)
    {
        _scope = scope;
        _stack = scope.Stack;
        _program = program;
        _shape = shape;
        _code = shape.Code;
        _precision = new Precision(shape.Code, _trail);
        _liveness = shape.LiveRegisters(program);
        _stackLiveness = new StackLiveness(shape);
        _progress = scope.Progress;
        _kept = new KeptStates(shape, _progress, _trail, _precision, new StateComparison(_liveness, _stackLiveness)) { IteratorIsActive = IteratorIsActive };
        _isChecked = new bool[shape.Code.Length];
        _state = new PathState();
        _state.Frames.Add(Frame.Create(0, start, -1));
        _contract = contract;
        Slot = start;
        if (contract is null)
        {
            _state.Registers[1] = RegisterState.Pointer(RegisterKind.Context);
        }
        else
        {
            contract.Start(NewId).CopyTo(_state.Registers, 0);
        }
    }

    /// <summary>Global functions that are called and must be walked by themselves.</summary>
    public HashSet<LinkedFunction> GlobalsCalled { get; } = [];

    /// <summary>The instruction being looked at.</summary>
    public int Slot { get; private set; }

    public int Processed { get; private set; }

    public int TotalStates => _kept.Total;

    /// <summary>Who watches; null when nobody asked for more than the verdict.</summary>
    public WalkRecorder? Recorder { get; init; }

    public VerificationScope Scope => _scope;

    public ImmutableArray<Instruction> Code => _code;

    public bool IsMeetingPoint(int slot) => _shape.IsMeetingPoint[slot];

    private ref RegisterState this[Register register] => ref _state.Registers[(int)register];

    /// <exception cref="VerdictException">A path does something that is forbidden or not modelled.</exception>
    public void Run()
    {
        Recorder?.Begin(this, _state);
        while (true)
        {
            Processed++;
            if (++_progress.Instructions > MaximumProcessed)
            {
                throw Stop.Reject(CheckFamily.Limits, $"more than {MaximumProcessed} instructions were walked on all paths together");
            }

            bool isCovered = _shape.IsMeetingPoint[Slot] && IsCovered();
            int next = isCovered ? PathEnds : Walk(_code[Slot]);
            if (next != PathEnds)
            {
                Slot = next;
                continue;
            }

            if (isCovered)
            {
                Recorder?.Covered(this, _state, _kept.CoveredBy!.State);
            }

            _kept.EndPath(_state);
            _stack.Note(_state);
            if (!_pending.TryPop(out Pending? pending))
            {
                return;
            }

            (_state, Slot) = (pending.State, pending.Slot);
            _jumpsOnWay = pending.JumpsOnWay;
            _trail.Resume(pending.TrailEnd);
            Recorder?.TakenUp(this, _state);
        }
    }

    private bool IsCovered()
    {
        KeptState? parent = _state.Parent;
        bool isCovered = _kept.IsCovered(_state, Slot, _jumpsOnWay);
        if (_state.Parent != parent)
        {
            _jumpsOnWay = 0;
        }

        return isCovered;
    }

    private int Walk(Instruction instruction)
    {
        _trail.Add(Slot, _state.Frames.Count - 1);
        if (instruction.Opcode.IsJump)
        {
            _progress.Jumps++;
            _jumpsOnWay++;
            if (instruction.IsCall)
            {
                NoteStackReads(instruction);
            }
        }

        return Recorder is null ? Step(instruction) : StepRecorded(Recorder);
    }

    private int StepRecorded(WalkRecorder recorder)
    {
        recorder.Before(this, _state);
        int slot = Slot;
        int next = Step(_code[slot]);
        recorder.After(this, slot, next, _state);
        return next;
    }

    /// <summary>Checks an instruction and does what it does to the state.</summary>
    /// <returns>The slot where this path goes on, or <see cref="PathEnds"/>.</returns>
    private int Step(Instruction instruction)
    {
        if (!_isChecked[Slot])
        {
            _isChecked[Slot] = InstructionValidity.Check(_code.AsSpan(), Slot) is { } reason ? throw Stop.Reject(CheckFamily.Encoding, reason) : true;
        }

        switch (instruction.Opcode.Class)
        {
            case InstructionClass.Alu or InstructionClass.Alu64:
                Compute(instruction);
                return Slot + 1;
            case InstructionClass.Ld when instruction.IsWide:
                LoadWide(instruction);
                return Slot + 2;
            case InstructionClass.Ld:
                LoadLegacy(instruction);
                return Slot + 1;
            case InstructionClass.Ldx:
                Load(instruction);
                return Slot + 1;
            case InstructionClass.St or InstructionClass.Stx:
                StoreOrChange(instruction);
                return Slot + 1;
            default:
                return instruction.IsExit ? Exit() : instruction.IsCall ? Call(instruction) : Jump(instruction);
        }
    }

    private void LoadWide(Instruction instruction)
    {
        Instruction next = _code[Slot + 1];
        RequireWritable(instruction.Destination);
        this[instruction.Destination] = instruction.SourceKind switch
        {
            PseudoLoad.Immediate => RegisterState.Constant(instruction.WideImmediate(next)),
            PseudoLoad.MapIndex => RegisterState.Pointer(RegisterKind.Map) with { Map = _scope.CheckMap(instruction.Immediate) },
            PseudoLoad.MapIndexValue => MapValueAt(_scope.CheckMap(instruction.Immediate), next.Immediate),
            PseudoLoad.Function => FunctionAddress(Slot + 1 + instruction.Immediate),
            PseudoLoad.BtfId => KernelVariable(instruction.Immediate, next.Immediate),
            _ => throw Stop.Reject(CheckFamily.Encoding, $"a wide load of kind {instruction.SourceKind}, which there is not"),
        };
    }

    // The kernel learns from the records of functions which are static: an object with BTF for some of them only has no records.
    private RegisterState FunctionAddress(int function) => _program.Functions.Any(other => other.BtfId.IsVoid)
        ? throw Stop.Reject(CheckFamily.Encoding, $"the address of '{_program.FunctionAt(function).Name}' is taken, but not all functions of the program have BTF")
        : !_scope.IsGlobal(_program.FunctionAt(function))
        ? RegisterState.Pointer(RegisterKind.Function) with { Frame = function }
        : throw Stop.Reject(CheckFamily.Encoding, $"the address of '{_program.FunctionAt(function).Name}' is taken: only static functions are called back");

    private RegisterState MapValueAt(int map, int offset)
    {
        LinkedMap definition = _scope.Maps[map];
        if (definition.Type == MapType.Arena)
        {
            // A user address, which a cast makes a pointer of.
            return RegisterState.Unknown;
        }

        if (definition.Type != MapType.Array || definition.MaxEntries != 1)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"map '{definition.Name}' has no value that a program could have the address of");
        }

        if ((uint)offset >= definition.ValueSize)
        {
            throw Stop.Reject(CheckFamily.Encoding, $"offset {offset} is outside of the {definition.ValueSize} bytes of map '{definition.Name}'");
        }

        return RegisterState.Pointer(RegisterKind.MapValue) with { Map = map, Offset = offset };
    }

    private ref RegisterState Read(Register register)
    {
        ref RegisterState state = ref this[register];
        if (state.Kind == RegisterKind.NotInitialised)
        {
            throw Stop.Reject(CheckFamily.Uninitialised, $"{Name(register)} is read, but nothing was written to it on this path");
        }

        return ref state;
    }

    private static void RequireWritable(Register register)
    {
        if (register == Register.R10)
        {
            throw Stop.Reject(CheckFamily.StackUse, "r10, the frame pointer, cannot be written");
        }
    }

    /// <summary>Puts a way aside, to be walked when the present one has ended.</summary>
    private void Later(PathState state, int slot)
    {
        if (_pending.Count >= MaximumPending)
        {
            throw Stop.Reject(CheckFamily.Limits, $"more than {MaximumPending} branches wait to be walked");
        }

        if (state.Parent is not null)
        {
            state.Parent.Branches++;
        }

        _pending.Push(new Pending(state, slot, _trail.End, _jumpsOnWay));
        Recorder?.PutAside(this, slot, state);
    }

    private int NewId() => ++_nextId;

    private static string Name(Register register) => $"r{(int)register}";

    private sealed record Pending(PathState State, int Slot, int TrailEnd, int JumpsOnWay);
}
