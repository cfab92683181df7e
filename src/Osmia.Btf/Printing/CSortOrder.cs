namespace Osmia.Btf.Printing;

/// <summary>
/// The order of a sorted header, the one of bpftool 7.5: enumerations without names, enumerations, numbers, structs and unions with what
/// names them, prototypes, the rest; each by name. Equal names are told apart by a number made of their members' names, so that
/// two kernels with the same types give the same order.
/// </summary>
internal sealed class CSortOrder(TypeGraph graph)
{
    private const byte LastRank = 10;
    private const byte Nothing = 11;
    private const int LettersOfKeys = 15;

    private readonly TypeGraph _graph = graph;
    private readonly ulong[] _distinctions = new ulong[graph.Count];

    /// <summary>Calls <paramref name="define"/> for every type that has a definition, in order.</summary>
    /// <param name="isSettled">
    /// Asked of the types without name, which come last, when all named ones are defined: whether nothing would be written for one.
    /// Most are pointers and prototypes, several times as many as the named types; those are not sorted.
    /// </param>
    public void ForEach(Action<int> define, Func<int, bool> isSettled)
    {
        var ranks = new byte[_graph.Count];
        int count = 0;
        for (int id = 1; id < ranks.Length; id++)
        {
            // Functions, variables, data sections and tags define nothing in C.
            bool isNothing = _graph.Kind(id) is BtfKind.Function or BtfKind.Variable or BtfKind.DataSection or BtfKind.DeclarationTag;
            ranks[id] = isNothing ? Nothing : Rank(id);
            count += ranks[id] < LastRank ? 1 : 0;
        }

        var entries = new Entry[count];
        count = 0;
        for (int id = 1; id < ranks.Length; id++)
        {
            if (ranks[id] < LastRank)
            {
                entries[count++] = EntryOf(id, ranks[id]);
            }
        }

        DefineSorted(entries, count, define);
        count = 0;
        for (int id = 1; id < ranks.Length; id++)
        {
            if (ranks[id] == LastRank && !isSettled(id))
            {
                if (count == entries.Length)
                {
                    Array.Resize(ref entries, Math.Max(64, count * 2));
                }

                entries[count++] = EntryOf(id, LastRank);
            }
        }

        DefineSorted(entries, count, define);
    }

    private void DefineSorted(Entry[] entries, int count, Action<int> define)
    {
        MergeSort(entries, new Entry[count], 0, count);
        for (int i = 0; i < count; i++)
        {
            define(entries[i].Id);
        }
    }

    /// <summary>A type and what decides first: its rank and the first 15 letters of its name, as two numbers.</summary>
    private readonly struct Entry(int id, uint name, ulong first, ulong second)
    {
        public readonly ulong First = first;
        public readonly ulong Second = second;
        public readonly int Id = id;
        public readonly uint Name = name;
    }

    private Entry EntryOf(int id, byte rank)
    {
        uint name = SortName(id);
        ReadOnlySpan<byte> text = _graph.Text(name);
        ulong first = rank;
        ulong second = 0;
        for (int i = 0; i < 7; i++)
        {
            first = first << 8 | (i < text.Length ? text[i] : 0u);
        }

        for (int i = 7; i < LettersOfKeys; i++)
        {
            second = second << 8 | (i < text.Length ? text[i] : 0u);
        }

        return new Entry(id, name, first, second);
    }

    // Written out, and over arrays: Array.Sort and spans of our own types would be compiled at start-up.
    private void MergeSort(Entry[] entries, Entry[] scratch, int start, int end)
    {
        if (end - start < 2)
        {
            return;
        }

        int half = start + (end - start) / 2;
        MergeSort(entries, scratch, start, half);
        MergeSort(entries, scratch, half, end);
        if (Compare(in entries[half - 1], in entries[half]) <= 0)
        {
            return;
        }

        Array.Copy(entries, start, scratch, start, end - start);
        int left = start;
        int right = half;
        for (int i = start; i < end; i++)
        {
            bool takesLeft = left < half && (right == end || Compare(in scratch[left], in scratch[right]) <= 0);
            entries[i] = takesLeft ? scratch[left++] : scratch[right++];
        }
    }

