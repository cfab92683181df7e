namespace Osmia.Kernel.Symbols.Demangling;

/// <content>Types, and the tables of short names.</content>
internal sealed partial class CxxName
{
    private static readonly (string Code, string Text)[] s_specialTypes = [("TV", "vtable for "), ("TT", "VTT for "), ("TI", "typeinfo for "), ("TS", "typeinfo name for ")];

    private static readonly (string Code, string Text)[] s_specialNames = [("GV", "guard variable for "), ("TW", "TLS wrapper function for "), ("TH", "TLS init function for ")];

    private static readonly Dictionary<string, string> s_operators = new(StringComparer.Ordinal)
    {
        ["nw"] = " new", ["na"] = " new[]", ["dl"] = " delete", ["da"] = " delete[]", ["ps"] = "+", ["ng"] = "-", ["ad"] = "&", ["de"] = "*", ["co"] = "~",
        ["pl"] = "+", ["mi"] = "-", ["ml"] = "*", ["dv"] = "/", ["rm"] = "%", ["an"] = "&", ["or"] = "|", ["eo"] = "^", ["aS"] = "=", ["pL"] = "+=", ["mI"] = "-=",
        ["mL"] = "*=", ["dV"] = "/=", ["rM"] = "%=", ["aN"] = "&=", ["oR"] = "|=", ["eO"] = "^=", ["ls"] = "<<", ["rs"] = ">>", ["lS"] = "<<=", ["rS"] = ">>=",
        ["eq"] = "==", ["ne"] = "!=", ["lt"] = "<", ["gt"] = ">", ["le"] = "<=", ["ge"] = ">=", ["ss"] = "<=>", ["nt"] = "!", ["aa"] = "&&", ["oo"] = "||",
        ["pp"] = "++", ["mm"] = "--", ["cm"] = ",", ["pm"] = "->*", ["pt"] = "->", ["cl"] = "()", ["ix"] = "[]", ["qu"] = "?", ["aw"] = " co_await",
    };

    private static string? Builtin(char letter) => letter switch
    {
        'v' => "void",
        'w' => "wchar_t",
        'b' => "bool",
        'c' => "char",
        'a' => "signed char",
        'h' => "unsigned char",
        's' => "short",
        't' => "unsigned short",
        'i' => "int",
        'j' => "unsigned int",
        'l' => "long",
        'm' => "unsigned long",
        'x' => "long long",
        'y' => "unsigned long long",
        'n' => "__int128",
        'o' => "unsigned __int128",
        'f' => "float",
        'd' => "double",
        'e' => "long double",
        'g' => "__float128",
        'z' => "...",
        _ => null,
    };

    private Part? Type()
    {
        bool wasType = _isTypeContext;
        _isTypeContext = true;
        Part? type = Nested(TypeOf);
        _isTypeContext = wasType;
        return type;
    }

    private Part? TypeOf()
    {
        if (Builtin(Next) is { } builtin)
        {
            _at++;
            return new Part(builtin);
        }

        switch (Next)
        {
            case 'r' or 'V' or 'K':
                return Kept(Qualified());
            case 'P':
                _at++;
                return Kept(Map(Type(), type => Pointer(type, "*")));
            case 'R':
                _at++;
                return Kept(Map(Type(), type => !IsReference(type) ? Pointer(type, "&") : type.Left.EndsWith("&&", StringComparison.Ordinal) ? type with { Left = type.Left[..^1] } : type));
            case 'O':
                _at++;
                return Kept(Map(Type(), type => IsReference(type) ? type : Pointer(type, "&&")));
            case 'F':
                return Kept(Function());
            case 'A':
                return Kept(ArrayType());
            case 'M':
                return Kept(MemberPointer());
            case 'T':
                return TypeParameter();
            case 'D':
                return DType();
            case 'u':
                _at++;
                return SourceName() is { } vendor ? Kept(new Part(vendor)) : null;
            case 'U':
                return null;
            case 'S' when After != 't':
                Part? known = Substitution();
                return known is not null && Next == 'I' ? Kept(WithArguments(known)) : known;
            default:
                return Kept(Name());
        }
    }

    private Part? Kept(Part? part)
    {
        if (part is not null && Limited(part) is not null)
        {
            _substitutions.Add(part);
            return part;
        }

        return null;
    }

