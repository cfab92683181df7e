using System.Text;
using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

internal sealed partial class ObjectTextReader
{
    private static readonly string[] s_directives =
    [
        ".section", ".text", ".data", ".bss", ".rodata", ".globl", ".global", ".type", ".size", ".file", ".ident", ".license", ".map", ".slot",
        ".byte", ".short", ".half", ".2byte", ".long", ".word", ".int", ".4byte", ".quad", ".dword", ".8byte", ".ascii", ".asciz", ".string", ".zero", ".skip",
        ".space", ".align", ".balign", ".p2align",
    ];

    private void Directive(string name)
    {
        int start = _source.Position;
        _source.Position += name.Length;
        bool isRead = name switch
        {
            ".section" => Section(),
            ".text" or ".data" or ".bss" or ".rodata" => Change(name),
            ".globl" or ".global" => Name(out string global) && _globals.Add(global) | true,
            ".type" => Type(),
            ".size" or ".file" or ".ident" => SkipLine(),
            ".license" => Quoted(out byte[] license) && SetLicense(license),
            ".map" => Map(),
            ".slot" => Slot(),
            ".byte" => Numbers(1, start),
            ".short" or ".half" or ".2byte" => Numbers(2, start),
            ".long" or ".word" or ".int" or ".4byte" => Numbers(4, start),
            ".quad" or ".dword" or ".8byte" => Numbers(8, start),
            ".ascii" => Strings(terminates: false, start),
            ".asciz" or ".string" => Strings(terminates: true, start),
            ".zero" or ".space" => Zeros(isPadding: false, start),
            ".skip" => Zeros(isPadding: true, start),
            ".align" or ".balign" => Align(isPower: false, start),
            ".p2align" => Align(isPower: true, start),
            _ => _operands.Fail(
                AssemblyErrors.Directive($"there is no directive '{name}'", NearestName.Find(name, s_directives) is { } nearest ? $"did you mean '{nearest}'?" : "docs/assembly.md lists them"),
                start),
        };

        // A hash without a space before it is no comment to the blanking, but behind a directive it is.
        if (isRead && !_source.IsAtEnd() && _source.Current != '#')
        {
            _operands.Fail(AssemblyErrors.Expected("the end of the line", _operands.FoundHere()));
        }
    }

    private bool SkipLine()
    {
        _source.Position += _source.Rest.Length;
        return true;
    }

    private bool Change(string section)
    {
        Enter(section);
        return true;
    }

    /// <summary><c>.section xdp</c>, <c>.section "usdt//lib:a:b"</c>; clang's flags behind a comma are read over.</summary>
    private bool Section()
    {
        _source.SkipSpace();
        int start = _source.Position;
        string name;
        if (_source.Current == '"')
        {
            if (!Quoted(out byte[] bytes))
            {
                return false;
            }

            name = Encoding.UTF8.GetString(bytes);
        }
        else
        {
            int length = _source.Rest.IndexOfAny(" \t\r,");
            name = (length < 0 ? _source.Rest : _source.Rest[..length]).ToString();
            _source.Position += name.Length;
        }

        if (name.Length == 0 || name.AsSpan().IndexOfAnyInRange('\0', '\x1f') >= 0)
        {
            return _operands.Fail(AssemblyErrors.Expected("the name of a section", _operands.FoundHere()), start);
        }

        if (name.StartsWith('.') && name != Text && DataSections.KindOf(name) is null)
        {
            return _operands.Fail(
                AssemblyErrors.Directive($"section '{name}' cannot be written by hand", name is ".maps" or "maps" ? "define maps with .map" : "sections of variables are .rodata, .data and .bss, and their names with a suffix"),
                start);
        }

        Enter(name);
        return !_source.Take(",") || SkipLine();
    }

    private bool Type()
    {
        if (!Name(out string name) || !_operands.Expect(","))
        {
            return false;
        }

        string kind = _source.PeekWord().ToString();
        if (kind is not ("@function" or "@object"))
        {
            return _operands.Fail(AssemblyErrors.Expected("@function or @object", _operands.FoundHere()));
        }

        _source.Position += kind.Length;
        _ = kind == "@function" && _functions.Add(name);
        return true;
    }

    private bool SetLicense(byte[] text)
    {
        License = Encoding.UTF8.GetString(text).TrimEnd('\0');
        return true;
    }

    private bool Name(out string name)
    {
        name = _source.PeekWord().ToString();
        if (name.Length == 0 || StatementParser.IsRegister(name))
        {
            return _operands.Fail(AssemblyErrors.Expected("a name", _operands.FoundHere()));
        }

        _source.Position += name.Length;
        return true;
    }
}
