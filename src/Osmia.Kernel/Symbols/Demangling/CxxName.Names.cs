namespace Osmia.Kernel.Symbols.Demangling;

/// <content>Names: nested ones, templates, operators, constructors, what is local to a function.</content>
internal sealed partial class CxxName
{
    private Part? Name() => Nested(NameOf);

    private Part? NameOf()
    {
        (_isTemplate, _hasNoResult, _qualifiers) = (false, false, "");
        if (Take('N'))
        {
            return NestedName();
        }

        if (Take('Z'))
        {
            return LocalName();
        }

        Part? name;
        if (Next == 'S' && After != 't')
        {
            name = Substitution();
            return name is not null && Next == 'I' ? WithArguments(name) : null;
        }

        bool isStandard = Take("St");
        name = Unqualified(null);
        if (name is not null && isStandard)
        {
            name = new Part("std::" + name.Text);
        }

        if (name is null || Next != 'I')
        {
            return name;
        }

        _substitutions.Add(name);
        return WithArguments(name);
    }

    private Part? NestedName()
    {
        bool isRestrict = Take('r');
        bool isVolatile = Take('V');
        string qualifiers = (Take('K') ? " const" : "") + (isVolatile ? " volatile" : "") + (isRestrict ? " __restrict" : "");
        qualifiers += Take('R') ? " &" : Take('O') ? " &&" : "";
        Part? prefix = null;
        string last = "";
        (_isTemplate, _hasNoResult) = (false, false);
        while (!Take('E'))
        {
            bool isSubstitution = false;
            if (Next == 'S' && After != 't')
            {
                if (prefix is not null || Substitution() is not { } known)
                {
                    return null;
                }

                prefix = known;
                last = LastWord(prefix.Text);
                isSubstitution = true;
                _isTemplate = false;
            }
            else if (Next == 'T')
            {
                if (prefix is not null || TemplateParameter() is not { Pack: null } parameter)
                {
                    return null;
                }

                prefix = parameter;
                last = LastWord(parameter.Text);
                _isTemplate = false;
            }
            else if (Next == 'I')
            {
                if (prefix is null || WithArguments(prefix) is not { } instance)
                {
                    return null;
                }

                prefix = instance;
            }
            else
            {
                bool isStandard = prefix is null && Take("St");
                _hasNoResult = false;
                if (Unqualified(last) is not { } part)
                {
                    return null;
                }

                last = part.Text;
                prefix = new Part(isStandard ? "std::" + part.Text : prefix is null ? part.Text : $"{prefix.Text}::{part.Text}");
                _isTemplate = false;
            }

            if (Limited(prefix) is null)
            {
                return null;
            }

            if (!isSubstitution && Next != 'E')
            {
                _substitutions.Add(prefix);
            }
        }

        _qualifiers = qualifiers;
        return prefix;
    }

    private Part? LocalName()
    {
        (List<Part> outer, bool wasType) = (_arguments, _isTypeContext);
        string? function = Encoding(isOutermost: false);
        if (function is null || !Take('E'))
        {
            return null;
        }

        if (Take('s'))
        {
            (_isTemplate, _hasNoResult, _qualifiers) = (false, false, "");
            return Discriminator() ? new Part(function + "::string literal") : null;
        }

        if (Take('d') && Sequence(10) is null)
        {
            return null;
        }

        Part? name = Name();
        if (wasType)
        {
            _arguments = outer;
        }

        return name is not null && Discriminator() ? new Part($"{function}::{name.Text}") : null;
    }

    private bool Discriminator()
    {
        if (!Take('_'))
        {
            return true;
        }

        return Take('_') ? Number() is not null && Take('_') : char.IsAsciiDigit(Next) && ++_at > 0;
    }

    /// <param name="enclosing">The class's own name, for constructors.</param>
    private Part? Unqualified(string? enclosing)
    {
        Take('L');
        Part? part = Next switch
        {
            >= '0' and <= '9' => SourceName() is { } name ? new Part(name) : null,
            'C' or 'D' when enclosing is { Length: > 0 } => Structor(enclosing),
            'U' => Unnamed(),
            >= 'a' and <= 'z' => Operator(),
            _ => null,
        };
        while (part is not null && Take('B'))
        {
            part = SourceName() is { } tag ? Limited(new Part($"{part.Text}[abi:{tag}]")) : null;
        }

        return part;
    }

    private string? SourceName()
    {
        if (Number() is not { } length || length == 0 || length > _text.Length - _at)
        {
            return null;
        }

        string name = _text.Substring(_at, length);
        _at += length;
        return name.StartsWith("_GLOBAL_", StringComparison.Ordinal) && name.Length >= 10 && name[9] == 'N' ? "(anonymous namespace)" : name;
    }

    private Part? Structor(string enclosing)
    {
        bool isDestructor = Next == 'D';
        char kind = After;
        if (isDestructor ? kind is not ('0' or '1' or '2' or '4' or '5') : kind is not ('1' or '2' or '3' or '4' or '5'))
        {
            return null;
        }

        _at += 2;
        _hasNoResult = true;
        int tag = enclosing.IndexOf("[abi:", StringComparison.Ordinal);
        string name = tag < 0 ? enclosing : enclosing[..tag];
        return new Part(isDestructor ? "~" + name : name);
    }

