using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

/// <summary>A section of instructions while it is read.</summary>
internal sealed class CodeSection(string name, AssemblySource source)
{
    private StatementParser? _parser;

    public string Name { get; } = name;

    public CodeAssembler Code { get; } = new(source);

    public StatementParser Parser => _parser ??= new StatementParser(source, Code);
}

/// <summary>A section of variables while it is read: its bytes, and labels with their places.</summary>
internal sealed class DataSection(string name)
{
    public string Name { get; } = name;

    public List<byte> Bytes { get; } = [];

    public List<TextVariable> Variables { get; } = [];

    /// <summary>The label begins a variable here; the one before it ends.</summary>
    public void Begin(string variable, int line)
    {
        End();
        Variables.Add(new TextVariable(variable, Bytes.Count, line));
    }

    /// <summary>What follows belongs to no variable.</summary>
    public void End()
    {
        if (Variables.Count > 0 && Variables[^1].Size < 0)
        {
            Variables[^1].Size = Bytes.Count - Variables[^1].Offset;
        }
    }
}

/// <summary>A label of a section of variables.</summary>
internal sealed class TextVariable(string name, int offset, int line)
{
    public string Name { get; } = name;

    public int Offset { get; } = offset;

    public int Line { get; } = line;

    /// <summary>-1 until the next label, padding or the end of the section says where the variable ends.</summary>
    public int Size { get; set; } = -1;
}
