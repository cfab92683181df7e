using System.Text;

namespace Osmia.Btf.Printing;

/// <summary>C# identifiers for the names of C, each once in its scope.</summary>
internal sealed class CSharpNames
{
    private static readonly HashSet<string> s_keywords =
    [
        "abstract", "as", "base", "bool", "break", "byte", "case", "catch", "char", "checked", "class", "const", "continue", "decimal", "default",
        "delegate", "do", "double", "else", "enum", "event", "explicit", "extern", "false", "finally", "fixed", "float", "for", "foreach", "goto",
        "if", "implicit", "in", "int", "interface", "internal", "is", "lock", "long", "namespace", "new", "null", "object", "operator", "out",
        "override", "params", "private", "protected", "public", "readonly", "ref", "return", "sbyte", "sealed", "short", "sizeof", "stackalloc",
        "static", "string", "struct", "switch", "this", "throw", "true", "try", "typeof", "uint", "ulong", "unchecked", "unsafe", "ushort",
        "using", "virtual", "void", "volatile", "while",

        // Words with a meaning in some places only, some of which no type may be named by.
        "async", "await", "dynamic", "extension", "field", "file", "nint", "nuint", "notnull", "partial", "record", "required", "scoped", "unmanaged",
        "value", "var", "where", "yield",
    ];

    // Each name given out, with the number of the last that was made of it.
    private readonly Dictionary<string, int> _taken;

    /// <param name="reserved">Names that stand for something else in the scope, as that of the type itself.</param>
    public CSharpNames(params ReadOnlySpan<string> reserved)
    {
        _taken = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (string name in reserved)
        {
            _taken[name] = 1;
        }
    }

    /// <summary>An identifier that no other got: other letters become <c>_</c>, a name given before is numbered.</summary>
    public string Take(string name)
    {
        var text = new StringBuilder(name.Length);
        foreach (char letter in name)
        {
            text.Append(char.IsAsciiLetterOrDigit(letter) || letter == '_' ? letter : '_');
        }

        if (text.Length == 0 || char.IsAsciiDigit(text[0]))
        {
            text.Insert(0, '_');
        }

        string wanted = text.ToString();
        string free = wanted;
        for (int number = _taken.GetValueOrDefault(wanted, 1) + 1; !_taken.TryAdd(free, 1); number++)
        {
            free = $"{wanted}_{number}";
            _taken[wanted] = number;
        }

        return s_keywords.Contains(free) ? "@" + free : free;
    }
}
