using System.Buffers.Binary;
using System.Text;
using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

internal sealed partial class ObjectTextReader
{
    // What a file may ask for in a line (.zero) is bounded for the whole file.
    private const int MaximumData = 16 << 20;
    private const int MaximumSlots = 1 << 16;

    private static readonly string[] s_directives =
    [
        ".section", ".text", ".data", ".bss", ".rodata", ".globl", ".global", ".type", ".size", ".file", ".ident", ".license", ".map", ".slot",
        ".byte", ".short", ".half", ".2byte", ".long", ".word", ".int", ".4byte", ".quad", ".dword", ".8byte", ".ascii", ".asciz", ".string", ".zero", ".skip",
        ".space", ".align", ".balign", ".p2align",
    ];

    private int _dataSize;

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

    /// <summary><c>.map NAME type TYPE key N value N entries N [flags N] [extra N] [pin name] [inner type TYPE ...]</c>.</summary>
    private bool Map()
    {
        _source.SkipSpace();
        int start = _source.Position;
        if (!Name(out string name))
        {
            return false;
        }

        var map = new BpfMap(name);
        if (!_mapsByName.TryAdd(name, map))
        {
            return _operands.Fail(AssemblyErrors.Directive($"map '{name}' is defined a second time"), start);
        }

        _maps.Add(map);
        return MapProperties(map, start);
    }

    private bool MapProperties(BpfMap map, int start)
    {
        var seen = new HashSet<string>();
        while (_source.PeekWord() is { IsEmpty: false } word)
        {
            string property = word.ToString();
            if (!seen.Add(property))
            {
                return _operands.Fail(AssemblyErrors.Directive($"'{property}' is said twice of map '{map.Name}'"));
            }

            _source.Position += word.Length;
            if (property == "inner")
            {
                map.InnerMap = new BpfMap($"{map.Name}.inner");
                return IsTyped(map, start) && (!map.InnerMap.Name.EndsWith(".inner.inner", StringComparison.Ordinal) || _operands.Fail(AssemblyErrors.Directive("a map in a map holds no maps"), start))
                    && MapProperties(map.InnerMap, start);
            }

            if (!MapProperty(map, property))
            {
                return false;
            }
        }

        return IsTyped(map, start);
    }

    private bool IsTyped(BpfMap map, int start) =>
        map.Type != MapType.Unspec || _operands.Fail(AssemblyErrors.Directive($"map '{map.Name}' has no type", "say it, for example: type hash"), start);

    private bool MapProperty(BpfMap map, string property)
    {
        if (property == "type")
        {
            string type = _source.PeekWord().ToString();
            if (!MapTypeNames.TryParse(type, out MapType parsed))
            {
                string? nearest = NearestName.Find(type, Enumerable.Range(1, MapTypeNames.Count - 1).Select(number => ((MapType)number).ToKernelName()));
                return _operands.Fail(AssemblyErrors.Directive($"there is no map type '{type}'", nearest is null ? null : $"did you mean '{nearest}'?"));
            }

            map.Type = parsed;
            _source.Position += type.Length;
            return true;
        }

        if (property == "pin")
        {
            map.PinByName = true;
            return _source.TakeWord("name") || _operands.Fail(AssemblyErrors.Expected("'name'", _operands.FoundHere()));
        }

        if (property == "extra")
        {
            bool isRead = _operands.Immediate64(out ulong extra, out _);
            map.Extra = extra;
            return isRead;
        }

        if (property is not ("key" or "value" or "entries" or "flags"))
        {
            _source.Position -= property.Length;
            return _operands.Fail(AssemblyErrors.Directive($"a map has no '{property}'", "it has type, key, value, entries, flags, extra, pin and inner"));
        }

        if (!_operands.Number(0, uint.MaxValue, "a number of 32 bits", out long number))
        {
            return false;
        }

        _ = property switch
        {
            "key" => map.KeySize = (uint)number,
            "value" => map.ValueSize = (uint)number,
            "entries" => map.MaxEntries = (uint)number,
            _ => map.Flags = (uint)number,
        };
        return true;
    }

    /// <summary><c>.slot MAP INDEX NAME</c>: a program in a prog array, a map in a map of maps.</summary>
    private bool Slot()
    {
        _source.SkipSpace();
        int start = _source.Position;
        if (!Name(out string mapName) || !_operands.Number(0, MaximumSlots, "an index of a first value", out long index))
        {
            return false;
        }

        BpfMap? map = _mapsByName.GetValueOrDefault(mapName);
        if (map is null || (map.Type != MapType.ProgArray && map.InnerMap is null))
        {
            string why = map is null ? "a map is defined before its slots" : "only prog arrays and maps of maps have first values";
            return _operands.Fail(AssemblyErrors.Directive($"map '{mapName}' cannot have slots") with { Why = why }, start);
        }

        _source.SkipSpace();
        int nameStart = _source.Position;
        if (!Name(out string name))
        {
            return false;
        }

        _slots.Add(new TextSlot(map, (int)index, name, _source.Line, nameStart - _source.LineStart + 1, _source.LineStart));
        return true;
    }

    /// <summary>Whether data may stand here; says why not.</summary>
    private bool Accepts(int start) => _currentData is not null || _isInLicense
        || _operands.Fail(AssemblyErrors.Place("data stands among instructions", "a section of code holds instructions only", "go to .rodata, .data or .bss first"), start);