    private int Compare(in Entry left, in Entry right)
    {
        if (left.First != right.First)
        {
            return left.First < right.First ? -1 : 1;
        }

        if (left.Second != right.Second)
        {
            return left.Second < right.Second ? -1 : 1;
        }

        int order = _graph.CompareText(left.Name, right.Name, LettersOfKeys);
        order = order != 0 ? order : _graph.CompareText(_graph.Name(left.Id), _graph.Name(right.Id));
        order = order != 0 ? order : Distinction(left.Id).CompareTo(Distinction(right.Id));
        return order != 0 ? order : left.Id.CompareTo(right.Id);
    }

    private static bool IsChain(BtfKind kind) => kind is BtfKind.TypeTag or BtfKind.Const or BtfKind.Pointer or BtfKind.Volatile
        or BtfKind.Restrict or BtfKind.Typedef or BtfKind.DeclarationTag or BtfKind.Array;

    private int Next(int id) => _graph.Kind(id) == BtfKind.Array ? _graph.IdAt(id, 3) : _graph.Referenced(id);

    private byte Rank(int id)
    {
        bool isNamed = false;
        for (int depth = 0; depth < BtfTypes.MaximumDepth; depth++)
        {
            isNamed |= _graph.Name(id) != 0;
            BtfKind kind = _graph.Kind(id);
            switch (kind)
            {
                case BtfKind.Enum or BtfKind.Enum64:
                    return (byte)(isNamed ? 1 : 0);
                case BtfKind.Int or BtfKind.Float:
                    return 2;
                case BtfKind.Struct or BtfKind.Union:
                    return isNamed ? (byte)3 : LastRank;
                case BtfKind.FunctionPrototype:
                    return isNamed ? (byte)4 : LastRank;
            }

            if (!isNamed || !IsChain(kind))
            {
                return LastRank;
            }

            id = Next(id);
        }

        return LastRank;
    }

    /// <summary>The name a type is sorted by: its own, or that of what it refers to in the end. An enumeration without name has its first value's.</summary>
    private uint SortName(int id)
    {
        int first = id;
        for (int depth = 0; depth < BtfTypes.MaximumDepth && IsChain(_graph.Kind(id)); depth++)
        {
            id = Next(id);
        }

        return id == first && _graph.Kind(id).IsEnum() && _graph.Name(id) == 0 && _graph.PartCount(id) > 0 ? _graph.Word(id, 3) : _graph.Name(id);
    }

    private ulong Distinction(int id)
    {
        ref ulong known = ref _distinctions[id];
        known = known == 0 ? Distinction(id, true, 0) : known;
        return known;
    }

    private ulong Distinction(int id, bool withMembers, int depth)
    {
        if (depth == BtfTypes.MaximumDepth)
        {
            return 0;
        }

        BtfKind kind = _graph.Kind(id);
        ulong hash = WithName(0, _graph.Name(id));
        int count = _graph.PartCount(id);
        switch (kind)
        {
            case BtfKind.Enum or BtfKind.Enum64:
                for (int i = 0; i < count; i++)
                {
                    hash = WithName(hash, _graph.Word(id, 3 + i * (kind == BtfKind.Enum ? 2 : 3)));
                }

                break;
            case BtfKind.Struct or BtfKind.Union when withMembers:
                for (int i = 0; i < count; i++)
                {
                    hash = With(WithName(hash, _graph.MemberName(id, i)), Distinction(_graph.MemberType(id, i), false, depth + 1));
                }

                break;
            case BtfKind.Array:
                hash = With(With(hash, _graph.Word(id, 5)), Distinction(_graph.IdAt(id, 3), withMembers, depth + 1));
                break;
            default:
                hash = IsChain(kind) ? With(hash, Distinction(_graph.Referenced(id), withMembers, depth + 1)) : hash;
                break;
        }

        return hash;
    }

    private static ulong With(ulong hash, ulong value) => hash * 31 + value;

    private ulong WithName(ulong hash, uint name)
    {
        if (name == 0)
        {
            return hash;
        }

        ulong text = 0;
        foreach (byte letter in _graph.Text(name))
        {
            text = text * 31 + letter;
        }

        return With(hash, text);
    }
}
