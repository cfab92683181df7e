using System.Globalization;
using System.Numerics;
using System.Text;

namespace Osmia.Kernel.Symbols.Demangling;

/// <summary>Names of Rust's own scheme, version 0 (RFC 2603). Hashes of crates are left out, as rustfilt leaves them out.</summary>
internal sealed class RustName
{
    private const int DeepestNesting = 200;
    private const int LongestOutput = 16 * 1024;

    private readonly string _text;
    private readonly StringBuilder _output = new();
    private int _at;
    private int _depth;
    private ulong _lifetimes;

    private RustName(string text) => _text = text;

    public static string? Read(string name)
    {
        int suffix = name.AsSpan(2).IndexOfAny('.', '$');
        var reader = new RustName(suffix < 0 ? name[2..] : name[2..(suffix + 2)]);
        if (reader._text.Length == 0 || !char.IsAsciiLetterUpper(reader._text[0]) || !reader.Path(isValue: true))
        {
            return null;
        }

        // The crate that made the instance may follow.
        int length = reader._output.Length;
        if (reader._at < reader._text.Length && !reader.Path(isValue: false))
        {
            return null;
        }

        reader._output.Length = length;
        return reader._at == reader._text.Length && length > 0 ? reader._output.ToString() : null;
    }

    private char Next => _at < _text.Length ? _text[_at] : '\0';

    private bool Take(char wanted)
    {
        if (Next != wanted)
        {
            return false;
        }

        _at++;
        return true;
    }

    private bool Say(string text)
    {
        _output.Append(text);
        return _output.Length <= LongestOutput;
    }

    private bool Enter() => ++_depth <= DeepestNesting && _output.Length <= LongestOutput;

    private bool Path(bool isValue)
    {
        bool done = Enter() && PathOf(isValue);
        _depth--;
        return done;
    }

    private bool PathOf(bool isValue)
    {
        char kind = Next;
        _at++;
        switch (kind)
        {
            case 'C':
                return Disambiguator() && Identifier() is { } crate && Say(crate);
            case 'N':
                char space = Next;
                _at++;
                if (!char.IsAsciiLetter(space) || !Path(isValue))
                {
                    return false;
                }

                if (Optional('s') is not { } number || Identifier() is not { } name)
                {
                    return false;
                }

                return char.IsAsciiLetterUpper(space)
                    ? Say($"::{{{(space == 'C' ? "closure" : space == 'S' ? "shim" : space.ToString())}{(name.Length > 0 ? ":" + name : "")}#{number}}}")
                    : name.Length == 0 || Say("::" + name);
            case 'M':
            case 'X':
                int before = _output.Length;
                if (!Disambiguator() || !Path(isValue: false))
                {
                    return false;
                }

                _output.Length = before;
                return Say("<") && Type() && (kind == 'M' || (Say(" as ") && Path(isValue: false))) && Say(">");
            case 'Y':
                return Say("<") && Type() && Say(" as ") && Path(isValue: false) && Say(">");
            case 'I':
                return Path(isValue) && Say(isValue ? "::<" : "<") && List(GenericArgument) && Say(">");
            case 'B':
                return Back(() => Path(isValue));
            default:
                return false;
        }
    }

    private bool GenericArgument()
    {
        if (Take('L'))
        {
            return Lifetime();
        }

        return Take('K') ? Constant() : Type();
    }

    private bool Lifetime()
    {
        if (Base62() is not { } index)
        {
            return false;
        }

        return index == 0 ? Say("'_") : index <= _lifetimes && Say("'" + (_lifetimes - index < 26 ? ((char)('a' + (_lifetimes - index))).ToString() : $"_{_lifetimes - index}"));
    }

    private bool Type()
    {
        bool done = Enter() && TypeOf();
        _depth--;
        return done;
    }

    private bool TypeOf()
    {
        char kind = Next;
        if (BasicType(kind) is { } basic)
        {
            _at++;
            return Say(basic);
        }

        switch (kind)
        {
            case 'A':
                _at++;
                return Say("[") && Type() && Say("; ") && Constant() && Say("]");
            case 'S':
                _at++;
                return Say("[") && Type() && Say("]");
            case 'T':
                _at++;
                int count = 0;
                return Say("(") && List(() =>
                {
                    count++;
                    return Type();
                }) && Say(count == 1 ? ",)" : ")");
            case 'R' or 'Q':
                _at++;
                Say("&");
                if (Take('L'))
                {
                    int place = _at;
                    if (Base62() is not { } index)
                    {
                        return false;
                    }

                    _at = place;
                    if (index == 0 ? Base62() is null : !(Lifetime() && Say(" ")))
                    {
                        return false;
                    }
                }

                return (kind == 'R' || Say("mut ")) && Type();
            case 'P':
                _at++;
                return Say("*const ") && Type();
            case 'O':
                _at++;
                return Say("*mut ") && Type();
            case 'F':
                _at++;
                return Bound(Function);
            case 'D':
                _at++;
                return Say("dyn ") && Bound(() => List(Trait, " + ")) && Take('L') && Base62() is { } life
                    && (life == 0 || (life <= _lifetimes && Say(" + '" + (char)('a' + Math.Min(25, _lifetimes - life)))));
            case 'B':
                _at++;
                return Back(Type);
            default:
                return Path(isValue: false);
        }
    }

    private bool Function()
    {
        if (Take('U'))
        {
            Say("unsafe ");
        }

        if (Take('K'))
        {
            if (Take('C'))
            {
                Say("extern \"C\" ");
            }
            else if (Identifier() is { } abi)
            {
                Say($"extern \"{abi.Replace('_', '-')}\" ");
            }
            else
            {
                return false;
            }
        }

        return Say("fn(") && List(Type) && Say(")") && (Take('u') || (Say(" -> ") && Type()));
    }

