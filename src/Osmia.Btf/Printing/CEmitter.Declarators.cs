namespace Osmia.Btf.Printing;

/// <content>
/// Declarations of members, parameters and typedefs. BTF tells a type from the outside in (array of pointers to const int), C writes
/// it around the name; so the types of a chain are put on a stack and written from its end.
/// </content>
internal sealed partial class CEmitter
{
    private readonly List<int> _chain = [];

    /// <summary>A declaration as it stands in a member or parameter list: <c>const char *name[4]</c>. No name for name 0.</summary>
    public void Declare(int id, uint name, int level = 0) => Declare(id, _graph.Text(name), 0, level);

    private void DeclareTypedef(int id)
    {
        ref int number = ref _nameNumbers[id];
        number = number == 0 ? _identifiers.Take(_graph.Name(id)) : number;
        Declare(_graph.Referenced(id), _graph.Text(_graph.Name(id)), number, 0);
    }

    private void Declare(int id, ReadOnlySpan<byte> name, int number, int level)
    {
        int bottom = _chain.Count;
        while (true)
        {
            if (--_steps < 0)
            {
                throw new BtfFormatException($"type {id} has no end", OffsetOf(id));
            }

            _chain.Add(id);
            BtfKind kind = _graph.Kind(id);
            if (kind is BtfKind.Pointer or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag or BtfKind.FunctionPrototype)
            {
                id = _graph.Referenced(id);
            }
            else if (kind == BtfKind.Array)
            {
                id = _graph.IdAt(id, 3);
            }
            else
            {
                break;
            }
        }

        Enter(id);
        WriteChain(bottom, name, number, level);
        _depth--;
        _chain.RemoveRange(bottom, _chain.Count - bottom);
    }

    /// <summary>Writes and takes off the stack all down to <paramref name="bottom"/>.</summary>
    private void WriteChain(int bottom, ReadOnlySpan<byte> name, int number, int level)
    {
        bool wasPointer = true;
        while (_chain.Count > bottom)
        {
            int id = Pop();
            BtfKind kind = _graph.Kind(id);
            switch (kind)
            {
                case BtfKind.Int or BtfKind.Float:
                    QualifiersBefore(bottom);
                    Text.Append(_graph.Text(_graph.Name(id)));
                    break;
                case BtfKind.Struct or BtfKind.Union:
                    QualifiersBefore(bottom);
                    CompositeUse(id, level);
                    break;
                case BtfKind.Enum or BtfKind.Enum64:
                    QualifiersBefore(bottom);
                    EnumUse(id, level);
                    break;
                case BtfKind.Forward:
                    QualifiersBefore(bottom);
                    ForwardName(id);
                    break;
                case BtfKind.Typedef:
                    QualifiersBefore(bottom);
                    UniqueName(id, _identifiers);
                    break;
                case BtfKind.Pointer:
                    Text.Append(wasPointer ? "*"u8 : " *"u8);
                    break;
                case BtfKind.Volatile:
                    Text.Append(" volatile"u8);
                    break;
                case BtfKind.Const:
                    Text.Append(" const"u8);
                    break;
                case BtfKind.Restrict:
                    Text.Append(" restrict"u8);
                    break;
                case BtfKind.TypeTag:
                    QualifiersBefore(bottom);
                    TypeTag(id);
                    break;
                case BtfKind.Array:
                    ArrayOf(id, bottom, name, number, level, wasPointer);
                    return;
                case BtfKind.FunctionPrototype:
                    Prototype(id, bottom, name, number, level, wasPointer);
                    return;
                default:
                    // void, and what C cannot declare.
                    QualifiersBefore(bottom);
                    Text.Append("void"u8);
                    break;
            }

            wasPointer = kind == BtfKind.Pointer;
        }

        Name(name, number, wasPointer);
    }

    private int Pop()
    {
        int id = _chain[^1];
        _chain.RemoveAt(_chain.Count - 1);
        return id;
    }

