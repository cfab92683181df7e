namespace Osmia.Btf.Printing;

/// <summary>
/// Writes definitions in an order that C accepts. A type that is embedded must be defined before; of one behind a pointer the name is
/// enough, unless it has none. <c>CEmitter.Definitions.cs</c> writes structs and enumerations, <c>CEmitter.Declarators.cs</c> what stands
/// in a member or parameter.
/// </summary>
internal sealed partial class CEmitter
{
    private const int FlushAt = 1 << 16;
    private const int MaximumNesting = 512;

    // Text that BTF stands for can be exponentially longer than BTF. Real headers stay far below these steps for each word.
    private const int StepsPerWord = 64;
    private const long LeastSteps = 100_000;

    // Where a type stands: in the order of definitions, and in what is written.
    private const byte Ordering = 1;
    private const byte Ordered = 2;
    private const byte Emitting = 4;
    private const byte Emitted = 8;
    private const byte Announced = 16;
    private const byte Referenced = 32;
    private const byte Settled = 64;
    private const byte AskedIfSettled = 128;

    private readonly TypeGraph _graph;
    private readonly Stream _output;
    private readonly byte[] _states;
    private readonly CAlignment _alignment;
    private readonly CNames _tags;
    private readonly CNames _identifiers;

    // How many types took the name before: 0 not yet asked, 1 none.
    private readonly int[] _nameNumbers;
    private readonly List<int> _queue = [];
    private int _depth;
    private long _steps;

    public CEmitter(TypeGraph graph, Stream output)
    {
        _graph = graph;
        _output = output;
        _states = new byte[graph.Count];
        _nameNumbers = new int[graph.Count];
        _alignment = new CAlignment(graph);
        _tags = new CNames(graph);
        _identifiers = new CNames(graph);
        long words = 0;
        for (int id = 1; id < graph.Count; id++)
        {
            words += graph.Record(id).Length;
            foreach (int i in new TypeWords(graph.Kind(id), graph.PartCount(id)))
            {
                _states[graph.IdAt(id, i)] |= Referenced;
            }
        }

        _steps = LeastSteps + words * StepsPerWord;
    }

    public Utf8Buffer Text { get; } = new(FlushAt * 2);

    public void Flush()
    {
        _output.Write(Text.Written);
        Text.Clear();
    }

    /// <summary>Writes a type and what it needs, unless that was written before.</summary>
    public void Define(int id)
    {
        if ((_states[id] & Ordered) != 0 || id == 0)
        {
            return;
        }

        _queue.Clear();
        Order(id, isBehindPointer: false);
        for (int i = 0; i < _queue.Count; i++)
        {
            Emit(_queue[i], container: 0);
            if (Text.Length >= FlushAt)
            {
                Flush();
            }
        }
    }

    /// <summary>
    /// Whether <see cref="Define"/> would write nothing: the type has no definition of its own, and all it refers to is defined or has
    /// none either. To be asked once, before the types that are not settled are defined.
    /// </summary>
    public bool IsSettled(int id) => IsSettled(id, 0);

    private bool IsSettled(int id, int depth)
    {
        byte state = _states[id];
        if (id == 0 || (state & (Ordered | Settled)) != 0)
        {
            return true;
        }

        // A type that is asked for while it is being looked at goes in circles: that is for Define to find.
        if ((state & AskedIfSettled) != 0 || depth == MaximumNesting)
        {
            return false;
        }

        _states[id] |= AskedIfSettled;
        BtfKind kind = _graph.Kind(id);
        if (kind is not (BtfKind.Pointer or BtfKind.Array or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag or BtfKind.FunctionPrototype)
            || !IsSettled(kind == BtfKind.Array ? _graph.IdAt(id, 3) : _graph.Referenced(id), depth + 1))
        {
            return false;
        }

        for (int i = 0; kind == BtfKind.FunctionPrototype && i < _graph.PartCount(id); i++)
        {
            if (!IsSettled(_graph.IdAt(id, 4 + i * 2), depth + 1))
            {
                return false;
            }
        }

        _states[id] |= Settled;
        return true;
    }

    /// <summary>Queues what must be defined before a type, and the type. True if it has to be defined where it is used.</summary>
    private bool Order(int id, bool isBehindPointer)
    {
        byte state = _states[id];
        if ((state & Ordered) != 0)
        {
            return true;
        }

        BtfKind kind = _graph.Kind(id);
        if ((state & Ordering) != 0)
        {
            return kind.IsComposite() && isBehindPointer && _graph.Name(id) != 0
                ? false
                : throw new BtfFormatException($"type {id} ({kind.ToKernelName()}) contains itself", OffsetOf(id));
        }

        Enter(id);
        bool mustBeDefined = OrderKind(id, kind, isBehindPointer);
        _depth--;
        return mustBeDefined;
    }