    private bool Trait()
    {
        bool isOpen = false;
        bool done = OpenPath(ref isOpen);
        while (done && Take('p'))
        {
            done = Say(isOpen ? ", " : "<") && Identifier() is { } name && Say(name + " = ") && Type();
            isOpen = true;
        }

        return done && (!isOpen || Say(">"));
    }

    /// <summary>A path whose list of generics stays open, for the associated types that follow.</summary>
    private bool OpenPath(ref bool isOpen)
    {
        bool opened = false;
        bool done;
        if (Take('B'))
        {
            done = Back(() => OpenPath(ref opened));
        }
        else if (Take('I'))
        {
            opened = true;
            done = Enter() && Path(isValue: false) && Say("<") && List(GenericArgument);
            _depth--;
        }
        else
        {
            done = Path(isValue: false);
        }

        isOpen = opened;
        return done;
    }

    private bool Bound(Func<bool> inner)
    {
        ulong count = 0;
        if (Take('G'))
        {
            if (Base62() is not { } more || more > 100)
            {
                return false;
            }

            count = more + 1;
            Say("for<");
            for (ulong i = 0; i < count; i++)
            {
                _lifetimes++;
                Say((i == 0 ? "'" : ", '") + (_lifetimes <= 26 ? ((char)('a' + _lifetimes - 1)).ToString() : $"_{_lifetimes}"));
            }

            Say("> ");
        }

        bool done = inner();
        _lifetimes -= count;
        return done;
    }

    private bool Constant()
    {
        bool done = Enter() && ConstantOf();
        _depth--;
        return done;
    }

    private bool ConstantOf()
    {
        if (Take('B'))
        {
            return Back(Constant);
        }

        if (Take('p'))
        {
            return Say("_");
        }

        char kind = Next;
        _at++;
        bool isNegative = kind is 'a' or 's' or 'l' or 'x' or 'n' or 'i' && Take('n');
        int end = _text.IndexOf('_', Math.Min(_at, _text.Length));
        if (end < 0)
        {
            return false;
        }

        string digits = _text[_at..end];
        _at = end + 1;
        if (digits.Length > 32 || !digits.All(char.IsAsciiHexDigitLower))
        {
            return false;
        }

        BigInteger value = BigInteger.Parse("0" + digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        switch (kind)
        {
            case 'b':
                return value <= 1 && Say(value.IsOne ? "true" : "false");
            case 'c':
                return value <= 0x10ffff && Rune.TryCreate((uint)value, out Rune rune) && Say(rune.Value is '\'' or '\\' ? $"'\\{rune}'" : Rune.IsControl(rune) ? $"'\\u{{{rune.Value:x}}}'" : $"'{rune}'");
            case 'a' or 'h' or 's' or 't' or 'l' or 'm' or 'x' or 'y' or 'n' or 'o' or 'i' or 'j':
                return Say((isNegative ? "-" : "") + value.ToString(CultureInfo.InvariantCulture));
            default:
                return false;
        }
    }

    private bool List(Func<bool> item) => List(item, ", ");

    private bool List(Func<bool> item, string between)
    {
        for (int count = 0; !Take('E'); count++)
        {
            if ((count > 0 && !Say(between)) || !item())
            {
                return false;
            }
        }

        return true;
    }

    private bool Back(Func<bool> what)
    {
        int start = _at - 1;
        if (Base62() is not { } place || place >= (ulong)start)
        {
            return false;
        }

        int after = _at;
        _at = (int)place;
        bool done = Enter() && what();
        _depth--;
        _at = after;
        return done;
    }

    private bool Disambiguator() => Optional('s') is not null;

    /// <summary>0 when it is not there.</summary>
    private ulong? Optional(char tag) => Take(tag) ? Base62() is { } number ? number + 1 : null : 0;

    private ulong? Base62()
    {
        if (Take('_'))
        {
            return 0;
        }

        ulong value = 0;
        while (Next != '_')
        {
            int digit = Next switch
            {
                >= '0' and <= '9' => Next - '0',
                >= 'a' and <= 'z' => Next - 'a' + 10,
                >= 'A' and <= 'Z' => Next - 'A' + 36,
                _ => -1,
            };
            if (digit < 0 || value > (ulong.MaxValue - 61) / 62)
            {
                return null;
            }

            value = (value * 62) + (ulong)digit;
            _at++;
        }

        _at++;
        return value + 1;
    }

    private string? Identifier()
    {
        bool isPunycode = Take('u');
        int length = 0;
        if (!Take('0'))
        {
            int digits = 0;
            for (; char.IsAsciiDigit(Next); digits++)
            {
                length = (length * 10) + (Next - '0');
                _at++;
                if (length > _text.Length)
                {
                    return null;
                }
            }

            if (digits == 0)
            {
                return null;
            }
        }

        Take('_');
        if (length > _text.Length - _at)
        {
            return null;
        }

        string text = _text.Substring(_at, length);
        _at += length;
        return isPunycode ? Punycode.Read(text) : text;
    }

    private static string? BasicType(char letter) => letter switch
    {
        'a' => "i8",
        'b' => "bool",
        'c' => "char",
        'd' => "f64",
        'e' => "str",
        'f' => "f32",
        'h' => "u8",
        'i' => "isize",
        'j' => "usize",
        'l' => "i32",
        'm' => "u32",
        'n' => "i128",
        'o' => "u128",
        's' => "i16",
        't' => "u16",
        'u' => "()",
        'v' => "...",
        'x' => "i64",
        'y' => "u64",
        'z' => "!",
        'p' => "_",
        _ => null,
    };
}
