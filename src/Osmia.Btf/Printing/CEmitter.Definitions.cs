namespace Osmia.Btf.Printing;

/// <content>Definitions of structs, unions and enumerations, and the gaps between members.</content>
internal sealed partial class CEmitter
{
    // Past this a gap is an array, which takes one line.
    private const long LongestFilledGap = 64 << 10;

    private static ReadOnlySpan<byte> Tabs => "\t\t\t\t\t\t\t\t\t\t\t\t\t"u8;

    /// <summary>Types of GCC that Clang does not know, as ARM's vectors bring them.</summary>
    private void MissingAlias(int id)
    {
        ReadOnlySpan<byte> name = _graph.Text(_graph.Name(id));
        if (!name.StartsWith("__Poly"u8))
        {
            return;
        }

        ReadOnlySpan<byte> known = name switch
        {
            _ when name.SequenceEqual("__Poly8_t"u8) => "unsigned char"u8,
            _ when name.SequenceEqual("__Poly16_t"u8) => "unsigned short"u8,
            _ when name.SequenceEqual("__Poly64_t"u8) => "unsigned long long"u8,
            _ when name.SequenceEqual("__Poly128_t"u8) => "unsigned __int128"u8,
            _ => default,
        };
        if (!known.IsEmpty)
        {
            Text.Append("typedef "u8).Append(known).Append((byte)' ').Append(name).Append(";\n\n"u8);
        }
    }

    private void CompositeName(int id)
    {
        Text.Append(_graph.Kind(id) == BtfKind.Struct ? "struct"u8 : "union"u8);
        TagName(id);
    }

    private void ForwardName(int id)
    {
        Text.Append(_graph.KindFlag(id) ? "union "u8 : "struct "u8).Append(_graph.Text(_graph.Name(id)));
    }

    private void TagName(int id)
    {
        if (_graph.Name(id) != 0)
        {
            Text.Append((byte)' ');
            UniqueName(id, _tags);
        }
    }

    /// <summary>The name, with a number if other types took it before. Announcements of what has no definition share one name.</summary>
    private void UniqueName(int id, CNames names)
    {
        uint name = _graph.Name(id);
        ref int number = ref _nameNumbers[id];
        if (number == 0)
        {
            number = _graph.Kind(id).IsEnum() && _graph.PartCount(id) == 0 ? 1 : names.Take(name);
        }

        Text.Append(_graph.Text(name));
        AppendNumber(number);
    }

    private void AppendNumber(int number)
    {
        if (number > 1)
        {
            Text.Append("___"u8).Append((long)number);
        }
    }

    private void Line(int level) => Text.Append((byte)'\n').Append(Tabs[..Math.Min(level, Tabs.Length)]);

    private void CompositeDefinition(int id, int level)
    {
        Enter(id);
        bool isStruct = _graph.Kind(id) == BtfKind.Struct;
        int alignment = _alignment.Of(id);
        bool isPacked = _alignment.IsPacked(id);
        CompositeName(id);
        Text.Append(" {"u8);
        long offset = 0;
        bool wasBitfield = false;
        int count = _graph.PartCount(id);
        for (int i = 0; i < count; i++)
        {
            int type = _graph.MemberType(id, i);
            int bits = _graph.MemberBitfieldSize(id, i);
            long start = (uint)_graph.MemberBitOffset(id, i);
            if (isStruct)
            {
                Fill(offset, start, isPacked ? 1 : _alignment.Of(type), wasBitfield && bits != 0, level + 1);
            }

            Line(level + 1);
            Declare(type, _graph.MemberName(id, i), level + 1);
            if (bits != 0)
            {
                Text.Append(": "u8).Append((long)bits);
            }

            offset = start + (bits != 0 ? bits : Math.Max(0, _graph.Types.SizeOf(new TypeId(type))) * 8);
            wasBitfield = bits != 0;
            Text.Append((byte)';');
        }

        if (isStruct)
        {
            Fill(offset, _graph.Size(id) * 8L, alignment, false, level + 1);
        }

        if (count > 0 || _graph.Size(id) > 0)
        {
            Line(level);
        }

        Text.Append((byte)'}');
        if (isPacked)
        {
            Text.Append(" __attribute__((packed))"u8);
        }
        else if (!isStruct && _alignment.ForcedUnionAlignment(id) is > 0 and int forced)
        {
            Text.Append(" __attribute__((aligned("u8).Append((long)forced).Append(")))"u8);
        }

        _depth--;
    }

