namespace Osmia.Btf;

/// <summary>
/// Which words of a record are type ids, and which are names of members: one table for everything that copies, remaps or compares types.
/// Word 0 is the name, 1 the info, 2 the size or the type, 3.. what the kind adds.
/// </summary>
internal readonly struct TypeWords
{
    private readonly int _first;
    private readonly int _step;
    private readonly int _count;

    /// <summary>The words of a kind that hold a type id.</summary>
    public TypeWords(BtfKind kind, int count)
    {
        // No tuple: its constructor would be compiled at start-up, and called for every type.
        switch (kind)
        {
            case BtfKind.Pointer or BtfKind.Typedef or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag
                or BtfKind.Function or BtfKind.Variable or BtfKind.DeclarationTag:
                _first = 2;
                _count = 1;
                break;
            case BtfKind.Array:
                _first = 3;
                _step = 1;
                _count = 2;
                break;
            case BtfKind.Struct or BtfKind.Union:
                _first = 4;
                _step = 3;
                _count = count;
                break;
            case BtfKind.FunctionPrototype:
                _first = 2;
                _step = 2;
                _count = count + 1;
                break;
            case BtfKind.DataSection:
                _first = 3;
                _step = 3;
                _count = count;
                break;
        }
    }

    private TypeWords(int first, int step, int count) => (_first, _step, _count) = (first, step, count);

    /// <summary>The words that hold the name of a member, an enumerator or a parameter.</summary>
    public static TypeWords Names(BtfKind kind, int count) => kind switch
    {
        BtfKind.Struct or BtfKind.Union or BtfKind.Enum64 => new(3, 3, count),
        BtfKind.Enum or BtfKind.FunctionPrototype => new(3, 2, count),
        _ => default,
    };

    public Enumerator GetEnumerator() => new(_first, _step, _count);

    internal struct Enumerator(int first, int step, int count)
    {
        private int _index = -1;

        public readonly int Current => first + _index * step;

        public bool MoveNext() => ++_index < count;
    }
}