    /// <summary>Of a pack, each of its types.</summary>
    private static Part? Map(Part? part, Func<Part, Part> change) =>
        part is null ? null : part.Pack is { } pack ? new Part("") { Pack = pack.ConvertAll(one => change(one)) } : change(part);

    /// <summary>References to references, which templates can make, are one reference.</summary>
    private static bool IsReference(Part type) => !type.IsFunction && !type.IsArray && type.Left.EndsWith('&') && (type.Right.Length == 0 || type.Right[0] == ')');

    private static Part Pointer(Part type, string sign) =>
        type.IsFunction ? new Part($"{type.Left}({sign}", ")" + type.Right)
        : type.IsArray ? new Part($"{type.Left} ({sign}", ")" + type.Right)
        : new Part(type.Left + sign, type.Right);

    private Part? Qualified()
    {
        bool isRestrict = Take('r');
        bool isVolatile = Take('V');
        bool isConst = Take('K');
        string words = (isConst ? " const" : "") + (isVolatile ? " volatile" : "") + (isRestrict ? " __restrict" : "");

        // The qualifiers of a method are part of its type, which has no substitution without them.
        return Next == 'F' ? Map(Function(), type => type with { Right = type.Right + words }) : Map(Type(), type => type.IsFunction ? type with { Right = type.Right + words } : type with { Left = type.Left + words });
    }

    private Part? Function()
    {
        Take('F');
        Take('Y');
        if (Type() is not { Pack: null } result || Parameters() is not { } parameters)
        {
            return null;
        }

        string reference = Next is 'R' or 'O' && After == 'E' ? Take('R') ? " &" : Take('O') ? " &&" : "" : "";
        return Take('E') ? new Part(result.Left + (result.Right.StartsWith(')') ? "" : " "), $"({parameters}){reference}{result.Right}") { IsFunction = true } : null;
    }

    private Part? ArrayType()
    {
        Take('A');
        string size = Number() is { } number ? number.ToString(System.Globalization.CultureInfo.InvariantCulture) : "";
        if (!Take('_') || Type() is not { Pack: null } element)
        {
            return null;
        }

        return new Part(element.Left, (element.IsArray ? $" [{size}]" + element.Right.TrimStart() : $" [{size}]" + element.Right)) { IsArray = true };
    }

    private Part? MemberPointer()
    {
        Take('M');
        if (Type() is not { Pack: null } holder || Type() is not { Pack: null } member)
        {
            return null;
        }

        return member.IsFunction ? new Part($"{member.Left}({holder.Text}::*", ")" + member.Right)
            : member.IsArray ? new Part($"{member.Left} ({holder.Text}::*", ")" + member.Right)
            : new Part($"{member.Left} {holder.Text}::*", member.Right);
    }

    private Part? TypeParameter()
    {
        if (After is 's' or 'u' or 'e')
        {
            return null;
        }

        Part? parameter = TemplateParameter();
        if (parameter is null)
        {
            return null;
        }

        if (parameter.Pack is not null && !_isExpanding)
        {
            // A pack is used as a whole only where it is expanded.
            return null;
        }

        _substitutions.Add(parameter);
        return Next == 'I' && parameter.Pack is null ? Kept(WithArguments(parameter)) : parameter;
    }

    private Part? DType()
    {
        char kind = After;
        if (kind == 'p')
        {
            _at += 2;
            bool was = _isExpanding;
            _isExpanding = true;
            Part? pattern = Type();
            _isExpanding = was;
            return pattern?.Pack is not null ? Kept(pattern) : null;
        }

        if (kind == 'o')
        {
            _at += 2;
            return Next == 'F' ? Map(Function(), type => type with { Right = type.Right + " noexcept" }) is { } function ? Kept(function) : null : null;
        }

        string? name = kind switch
        {
            'd' => "decimal64",
            'e' => "decimal128",
            'f' => "decimal32",
            'h' => "half",
            'i' => "char32_t",
            's' => "char16_t",
            'u' => "char8_t",
            'a' => "auto",
            'c' => "decltype(auto)",
            'n' => "decltype(nullptr)",
            _ => null,
        };
        _at += name is null ? 0 : 2;
        return name is null ? null : new Part(name);
    }
}