    /// <summary>
    /// Unnamed bit-fields where the compiler would leave no gap of itself. All in bits.
    /// </summary>
    /// <param name="alignment">Of the next member, in bytes: what the compiler would align to anyway.</param>
    private void Fill(long from, long to, int alignment, bool isInBitfield, int level)
    {
        if (from >= to)
        {
            return;
        }

        if (to - from > LongestFilledGap * 8)
        {
            (long first, long last) = (RoundUp(from, 8), to / 8 * 8);
            if (first > from)
            {
                Gap(8, first - from, level);
            }

            Line(level);
            Text.Append("unsigned char __gap_"u8).Append(first / 8).Append((byte)'[').Append((last - first) / 8).Append("];"u8);
            (from, isInBitfield) = (last, false);
        }

        if (from == to)
        {
            return;
        }

        // The largest unit that has a boundary in the gap; it aligns the rest.
        int unit = 64;
        while (unit > 8 && RoundUp(from, unit) > to)
        {
            unit /= 2;
        }

        long boundary = RoundUp(from, unit);
        if (boundary > from && boundary <= to)
        {
            bool wouldNotAlign = boundary == to && RoundUp(from, Math.Max(1, alignment) * 8) != boundary;
            bool wouldFitBefore = boundary != to && to - boundary <= boundary - from;
            if (isInBitfield || wouldNotAlign || wouldFitBefore)
            {
                Gap(unit, isInBitfield ? boundary - from : 0, level);
            }

            from = boundary;
        }

        for (; to - from >= unit; from += unit)
        {
            Gap(unit, unit, level);
        }

        if (from < to)
        {
            int smallest = 8;
            while (smallest < to - from)
            {
                smallest *= 2;
            }

            Gap(smallest, to - from, level);
        }
    }

    private void Gap(int unit, long bits, int level)
    {
        Line(level);
        Text.Append(unit switch { 64 => "long"u8, 32 => "int"u8, 16 => "short"u8, _ => "char"u8 }).Append(": "u8).Append(bits).Append((byte)';');
    }

    private static long RoundUp(long value, int unit) => (value + unit - 1) / unit * unit;

    private void EnumDefinition(int id, int level)
    {
        int count = _graph.PartCount(id);
        bool isSigned = _graph.KindFlag(id);
        bool isWide = _graph.Kind(id) == BtfKind.Enum64;
        Text.Append("enum"u8);
        TagName(id);
        if (count == 0)
        {
            return;
        }

        Text.Append(" {"u8);
        bool fitsWord = true;
        for (int i = 0; i < count; i++)
        {
            int at = 3 + i * (isWide ? 3 : 2);
            uint name = _graph.Word(id, at);
            uint low = _graph.Word(id, at + 1);
            Line(level + 1);
            Text.Append(_graph.Text(name));
            AppendNumber(_identifiers.Take(name));
            Text.Append(" = "u8);
            if (isWide)
            {
                uint high = _graph.Word(id, at + 2);
                fitsWord &= high == 0;
                ulong value = low | ((ulong)high << 32);
                _ = isSigned ? Text.Append((long)value).Append("LL,"u8) : Text.Append(value).Append("ULL,"u8);
            }
            else
            {
                _ = (isSigned ? Text.Append((long)(int)low) : Text.Append((ulong)low)).Append((byte)',');
            }
        }

        Line(level);
        Text.Append((byte)'}');
        if (_graph.Size(id) == 1)
        {
            Text.Append(" __attribute__((mode(byte)))"u8);
        }
        else if (_graph.Size(id) == 2)
        {
            Text.Append(" __attribute__((mode(HI)))"u8);
        }
        else if (_graph.Size(id) == 8 && fitsWord)
        {
            // No value asks for 64 bits, so an attribute does.
            Text.Append(" __attribute__((mode(word)))"u8);
        }
    }
}