    private Part? Unnamed()
    {
        if (Take("Ut"))
        {
            return Sequence(10) is { } number ? new Part($"{{unnamed type#{number + 1}}}") : null;
        }

        if (!Take("Ul"))
        {
            return null;
        }

        bool wasType = _isTypeContext;
        _isTypeContext = true;
        string? parameters = Parameters();
        _isTypeContext = wasType;
        return parameters is not null && Take('E') && Sequence(10) is { } index ? new Part($"{{lambda({parameters})#{index + 1}}}") : null;
    }

    private Part? Operator()
    {
        if (Take("cv"))
        {
            _hasNoResult = true;
            bool wasType = _isTypeContext;
            _isTypeContext = true;
            Part? type = Type();
            _isTypeContext = wasType;
            _hasNoResult = true;
            return type is { Pack: null } ? new Part("operator " + type.Text) : null;
        }

        if (Take("li"))
        {
            return SourceName() is { } suffix ? new Part($"operator\"\" {suffix}") : null;
        }

        if (_at + 2 <= _text.Length && s_operators.TryGetValue(_text.Substring(_at, 2), out string? sign))
        {
            _at += 2;
            return new Part("operator" + sign);
        }

        return null;
    }

    /// <summary>A name with the template arguments that follow it.</summary>
    private Part? WithArguments(Part name)
    {
        (bool hasNoResult, string qualifiers) = (_hasNoResult, _qualifiers);
        if (TemplateArguments() is not { } arguments)
        {
            return null;
        }

        if (!_isTypeContext)
        {
            _arguments = arguments;
        }

        var texts = new List<string>();
        int length = 0;
        foreach (Part argument in arguments)
        {
            foreach (Part one in argument.Pack ?? [argument])
            {
                texts.Add(one.Text);
                length += one.Text.Length;
                if (length > LongestPart)
                {
                    return null;
                }
            }
        }

        string list = string.Join(", ", texts.Where(text => text.Length > 0));
        (_isTemplate, _hasNoResult, _qualifiers) = (true, hasNoResult, qualifiers);
        string opening = name.Text.EndsWith('<') ? " <" : "<";
        return new Part($"{name.Text}{opening}{list}{(list.EndsWith('>') && texts.Count > 0 && arguments[^1].Pack is not { Count: 0 } ? " >" : ">")}");
    }

    private List<Part>? TemplateArguments()
    {
        if (!Take('I') || ++_depth > DeepestNesting)
        {
            return null;
        }

        bool wasType = _isTypeContext;
        _isTypeContext = true;
        var arguments = new List<Part>();
        while (!Take('E'))
        {
            if (Argument() is not { } argument || (argument.Pack is not null && _isExpanding))
            {
                return null;
            }

            arguments.Add(argument);
        }

        _isTypeContext = wasType;
        _depth--;
        return arguments;
    }

    private Part? Argument()
    {
        if (Take('J'))
        {
            var pack = new List<Part>();
            while (!Take('E'))
            {
                if (++_depth > DeepestNesting || Argument() is not { } one)
                {
                    return null;
                }

                _depth--;
                pack.AddRange(one.Pack ?? [one]);
            }

            return new Part("") { Pack = pack };
        }

        if (!Take('L'))
        {
            return Type();
        }

        if (Take("_Z"))
        {
            return Encoding(isOutermost: true) is { } encoded && Take('E') ? new Part(encoded) : null;
        }

        if (Type() is not { Pack: null } type)
        {
            return null;
        }

        int end = _text.IndexOf('E', _at);
        string? value = end < 0 ? null : type.Text == "decltype(nullptr)" && _text[_at..end] is "" or "0" ? "(decltype(nullptr))0" : Literal(type.Text, _text[_at..end]);
        _at = end + 1;
        return value is null ? null : new Part(value);
    }

    private Part? TemplateParameter()
    {
        Take('T');
        return Sequence(10) is { } index && index < _arguments.Count ? _arguments[index] : null;
    }

    private Part? Substitution()
    {
        Take('S');
        if (char.IsAsciiLetterLower(Next))
        {
            string? known = Next switch
            {
                'a' => "std::allocator",
                'b' => "std::basic_string",
                's' => "std::basic_string<char, std::char_traits<char>, std::allocator<char> >",
                'i' => "std::basic_istream<char, std::char_traits<char> >",
                'o' => "std::basic_ostream<char, std::char_traits<char> >",
                'd' => "std::basic_iostream<char, std::char_traits<char> >",
                _ => null,
            };
            _at++;
            Part? part = known is null ? null : new Part(known);
            while (part is not null && Take('B'))
            {
                part = SourceName() is { } tag ? new Part($"{part.Text}[abi:{tag}]") : null;
            }

            return part;
        }

        return Sequence(36) is { } index && index < _substitutions.Count ? _substitutions[index] : null;
    }

    /// <summary>What a constructor of the class is called.</summary>
    private static string LastWord(string name)
    {
        int end = name.Length;
        int depth = 0;
        for (int i = name.Length - 1; i >= 0; i--)
        {
            if (name[i] is '>' or ')' or '}')
            {
                depth++;
            }
            else if (name[i] is '<' or '(' or '{')
            {
                depth--;
                if (depth == 0 && name[i] == '<')
                {
                    end = i;
                }
            }
            else if (depth == 0 && name[i] == ':' && i > 0 && name[i - 1] == ':')
            {
                return name[(i + 1)..Math.Max(i + 1, end)];
            }
        }

        return name[..end];
    }
}
