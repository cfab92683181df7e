using Osmia.Bytecode;
using Osmia.Bytecode.Assembly;

namespace Osmia.Objects.Assembly;

/// <content><c>.map</c> and <c>.slot</c>.</content>
internal sealed partial class ObjectTextReader
{
    private const int MaximumSlots = 1 << 16;

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
}