    private bool Put(ReadOnlySpan<byte> bytes, int start)
    {
        if (_isInLicense)
        {
            return SetLicense(bytes.ToArray());
        }

        if (!Reserve(bytes.Length, start))
        {
            return false;
        }

        if (DataSections.KindOf(_currentData!.Name) == DataSectionKind.ZeroInitialised && bytes.IndexOfAnyExcept((byte)0) >= 0)
        {
            return _operands.Fail(AssemblyErrors.Place("a value that is not zero stands in .bss", "the section has no bytes in the file", "put it into .data"), start);
        }

        _currentData.Bytes.AddRange(bytes);
        return true;
    }

    private bool Reserve(long count, int start)
    {
        if (count > MaximumData - _dataSize)
        {
            return _operands.Fail(AssemblyErrors.Number($"the variables take more than {MaximumData} bytes", "a text does not define more"), start);
        }

        _dataSize += (int)count;
        return true;
    }

    private bool Numbers(int size, int start)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        if (!Accepts(start))
        {
            return false;
        }

        do
        {
            ulong value;
            if (size == sizeof(ulong))
            {
                if (!_operands.Immediate64(out value, out _))
                {
                    return false;
                }
            }
            else
            {
                long half = 1L << (8 * size - 1);
                if (!_operands.Number(-half, 2 * half - 1, $"a value of {size} bytes", out long number))
                {
                    return false;
                }

                value = unchecked((ulong)number);
            }

            BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
            if (!Put(bytes[..size], start))
            {
                return false;
            }
        }
        while (_source.Take(","));
        return true;
    }

    private bool Strings(bool terminates, int start)
    {
        if (!Accepts(start))
        {
            return false;
        }

        do
        {
            if (!Quoted(out byte[] text) || !Put(terminates ? [.. text, 0] : text, start))
            {
                return false;
            }
        }
        while (_source.Take(","));
        return true;
    }

    private bool Zeros(bool isPadding, int start)
    {
        if (!Accepts(start) || !_operands.Number(0, MaximumData, "a number of bytes", out long count) || !Reserve(count, start))
        {
            return false;
        }

        if (_currentData is { } data)
        {
            if (isPadding)
            {
                data.End();
            }

            data.Bytes.AddRange(new byte[count]);
        }

        return true;
    }

    private bool Align(bool isPower, int start)
    {
        if (!_operands.Number(0, isPower ? 12 : 4096, "an alignment", out long number))
        {
            return false;
        }

        // Instructions are aligned anyway.
        long alignment = isPower ? 1L << (int)number : Math.Max(number, 1);
        if (_currentData is not { } data)
        {
            return true;
        }

        long padding = (alignment - data.Bytes.Count % alignment) % alignment;
        if (!Reserve(padding, start))
        {
            return false;
        }

        data.End();
        data.Bytes.AddRange(new byte[padding]);
        return true;
    }

    /// <summary>A string in quotes with C's escapes; text outside ASCII becomes UTF-8.</summary>
    private bool Quoted(out byte[] bytes)
    {
        bytes = [];
        if (!_operands.Expect("\""))
        {
            return false;
        }

        var text = new List<byte>();
        Span<byte> utf8 = stackalloc byte[4];
        while (_source.Current != '"')
        {
            if (_source.Rest.IsEmpty)
            {
                return _operands.Fail(AssemblyErrors.Syntax("this string does not end", "close it on the same line"));
            }

            if (_source.Current == '\\')
            {
                if (!Escape(out byte escaped))
                {
                    return false;
                }

                text.Add(escaped);
                continue;
            }

            System.Buffers.OperationStatus status = Rune.DecodeFromUtf16(_source.Rest, out Rune rune, out int taken);
            rune = status == System.Buffers.OperationStatus.Done ? rune : Rune.ReplacementChar;
            text.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
            _source.Position += Math.Max(taken, 1);
        }

        _source.Position++;
        bytes = [.. text];
        return true;
    }

    private bool Escape(out byte value)
    {
        value = 0;
        char kind = _source.After(1);
        if (kind == 'x' && char.IsAsciiHexDigit(_source.After(2)) && char.IsAsciiHexDigit(_source.After(3)))
        {
            value = Convert.FromHexString(_source.Rest.Slice(2, 2))[0];
            _source.Position += 4;
            return true;
        }

        int digits = 0;
        int octal = 0;
        while (digits < 3 && _source.After(1 + digits) is >= '0' and <= '7' and var digit)
        {
            octal = octal * 8 + digit - '0';
            digits++;
        }

        if (digits > 0 && octal <= byte.MaxValue)
        {
            value = (byte)octal;
            _source.Position += 1 + digits;
            return true;
        }

        int index = "ntr\\\"'abfv".IndexOf(kind, StringComparison.Ordinal);
        if (index < 0)
        {
            return _operands.Fail(AssemblyErrors.Syntax($"'\\{kind}' is no escape", "there are \\n \\t \\r \\\\ \\\" \\xHH and octal ones"));
        }

        value = (byte)"\n\t\r\\\"'\a\b\f\v"[index];
        _source.Position += 2;
        return true;
    }
}
