namespace Osmia.Bytecode.Assembly;

/// <summary>
/// The instructions assembled so far, the labels, and the names that wait for them. <see cref="Resolve"/> is called once, when all
/// text is read.
/// </summary>
internal sealed class CodeAssembler(AssemblySource source)
{
    private readonly List<Instruction> _code = [];
    private readonly List<int> _lines = [];
    private readonly Dictionary<string, Label> _labels = [];
    private readonly List<Fixup> _fixups = [];
    private readonly List<AssemblyReference> _references = [];

    public int Count => _code.Count;

    /// <summary>Labels with their slots, in the order of the text.</summary>
    public IEnumerable<(string Name, int Slot)> Labels => _labels.Select(label => (label.Key, label.Value.Slot));

    /// <summary>Names that calls and loads refer to, in the order of slots.</summary>
    public IReadOnlyList<AssemblyReference> References => _references;

    /// <summary>Names that are jumped to.</summary>
    public IEnumerable<string> JumpTargets => _fixups.Where(fixup => fixup.Kind is FixupKind.Jump or FixupKind.LongJump).Select(fixup => fixup.Name);

    public Instruction this[int slot] => _code[slot];

    public Instruction[] ToArray() => [.. _code];

    /// <summary>The line of the text each slot came from.</summary>
    public int[] LinesToArray() => [.. _lines];

    public void Add(Instruction instruction)
    {
        _code.Add(instruction);
        _lines.Add(source.Line);
    }

    /// <summary>What there is now; <see cref="Rollback"/> takes back what a statement with an error added since.</summary>
    public (int Slots, int Fixups, int References) Mark() => (_code.Count, _fixups.Count, _references.Count);

    public void Rollback((int Slots, int Fixups, int References) mark)
    {
        _code.RemoveRange(mark.Slots, _code.Count - mark.Slots);
        _lines.RemoveRange(mark.Slots, _lines.Count - mark.Slots);
        _fixups.RemoveRange(mark.Fixups, _fixups.Count - mark.Fixups);
        _references.RemoveRange(mark.References, _references.Count - mark.References);
    }

    public void AddLabel(string name, int position)
    {
        if (!_labels.TryAdd(name, new Label(_code.Count, source.Line)))
        {
            source.Report(AssemblyErrors.SecondLabel(name, _labels[name].Line), position);
        }
    }

    /// <summary>The instruction added next jumps to a label.</summary>
    public void JumpTo(string name, bool isLong, int position) =>
        _fixups.Add(new(isLong ? FixupKind.LongJump : FixupKind.Jump, name, _code.Count, 0, source.Line, position - source.LineStart + 1, source.LineStart));

    /// <summary>The instruction added next calls or loads a name.</summary>
    public void Refer(AssemblyReferenceKind kind, string name, long offset, int position)
    {
        int column = position - source.LineStart + 1;
        _references.Add(new(_code.Count, kind, name, offset, source.Line, column));
        _fixups.Add(new(kind == AssemblyReferenceKind.Call ? FixupKind.Call : FixupKind.Load, name, _code.Count, _references.Count - 1, source.Line, column, source.LineStart));
    }

    public void Resolve(SymbolResolver? resolve)
    {
        foreach (Fixup fixup in _fixups)
        {
            if (source.HasTooManyProblems)
            {
                return;
            }

            if (fixup.Kind is FixupKind.Jump or FixupKind.LongJump)
            {
                ResolveJump(fixup);
            }
            else
            {
                ResolveReference(fixup, _references[fixup.Reference], resolve);
            }
        }
    }

    private void ResolveJump(Fixup fixup)
    {
        if (!_labels.TryGetValue(fixup.Name, out Label label))
        {
            Report(fixup, AssemblyErrors.UnknownName(fixup.Name, "a jump goes to a label or a distance (+3)", NearestName.Find(fixup.Name, _labels.Keys)));
            return;
        }

        long distance = label.Slot - fixup.Slot - 1L;
        Instruction jump = _code[fixup.Slot];
        if (fixup.Kind == FixupKind.LongJump)
        {
            _code[fixup.Slot] = jump.WithImmediate((int)distance);
        }
        else if (distance is >= short.MinValue and <= short.MaxValue)
        {
            _code[fixup.Slot] = jump with { Offset = (short)distance };
        }
        else
        {
            Report(fixup, AssemblyErrors.Distance(fixup.Name, distance, 16, jump.Opcode.Value == Opcodes.Jump ? "use gotol" : "jump to a gotol that is nearer"));
        }
    }

    private void ResolveReference(Fixup fixup, AssemblyReference reference, SymbolResolver? resolve)
    {
        bool isCall = fixup.Kind == FixupKind.Call;
        if (_labels.TryGetValue(fixup.Name, out Label label))
        {
            if (reference.Offset != 0)
            {
                Report(fixup, AssemblyErrors.NoSuchInstruction($"'{fixup.Name}{reference.Offset:+0;-0}' is within a function", "a function is called and loaded by its beginning"));
                return;
            }

            Apply(fixup.Slot, new(isCall ? CallKind.Local : PseudoLoad.Function, label.Slot - fixup.Slot - 1));
        }
        else if (resolve?.Invoke(reference) is { } value)
        {
            Apply(fixup.Slot, value);
        }
        else if (isCall && HelperTable.TryFind(fixup.Name, out HelperId helper))
        {
            Apply(fixup.Slot, SymbolValue.Helper(helper));
        }
        else
        {
            IEnumerable<string> helpers = Enumerable.Range(1, HelperTable.Count).Select(HelperTable.NameOf);
            helpers = fixup.Name.StartsWith("bpf_", StringComparison.Ordinal) ? helpers : helpers.Select(name => name["bpf_".Length..]);
            IEnumerable<string> candidates = isCall ? helpers.Concat(_labels.Keys) : _labels.Keys;
            Report(fixup, AssemblyErrors.UnknownName(
                fixup.Name,
                isCall ? "it is no label, no helper, and nothing else gives it a meaning" : "it is no label, and nothing else gives it a meaning",
                NearestName.Find(fixup.Name, candidates)));
        }
    }

    private void Apply(int slot, SymbolValue value)
    {
        _code[slot] = _code[slot].WithSourceKind(value.SourceKind).WithImmediate(value.Immediate);
        if (_code[slot].IsWide)
        {
            _code[slot + 1] = _code[slot + 1].WithImmediate(value.NextImmediate);
        }
    }

    private void Report(Fixup fixup, AssemblyDiagnostic problem) => source.Report(problem, fixup.Line, fixup.Column, fixup.LineStart);

    private enum FixupKind
    {
        Jump,
        LongJump,
        Call,
        Load,
    }

    private readonly record struct Label(int Slot, int Line);

    private sealed record Fixup(FixupKind Kind, string Name, int Slot, int Reference, int Line, int Column, int LineStart);
}
