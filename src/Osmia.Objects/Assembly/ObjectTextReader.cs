using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

/// <summary>Reads the lines of an object's text into sections, maps and declarations. Nothing is resolved here.</summary>
internal sealed partial class ObjectTextReader
{
    private const string Text = ".text";

    private readonly AssemblySource _source;
    private readonly List<CodeSection> _code = [];
    private readonly List<DataSection> _data = [];
    private readonly Dictionary<string, CodeSection> _codeByName = [];
    private readonly Dictionary<string, DataSection> _dataByName = [];
    private readonly List<BpfMap> _maps = [];
    private readonly Dictionary<string, BpfMap> _mapsByName = [];
    private readonly List<TextSlot> _slots = [];
    private readonly HashSet<string> _globals = [];
    private readonly HashSet<string> _functions = [];

    // Numbers and messages of directives are read with the parts for instructions.
    private readonly StatementParser _operands;
    private CodeSection? _currentCode;
    private DataSection? _currentData;
    private bool _isInLicense;

    public ObjectTextReader(AssemblySource source)
    {
        _source = source;
        _operands = new StatementParser(source, new CodeAssembler(source));
        _currentCode = CodeOf(Text);
    }

    public IReadOnlyList<CodeSection> Code => _code;

    public IReadOnlyList<DataSection> Data => _data;

    public IReadOnlyList<BpfMap> Maps => _maps;

    public IReadOnlyList<TextSlot> Slots => _slots;

    /// <summary>Names that <c>.globl</c> declares.</summary>
    public IReadOnlySet<string> Globals => _globals;

    /// <summary>Names that <c>.type NAME, @function</c> declares.</summary>
    public IReadOnlySet<string> Functions => _functions;

    public string License { get; private set; } = "";

    /// <summary>An element of a map that names a program or a map, with the place of the text that says so.</summary>
    public sealed record TextSlot(BpfMap Map, int Index, string Name, int Line, int Column, int LineStart);

    public void Read()
    {
        while (_source.NextLine())
        {
            if (_currentCode is { } code)
            {
                ReadCodeLine(code);
            }
            else
            {
                ReadDataLine();
            }
        }

        foreach (DataSection section in _data)
        {
            section.End();
        }
    }

    private void ReadCodeLine(CodeSection code)
    {
        if (!code.Parser.Labels() || _source.IsAtEnd())
        {
            return;
        }

        ReadOnlySpan<char> word = _source.PeekWord();
        if (word.Length > 1 && word[0] == '.' && !word.SequenceEqual(".byte"))
        {
            Directive(word.ToString());
        }
        else
        {
            code.Parser.Parse();
        }
    }

    private void ReadDataLine()
    {
        while (_source.PeekWord() is { IsEmpty: false } label && _source.After(label.Length) == ':')
        {
            if (StatementParser.IsRegister(label))
            {
                _operands.Fail(AssemblyErrors.Syntax($"'{label}' is a register and cannot be a variable"));
                return;
            }

            _currentData?.Begin(label.ToString(), _source.Line);
            _source.Position += label.Length + 1;
        }

        if (_source.IsAtEnd())
        {
            return;
        }

        ReadOnlySpan<char> word = _source.PeekWord();
        if (word.Length > 1 && word[0] == '.')
        {
            Directive(word.ToString());
        }
        else
        {
            _operands.Fail(AssemblyErrors.Place("an instruction stands in a section of variables", $"section {_currentData?.Name ?? "license"} is not code", "go back to code with .text or .section NAME"));
        }
    }

    private CodeSection CodeOf(string name)
    {
        if (!_codeByName.TryGetValue(name, out CodeSection? section))
        {
            _codeByName.Add(name, section = new CodeSection(name, _source));
            _code.Add(section);
        }

        return section;
    }

    private DataSection DataOf(string name)
    {
        if (!_dataByName.TryGetValue(name, out DataSection? section))
        {
            _dataByName.Add(name, section = new DataSection(name));
            _data.Add(section);
        }

        return section;
    }

    private void Enter(string section)
    {
        _currentData?.End();
        (_currentCode, _currentData, _isInLicense) = (null, null, false);
        if (section == "license")
        {
            _isInLicense = true;
        }
        else if (DataSections.KindOf(section) is not null)
        {
            _currentData = DataOf(section);
        }
        else
        {
            _currentCode = CodeOf(section);
        }
    }
}
