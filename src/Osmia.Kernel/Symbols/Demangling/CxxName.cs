using System.Globalization;

namespace Osmia.Kernel.Symbols.Demangling;

/// <summary>
/// Names of C++ by the Itanium ABI ("5.1 External Names"), worded as c++filt words them. Expressions in types (decltype, sizeof) are not read: such names stay as
/// they are.
/// </summary>
internal sealed partial class CxxName
{
    private const int DeepestNesting = 150;
    private const int LongestPart = 16 * 1024;

    private readonly string _text;
    private readonly List<Part> _substitutions = [];
    private List<Part> _arguments = [];
    private int _at;
    private int _depth;

    // Of the name read last: whether it ends in template arguments, is a constructor or the like (which have no result), and its qualifiers as a method.
    private bool _isTemplate;
    private bool _hasNoResult;
    private string _qualifiers = "";
    private bool _isTypeContext;
    private bool _isExpanding;

    private CxxName(string text) => _text = text;

    /// <summary>A type or name; what stands around a declared name is in two halves: <c>int (*</c> and <c>)(char)</c>.</summary>
    private sealed record Part(string Left, string Right = "")
    {
        public bool IsFunction { get; init; }

        public bool IsArray { get; init; }

        /// <summary>Arguments of a template that stand for one parameter.</summary>
        public List<Part>? Pack { get; init; }

        public string Text => Left + Right;
    }

    public static string? Read(string name)
    {
        int suffix = name.IndexOf('.', StringComparison.Ordinal);
        var reader = new CxxName(suffix < 0 ? name[2..] : name[2..suffix]);
        string? text = reader.Encoding(isOutermost: true);
        return text is not null && reader._at == reader._text.Length ? suffix < 0 ? text : $"{text} [clone {name[suffix..]}]" : null;
    }

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    private char After => _at + 1 < _text.Length ? _text[_at + 1] : '\0';

    private bool Take(char wanted)
    {
        if (Next != wanted)
        {
            return false;
        }

        _at++;
        return true;
    }

    private bool Take(string wanted)
    {
        if (string.CompareOrdinal(_text, _at, wanted, 0, wanted.Length) != 0)
        {
            return false;
        }

        _at += wanted.Length;
        return true;
    }

    private static Part? Limited(Part part) => part.Left.Length + part.Right.Length <= LongestPart ? part : null;

    private Part? Nested(Func<Part?> read)
    {
        Part? part = ++_depth <= DeepestNesting ? read() : null;
        _depth--;
        return part is null ? null : Limited(part);
    }

    private string? Encoding(bool isOutermost)
    {
        if (Next is 'T' or 'G')
        {
            return Special();
        }

        bool wasType = _isTypeContext;
        _isTypeContext = false;
        Part? name = Name();
        _isTypeContext = wasType;
        if (name is null)
        {
            return null;
        }

        if (_at == _text.Length || Next == 'E')
        {
            return name.Text;
        }

        (bool isTemplate, bool hasNoResult, string qualifiers) = (_isTemplate, _hasNoResult, _qualifiers);
        Part? result = null;
        if (isTemplate && !hasNoResult)
        {
            result = Type();
            if (result is null)
            {
                return null;
            }
        }

        if (Parameters() is not { } parameters)
        {
            return null;
        }

        string whole = $"{name.Text}({parameters}){qualifiers}";
        return result is null || !isOutermost ? whole : Spaced(result.Left) + whole + result.Right;
    }

    private static string Spaced(string left) => left.EndsWith('(') || left.EndsWith('*') && left.Contains('(', StringComparison.Ordinal) && left.LastIndexOf('(') > left.LastIndexOf(')') ? left : left + " ";

    private string? Parameters()
    {
        if (Next == 'v' && (_at + 1 == _text.Length || After is 'E' or '\0'))
        {
            _at++;
            return "";
        }

        var parameters = new List<string>();
        while (_at < _text.Length && Next != 'E' && !(Next is 'R' or 'O' && After == 'E'))
        {
            if (Type() is not { } type)
            {
                return null;
            }

            parameters.AddRange(type.Pack is { } pack ? pack.Select(one => one.Text) : [type.Text]);
            if (parameters.Sum(text => text.Length) > LongestPart)
            {
                return null;
            }
        }

        return parameters.Count == 0 ? null : string.Join(", ", parameters.Where(text => text.Length > 0));
    }

    private string? Special()
    {
        foreach ((string code, string text) in s_specialTypes)
        {
            if (Take(code))
            {
                return Type() is { } type ? text + type.Text : null;
            }
        }

        foreach ((string code, string text) in s_specialNames)
        {
            if (Take(code))
            {
                return Name() is { } name ? text + name.Text : null;
            }
        }

        if (Take("GTt"))
        {
            return Encoding(isOutermost: true) is { } original ? "transaction clone for " + original : null;
        }

        if (Take("Th"))
        {
            return Offset() && Encoding(isOutermost: true) is { } plain ? "non-virtual thunk to " + plain : null;
        }

        if (Take("Tv"))
        {
            return Offset() && Offset() && Encoding(isOutermost: true) is { } moved ? "virtual thunk to " + moved : null;
        }

        if (Take("Tc"))
        {
            return CallOffset() && CallOffset() && Encoding(isOutermost: true) is { } covariant ? "covariant return thunk to " + covariant : null;
        }

        if (Take("TC"))
        {
            return Type() is { } derived && Offset() && Type() is { } parent ? $"construction vtable for {parent.Text}-in-{derived.Text}" : null;
        }

        if (Take("GR"))
        {
            return Name() is { } named && (Take('_') ? 0 : Number() + 1) is { } number && (number == 0 || Take('_')) ? $"reference temporary #{number} for {named.Text}" : null;
        }

        return null;
    }

    private bool CallOffset() => Take('h') ? Offset() : Take('v') && Offset() && Offset();

    private bool Offset()
    {
        Take('n');
        return Number() is not null && Take('_');
    }

    private int? Number()
    {
        if (!char.IsAsciiDigit(Next))
        {
            return null;
        }

        int value = 0;
        while (char.IsAsciiDigit(Next))
        {
            if (value > 100_000_000)
            {
                return null;
            }

            value = (value * 10) + (Next - '0');
            _at++;
        }

        return value;
    }

    /// <summary>The number of a substitution, a parameter or a discriminator: <c>_</c> is 0, <c>0_</c> is 1, letters count on.</summary>
    private int? Sequence(int radix)
    {
        if (Take('_'))
        {
            return 0;
        }

        int value = 0;
        for (int digits = 0; !Take('_'); digits++)
        {
            int digit = char.IsAsciiDigit(Next) ? Next - '0' : char.IsAsciiLetterUpper(Next) ? Next - 'A' + 10 : radix;
            if (digit >= radix || digits > 4)
            {
                return null;
            }

            value = (value * radix) + digit;
            _at++;
        }

        return value + 1;
    }

    private static string? Literal(string type, string digits)
    {
        string value = digits.StartsWith('n') ? "-" + digits[1..] : digits;
        if (value.TrimStart('-') is not { Length: > 0 } number || number.AsSpan().IndexOfAnyExceptInRange('0', '9') >= 0)
        {
            return null;
        }

        return type switch
        {
            "bool" when value is "0" or "1" => value == "1" ? "true" : "false",
            "int" => value,
            "unsigned int" => value + "u",
            "long" => value + "l",
            "unsigned long" => value + "ul",
            "long long" => value + "ll",
            "unsigned long long" => value + "ull",
            _ => string.Create(CultureInfo.InvariantCulture, $"({type}){value}"),
        };
    }
}