    private void Name(ReadOnlySpan<byte> name, int number, bool wasPointer)
    {
        if (!name.IsEmpty)
        {
            Text.Append(wasPointer ? default : " "u8).Append(name);
            AppendNumber(number);
        }
    }

    /// <summary>Qualifiers of a type that is not a pointer stand before it.</summary>
    private void QualifiersBefore(int bottom)
    {
        for (; _chain.Count > bottom; _chain.RemoveAt(_chain.Count - 1))
        {
            ReadOnlySpan<byte> word = _graph.Kind(_chain[^1]) switch
            {
                BtfKind.Volatile => "volatile "u8,
                BtfKind.Const => "const "u8,
                BtfKind.Restrict => "restrict "u8,
                _ => default,
            };
            if (word.IsEmpty)
            {
                return;
            }

            Text.Append(word);
        }
    }

    // GCC puts the qualifiers of an array's elements on the array too, and of "noreturn" on functions.
    private void DropQualifiers(int bottom)
    {
        while (_chain.Count > bottom && _graph.Kind(_chain[^1]) is BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag)
        {
            _chain.RemoveAt(_chain.Count - 1);
        }
    }

    private void CompositeUse(int id, int level)
    {
        if (_graph.Name(id) == 0)
        {
            CompositeDefinition(id, level);
        }
        else
        {
            CompositeName(id);
        }
    }

    private void EnumUse(int id, int level)
    {
        if (_graph.Name(id) == 0)
        {
            EnumDefinition(id, level);
        }
        else
        {
            Text.Append("enum"u8);
            TagName(id);
        }
    }

    private void TypeTag(int id)
    {
        ReadOnlySpan<byte> name = _graph.Text(_graph.Name(id));
        _ = _graph.KindFlag(id)
            ? Text.Append(" __attribute__(("u8).Append(name).Append("))"u8)
            : Text.Append(" __attribute__((btf_type_tag(\""u8).Append(name).Append("\")))"u8);
    }

    private void ArrayOf(int id, int bottom, ReadOnlySpan<byte> name, int number, int level, bool wasPointer)
    {
        DropQualifiers(bottom);
        uint count = _graph.Word(id, 5);
        if (_chain.Count == bottom)
        {
            Name(name, number, wasPointer);
        }
        else
        {
            bool isArrayOfArray = _graph.Kind(_chain[^1]) == BtfKind.Array;
            Text.Append(!name.IsEmpty && !wasPointer ? " "u8 : default).Append(isArrayOfArray ? default : "("u8);
            Enter(id);
            WriteChain(bottom, name, number, level);
            _depth--;
            Text.Append(isArrayOfArray ? default : ")"u8);
        }

        Text.Append((byte)'[').Append((ulong)count).Append((byte)']');
    }

    private void Prototype(int id, int bottom, ReadOnlySpan<byte> name, int number, int level, bool wasPointer)
    {
        DropQualifiers(bottom);
        if (_chain.Count > bottom)
        {
            Text.Append(" ("u8);
            Enter(id);
            WriteChain(bottom, name, number, level);
            _depth--;
            Text.Append((byte)')');
        }
        else
        {
            Name(name, number, wasPointer);
        }

        int count = _graph.PartCount(id);
        if (count == 0 || (count == 1 && _graph.IdAt(id, 4) == 0))
        {
            Text.Append("(void)"u8);
            return;
        }

        Text.Append((byte)'(');
        for (int i = 0; i < count; i++)
        {
            Text.Append(i > 0 ? ", "u8 : default);
            int type = _graph.IdAt(id, 4 + i * 2);
            if (i == count - 1 && type == 0)
            {
                // A last parameter of type void stands for a variable argument list.
                Text.Append("..."u8);
                break;
            }

            Declare(type, _graph.Word(id, 3 + i * 2), level);
        }

        Text.Append((byte)')');
    }
}