    private bool OrderKind(int id, BtfKind kind, bool isBehindPointer)
    {
        bool isNamed = _graph.Name(id) != 0;
        switch (kind)
        {
            case BtfKind.Int or BtfKind.Float:
                _states[id] |= Ordered;
                return false;
            case BtfKind.Pointer:
                bool isStrong = Order(_graph.Referenced(id), isBehindPointer: true);
                _states[id] |= Ordered;
                return isStrong;
            case BtfKind.Array:
                return Order(_graph.IdAt(id, 3), isBehindPointer: false);
            case BtfKind.Struct or BtfKind.Union:
                if (isBehindPointer && isNamed)
                {
                    return false;
                }

                _states[id] |= Ordering;
                for (int i = 0; i < _graph.PartCount(id); i++)
                {
                    Order(_graph.MemberType(id, i), isBehindPointer: false);
                }

                return Queue(id, isNamed);
            case BtfKind.Enum or BtfKind.Enum64 or BtfKind.Forward:
                return Queue(id, isNamed || (_states[id] & Referenced) == 0);
            case BtfKind.Typedef:
                bool isTargetStrong = Order(_graph.Referenced(id), isBehindPointer);
                return (isTargetStrong || !isBehindPointer) && Queue(id, true);
            case BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag:
                return Order(_graph.Referenced(id), isBehindPointer);
            case BtfKind.FunctionPrototype:
                bool isAnyStrong = Order(_graph.Referenced(id), isBehindPointer);
                for (int i = 0; i < _graph.PartCount(id); i++)
                {
                    isAnyStrong |= Order(_graph.IdAt(id, 4 + i * 2), isBehindPointer);
                }

                return isAnyStrong;
            default:
                _states[id] |= Ordered;
                return false;
        }
    }

    private bool Queue(int id, bool isDefinition)
    {
        if (isDefinition)
        {
            _queue.Add(id);
        }

        _states[id] |= Ordered;
        return true;
    }

    /// <summary>Writes a queued type; of what its members refer to, the announcements that C needs.</summary>
    /// <param name="container">The type whose definition is under way; 0 for the type of the queue itself.</param>
    private void Emit(int id, int container)
    {
        byte state = _states[id];
        if ((state & Emitted) != 0 || id == 0)
        {
            return;
        }

        BtfKind kind = _graph.Kind(id);
        if ((state & Emitting) != 0)
        {
            Announce(id, kind, container);
            return;
        }

        Enter(id);
        switch (kind)
        {
            case BtfKind.Int:
                MissingAlias(id);
                _states[id] |= Emitted;
                break;
            case BtfKind.Enum or BtfKind.Enum64:
                if (container == 0)
                {
                    EnumDefinition(id, 0);
                    Text.Append(";\n\n"u8);
                }

                _states[id] |= Emitted;
                break;
            case BtfKind.Pointer or BtfKind.Volatile or BtfKind.Const or BtfKind.Restrict or BtfKind.TypeTag:
                Emit(_graph.Referenced(id), container);
                break;
            case BtfKind.Array:
                Emit(_graph.IdAt(id, 3), container);
                break;
            case BtfKind.Forward:
                ForwardName(id);
                Text.Append(";\n\n"u8);
                _states[id] |= Emitted;
                break;
            case BtfKind.Typedef:
                _states[id] |= Emitting;
                Emit(_graph.Referenced(id), id);
                if ((_states[id] & Announced) == 0)
                {
                    TypedefDefinition(id);
                }

                _states[id] |= Emitted;
                break;
            case BtfKind.Struct or BtfKind.Union:
                EmitComposite(id, container);
                break;
            case BtfKind.FunctionPrototype:
                Emit(_graph.Referenced(id), container);
                for (int i = 0; i < _graph.PartCount(id); i++)
                {
                    Emit(_graph.IdAt(id, 4 + i * 2), container);
                }

                break;
        }

        _depth--;
    }

    private void EmitComposite(int id, int container)
    {
        bool isNamed = _graph.Name(id) != 0;
        _states[id] |= Emitting;
        if (container == 0 || !isNamed)
        {
            for (int i = 0; i < _graph.PartCount(id); i++)
            {
                Emit(_graph.MemberType(id, i), isNamed ? id : container);
            }
        }
        else if ((_states[id] & Announced) == 0 && id != container)
        {
            CompositeName(id);
            Text.Append(";\n\n"u8);
            _states[id] |= Announced;
        }

        if (container == 0)
        {
            CompositeDefinition(id, 0);
            Text.Append(";\n\n"u8);
            _states[id] |= Emitted;
        }

        _states[id] &= unchecked((byte)~Emitting);
    }

    /// <summary>A type whose own definition is under way is named inside it.</summary>
    private void Announce(int id, BtfKind kind, int container)
    {
        if ((_states[id] & Announced) != 0 || (kind.IsComposite() && id == container))
        {
            return;
        }

        if (kind.IsComposite() && _graph.Name(id) != 0)
        {
            CompositeName(id);
            Text.Append(";\n\n"u8);
            _states[id] |= Announced;
        }
        else if (kind == BtfKind.Typedef)
        {
            TypedefDefinition(id);
            _states[id] |= Announced;
        }
    }

    private void TypedefDefinition(int id)
    {
        // The compiler's own type: every compiler has it built in, in its own form.
        ReadOnlySpan<byte> name = _graph.Text(_graph.Name(id));
        if (name.SequenceEqual("__builtin_va_list"u8))
        {
            return;
        }

        if (_graph.Referenced(id) == 0 && name.SequenceEqual("__gnuc_va_list"u8))
        {
            Text.Append("typedef __builtin_va_list __gnuc_va_list;\n\n"u8);
            return;
        }

        Text.Append("typedef "u8);
        DeclareTypedef(id);
        Text.Append(";\n\n"u8);
    }

    private void Enter(int id)
    {
        if (++_depth > MaximumNesting || --_steps < 0)
        {
            throw new BtfFormatException($"type {id} is nested or repeated past all measure", OffsetOf(id));
        }
    }

    private int OffsetOf(int id)
    {
        BtfTypes types = _graph.Types;
        while (id < types.FirstId && types.Base is not null)
        {
            types = types.Base;
        }

        return id == 0 ? 0 : types.OffsetOf(new TypeId(id));
    }
}
