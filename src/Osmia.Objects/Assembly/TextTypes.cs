using Osmia.Btf;
using Osmia.Btf.Writing;

namespace Osmia.Objects.Assembly;

/// <summary>
/// BTF of an object that was assembled: functions, variables with their sections, and the text's lines as source, so that verifier logs
/// and listings name them. Maps get theirs when the object is written.
/// </summary>
internal sealed class TextTypes(BpfObject target, string text, string file, IReadOnlyDictionary<BpfFunction, int[]> lines)
{
    private const int MaximumLineLength = 200;
    private const int MaximumLine = (1 << 22) - 1;

    private readonly BtfBuilder _builder = new();
    private readonly Dictionary<int, TypeId> _variableTypes = [];

    public void Add()
    {
        TypeId integer = _builder.AddInt("int", 4, isSigned: true);
        AddFunctions(integer);
        AddVariables(integer);
        AddLines();
        target.Types = _builder.Build();
    }

    /// <summary>
    /// Programs take a context. Subprograms are static for the kernel, even those other objects may call: it then takes their
    /// arguments from the calls, while a global function would need its real declaration.
    /// </summary>
    private void AddFunctions(TypeId integer)
    {
        TypeId context = _builder.AddPointer(TypeId.Void);
        TypeId program = _builder.AddFunctionPrototype(integer, new NamedParameter("ctx", context));
        TypeId subprogram = _builder.AddFunctionPrototype(integer);
        HashSet<BpfFunction> entries = [.. target.Programs.Select(entry => entry.Entry)];
        foreach (BpfFunction function in target.Functions)
        {
            bool isEntry = entries.Contains(function);
            function.BtfId = _builder.AddFunction(Identifier(function.Name), isEntry ? program : subprogram, isEntry ? BtfLinkage.Global : BtfLinkage.Static);
        }
    }

    private void AddVariables(TypeId integer)
    {
        var typed = new List<BpfVariable>();
        foreach (IGrouping<BpfMap, BpfVariable> section in target.Variables.GroupBy(variable => variable.Map))
        {
            var entries = new List<BtfSectionVariable>();
            foreach (BpfVariable variable in section)
            {
                if (variable.Size == 0)
                {
                    typed.Add(variable); // A name for a place; the kernel takes no variable without extent.
                    continue;
                }

                TypeId type = TypeOf(variable.Size, integer);
                TypeId declaration = _builder.AddVariable(Identifier(variable.Name), type, variable.IsGlobal ? BtfLinkage.Global : BtfLinkage.Static);
                entries.Add(new BtfSectionVariable(declaration, (uint)variable.Offset, (uint)variable.Size));
                typed.Add(new BpfVariable(variable.Name, variable.Map, variable.Offset, variable.Size, type) { IsGlobal = variable.IsGlobal, Declaration = declaration });
            }

            if (entries.Count is > 0 and <= BtfBuilder.MaximumCount)
            {
                _builder.AddDataSection(section.Key.SectionName!, section.Key.ValueSize, [.. entries]);
            }
        }

        target.Variables = typed;
    }

    private TypeId TypeOf(int size, TypeId integer)
    {
        if (!_variableTypes.TryGetValue(size, out TypeId type))
        {
            type = size switch
            {
                1 => _builder.AddInt("unsigned char", 1),
                2 => _builder.AddInt("unsigned short", 2),
                4 => _builder.AddInt("unsigned int", 4),
                8 => _builder.AddInt("unsigned long long", 8),
                _ => _builder.AddArray(CharType(), integer, (uint)size),
            };
            _variableTypes.Add(size, type);
        }

        return type;
    }

    private TypeId CharType()
    {
        if (!_variableTypes.TryGetValue(0, out TypeId type))
        {
            _variableTypes.Add(0, type = _builder.AddInt("char", 1, isSigned: true));
        }

        return type;
    }

    private void AddLines()
    {
        uint fileName = _builder.AddString(Clean(file));
        string[] source = text.Split('\n');
        foreach (BpfFunction function in target.Functions)
        {
            var records = new List<LineRecord>();
            int[] from = lines[function];
            for (int slot = 0; slot < from.Length; slot += function.Instructions[slot].IsWide ? 2 : 1)
            {
                string line = Clean(source[from[slot] - 1].Trim());
                line = line.Length > MaximumLineLength ? line[..MaximumLineLength] : line;
                records.Add(new LineRecord(slot, fileName, _builder.AddString(line), (uint)Math.Min(from[slot], MaximumLine) << 10));
            }

            function.Lines = [.. records];
        }
    }

    private static string Clean(string name) => name.Replace('\0', ' ');

    // The kernel takes C identifiers only.
    private static string Identifier(string name)
    {
        Span<char> clean = stackalloc char[Math.Min(name.Length, 127)];
        name.AsSpan(0, clean.Length).CopyTo(clean);
        foreach (ref char c in clean)
        {
            c = char.IsAsciiLetterOrDigit(c) || c == '_' ? c : '_';
        }

        return clean.ToString();
    }
}
