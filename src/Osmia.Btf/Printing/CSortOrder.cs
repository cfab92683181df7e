using System.Buffers.Binary;

namespace Osmia.Btf.Printing;

/// <summary>
/// The order of a sorted header, the one of bpftool 7.5: enumerations without names, enumerations, numbers, structs and unions with what
/// names them, prototypes, the rest; each by name. Equal names are told apart by a number made of their members' names, so that
/// two kernels with the same types give the same order.
/// </summary>
internal sealed class CSortOrder
{
    private const int LastRank = 10;

    private readonly TypeGraph _graph;
    private readonly ulong[] _keys;
    private readonly uint[] _sortNames;
    private readonly ulong[] _distinctions;

    public CSortOrder(TypeGraph graph)
    {
        _graph = graph;
        _keys = new ulong[graph.Count];
        _sortNames = new uint[graph.Count];
        _distinctions = new ulong[graph.Count];
    }

    public int[] Sort()
    {
        int[] ids = new int[_graph.Count];
        int count = 0;
        Span<byte> key = stackalloc byte[8];
        for (int id = 1; id < _graph.Count; id++)
        {
            // These define nothing in C.
            if (_graph.Kind(id) is BtfKind.Function or BtfKind.Variable or BtfKind.DataSection or BtfKind.DeclarationTag)
            {
                continue;
            }

            uint name = SortName(id);
            ReadOnlySpan<byte> text = _graph.Text(name);
            key.Clear();
            key[0] = (byte)Rank(id);
            text[..Math.Min(7, text.Length)].CopyTo(key[1..]);
            _keys[id] = BinaryPrimitives.ReadUInt64BigEndian(key);
            _sortNames[id] = name;
            ids[count++] = id;
        }

        ids = ids[..count];
        MergeSort(ids, new int[count]);
        return ids;
    }

    // Written out: Array.Sort with a comparison over our types would be compiled at start-up.
    private void MergeSort(Span<int> ids, Span<int> scratch)
    {
        if (ids.Length < 2)
        {
            return;
        }

        int half = ids.Length / 2;
        MergeSort(ids[..half], scratch[..half]);
        MergeSort(ids[half..], scratch[half..]);
        if (Compare(ids[half - 1], ids[half]) <= 0)
        {
            return;
        }

        ids.CopyTo(scratch);
        int left = 0;
        int right = half;
        for (int i = 0; i < ids.Length; i++)
        {
            bool takesLeft = left < half && (right == ids.Length || Compare(scratch[left], scratch[right]) <= 0);
            ids[i] = takesLeft ? scratch[left++] : scratch[right++];
        }
    }

    private int Compare(int left, int right)
    {
        if (_keys[left] != _keys[right])
        {
            return _keys[left] < _keys[right] ? -1 : 1;
        }

        int order = _sortNames[left] == _sortNames[right] ? 0 : _graph.Text(_sortNames[left]).SequenceCompareTo(_graph.Text(_sortNames[right]));
        if (order == 0 && _graph.Name(left) != _graph.Name(right))
        {
            order = _graph.Text(_graph.Name(left)).SequenceCompareTo(_graph.Text(_graph.Name(right)));
        }

        order = order != 0 ? order : Distinction(left).CompareTo(Distinction(right));
        return order != 0 ? order : left.CompareTo(right);
    }

    private static bool IsChain(BtfKind kind) => kind is BtfKind.TypeTag or BtfKind.Const or BtfKind.Pointer or BtfKind.Volatile
        or BtfKind.Restrict or BtfKind.Typedef or BtfKind.DeclarationTag or BtfKind.Array;

    private int Next(int id) => _graph.Kind(id) == BtfKind.Array ? _graph.IdAt(id, 3) : _graph.Referenced(id);

    private int Rank(int id)
    {
        bool isNamed = false;
        for (int depth = 0; depth < BtfTypes.MaximumDepth; depth++)
        {
            isNamed |= _graph.Name(id) != 0;
            BtfKind kind = _graph.Kind(id);
            switch (kind)
            {
                case BtfKind.Enum or BtfKind.Enum64:
                    return isNamed ? 1 : 0;
                case BtfKind.Int or BtfKind.Float:
                    return 2;
                case BtfKind.Struct or BtfKind.Union:
                    return isNamed ? 3 : LastRank;
                case BtfKind.FunctionPrototype:
                    return isNamed ? 4 : LastRank;
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
