using System.Globalization;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Disassembly;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Verification.State;
using Osmia.Verification.Walk;

namespace Osmia.Verification.KernelLog;

/// <summary>
/// Writes a walk as the kernel's verifier logs it: level 1 the path that is walked last, which is the refused one, level 2 every path. What
/// the kernel says of its own work (backtracking, live registers, loops) is left out.
/// </summary>
internal sealed class KernelLogWriter(LinkedProgram program, int level) : WalkRecorder
{
    // What a kernel's buffer holds at most is 1 GB; nobody reads that.
    private const int LongestLog = 64 * 1024 * 1024;
    private const int StateColumn = 38;

    private readonly StringBuilder _text = new();
    private readonly Stack<(int Length, int From)> _aside = new();
    private int _lineStart;
    private int _printed = -1;
    private int _from = -1;
    private int _frames;
    private bool _isResumed;
    private string _source = "";
    private LineRecord? _record;
    private PathState? _before;

    /// <summary>The log, with what came of it.</summary>
    public string Finish(VerificationReport report)
    {
        if (report.Problem is { } problem)
        {
            EndLine();
            _text.Append(problem.Message).Append('\n');
        }

        EndLine();
        return _text
            .Append(CultureInfo.InvariantCulture, $"verification time {(long)report.Time.TotalMicroseconds} usec\n")
            .Append(CultureInfo.InvariantCulture, $"stack depth {report.StackDepth}\n")
            .Append(CultureInfo.InvariantCulture, $"processed {report.InstructionsProcessed} insns (limit 1000000) total_states {report.TotalStates} peak_states {report.PeakStates}\n")
            .ToString();
    }

    public override void Begin(PathWalk walk, PathState state)
    {
        if (walk.Slot != 0)
        {
            LinkedFunction function = program.FunctionAt(walk.Slot);
            EndLine();
            _text.Append(CultureInfo.InvariantCulture, $"Validating {function.Name}() func#{program.Functions.IndexOf(function)}...\n");
        }

        _aside.Clear();
        _printed = -1;
        _from = -1;
        _frames = 1;
        _isResumed = false;
        (_source, _record) = ("", null);
        _before = null;
        _text.Append(CultureInfo.InvariantCulture, $"{walk.Slot}:");
        KernelStateText.Append(_text, state, 0, walk.Scope, withReferences: true);
        _text.Append('\n');
    }

    public override void Before(PathWalk walk, PathState state)
    {
        if (_text.Length > LongestLog)
        {
            return;
        }

        int slot = walk.Slot;
        int frame = state.Frames.Count - 1;
        if (_isResumed)
        {
            AppendResumption(walk, state, slot);
            Line(walk, state, slot, frame, 0x7ff, ulong.MaxValue);
        }
        else if (_printed >= 0 && frame >= _frames)
        {
            AppendEntry(walk, state, slot, frame);
        }
        else if (_printed >= 0 && frame < _frames - 1)
        {
            AppendReturn(walk, state, slot);
        }
        else if (_printed >= 0)
        {
            (ushort registers, ulong slots) = Touched(walk.Code[_printed], state);
            AppendBehind(walk, state, frame, registers, slots);
        }

        EndLine();
        AppendSource(slot);
        _lineStart = _text.Length;
        _text.Append(CultureInfo.InvariantCulture, $"{slot}: ");
        Disassembler.Append(_text, program.Instructions.AsSpan(), slot);
        _printed = slot;
        _frames = state.Frames.Count;
        _isResumed = false;
        _before = state.Copy();
    }

    public override void PutAside(PathWalk walk, int slot, PathState aside) => _aside.Push((_text.Length, walk.Slot));

    public override void TakenUp(PathWalk walk, PathState state)
    {
        (int length, _from) = _aside.Pop();
        if (level < 2 && length <= _text.Length)
        {
            _text.Length = length;
            _lineStart = Math.Min(_lineStart, length);
        }

        EndLine();
        _isResumed = true;
        _frames = state.Frames.Count;
    }

    public override void Covered(PathWalk walk, PathState state, PathState earlier)
    {
        EndLine();
        if (_isResumed)
        {
            _text.Append(CultureInfo.InvariantCulture, $"\nfrom {_from} to {walk.Slot}: safe\n");
        }
        else
        {
            _text.Append(CultureInfo.InvariantCulture, $"{walk.Slot}: safe\n");
        }

        _isResumed = false;
        _printed = -1;
    }

    private void AppendResumption(PathWalk walk, PathState state, int slot)
    {
        EndLine();
        _text.Append(CultureInfo.InvariantCulture, $"\nfrom {_from} to {slot}:");
        KernelStateText.Append(_text, state, state.Frames.Count - 1, walk.Scope, withReferences: true);
        _text.Append('\n');
    }

    private void Line(PathWalk walk, PathState state, int slot, int frame, ushort registers, ulong slots)
    {
        _text.Append(CultureInfo.InvariantCulture, $"{slot}:");
        KernelStateText.Append(_text, state, frame, walk.Scope, registers, slots, withReferences: true);
        _text.Append('\n');
    }

    private void AppendEntry(PathWalk walk, PathState state, int slot, int frame)
    {
        EndLine();
        _text.Append("caller:\n");
        KernelStateText.Append(_text, state, frame - 1, walk.Scope);
        _text.Append("\ncallee:\n");
        KernelStateText.Append(_text, state, frame, walk.Scope);
        _text.Append('\n');
        Line(walk, state, slot, frame, 0x7ff, ulong.MaxValue);
    }

    private void AppendReturn(PathWalk walk, PathState state, int slot)
    {
        EndLine();
        if (_before is not null)
        {
            _text.Append("returning from callee:\n");
            KernelStateText.Append(_text, _before, _before.Frames.Count - 1, walk.Scope);
        }

        _text.Append(CultureInfo.InvariantCulture, $"\nto caller at {slot}:\n");
        KernelStateText.Append(_text, state, state.Frames.Count - 1, walk.Scope);
        _text.Append(CultureInfo.InvariantCulture, $"\n\nfrom {_printed} to {slot}:");
        KernelStateText.Append(_text, state, state.Frames.Count - 1, walk.Scope, withReferences: true);
        _text.Append('\n');
    }

    /// <summary>Behind the instruction's text, what it read and wrote.</summary>
    private void AppendBehind(PathWalk walk, PathState state, int frame, ushort registers, ulong slots)
    {
        int before = _text.Length;
        var shown = new StringBuilder();
        KernelStateText.Append(shown, state, frame, walk.Scope, registers, slots);
        int bare = frame > 0 ? $" frame{frame}:".Length : 0;
        if (shown.Length > bare)
        {
            _text.Append(' ', Math.Max(StateColumn - (before - _lineStart), 1)).Append(';').Append(shown);
        }
    }

    /// <summary>Registers an instruction names, and stack slots that it changed or went through.</summary>
    private (ushort Registers, ulong Slots) Touched(Instruction instruction, PathState state)
    {
        int registers = instruction.Opcode.Class switch
        {
            InstructionClass.Alu or InstructionClass.Alu64 => 1 << (int)instruction.Destination | (instruction.Opcode.UsesRegister && instruction.Opcode.Arithmetic != ArithmeticOperation.End ? 1 << (int)instruction.Source : 0),
            InstructionClass.Ld => instruction.IsWide ? 1 << (int)instruction.Destination : 1,
            InstructionClass.Ldx or InstructionClass.Stx => 1 << (int)instruction.Destination | 1 << (int)instruction.Source,
            InstructionClass.St => 1 << (int)instruction.Destination,
            _ => instruction.IsCall ? 1
                : instruction.IsJump && instruction.Opcode.Value is not (Opcodes.Jump or Opcodes.JumpLong)
                    ? 1 << (int)instruction.Destination | (instruction.Opcode.UsesRegister ? 1 << (int)instruction.Source : 0)
                : 0,
        };
        ulong slots = 0;
        Frame? before = _before is { } known && known.Frames.Count == state.Frames.Count ? known.Current : null;
        StackSlot[] stack = state.Current.Stack;
        // What a comparison tells of registers on the stack, the kernel does not print.
        bool isComparison = instruction.IsJump && !instruction.IsCall;
        for (int i = 0; i < stack.Length && !isComparison; i++)
        {
            StackSlot old = before is not null && i < before.Stack.Length ? before.Stack[i] : default;
            if (old.Bytes != stack[i].Bytes || (stack[i].IsSpill && (old.Spilled.Kind != stack[i].Spilled.Kind || old.Spilled.Number != stack[i].Spilled.Number || old.Spilled.Id != stack[i].Spilled.Id)))
            {
                slots |= 1UL << i;
            }
        }

        if (instruction.Opcode.IsLoadOrStore && before is not null)
        {
            RegisterState pointer = before.Registers[(int)(instruction.Opcode.Class == InstructionClass.Ldx ? instruction.Source : instruction.Destination)];
            long place = pointer.Offset + (long)pointer.Number.Value + instruction.Offset;
            if (pointer.Kind == RegisterKind.Stack && pointer.Number.IsConstant && pointer.Frame == state.Current.Number && place is < 0 and >= -Frame.StackSize)
            {
                slots |= 1UL << Frame.Place((int)place).Slot;
            }
        }

        return ((ushort)registers, slots);
    }

    private void AppendSource(int slot)
    {
        if (program.Types is not { } types)
        {
            return;
        }

        if (LineRecord.At(program.Lines.AsSpan(), slot) is not { } record || record == _record)
        {
            return;
        }

        _record = record;
        SourceLine line = record.Describe(types);
        string text = $"; {line.Text} @ {line.File[(line.File.LastIndexOf('/') + 1)..]}:{line.Line}";
        if (text != _source)
        {
            _text.Append(text).Append('\n');
            _source = text;
        }
    }

    private void EndLine()
    {
        if (_text.Length > 0 && _text[^1] != '\n')
        {
            _text.Append('\n');
        }
    }
}
