
namespace Osmia.Vm.Compilation;

/// <summary>
/// Reads one turn of a ring of blocks. Every value in it is the index times one plus what stays as it is, a word at such an address, or of no interest: what
/// a turn works out from those it works out again in the next. A turn that does anything else is no <see cref="WordLoop"/>.
/// </summary>
internal sealed class WordLoopFinder
{
    /// <summary>Where loops end whose index has 32 bits, at most.</summary>
    private const ulong MaxNarrow = int.MaxValue;

    /// <summary>A turn of more is none of a loop over words.</summary>
    private const int MaxStatements = 32;

    private readonly FunctionBody _body;
    private readonly Block[] _ring;
    private readonly HashSet<Web> _assigned = [];
    private readonly Dictionary<Web, Value> _values = [];
    private readonly List<(Linear Value, Node Limit, LoopBoundKind Kind, bool IsSigned, bool OfIndex)> _bounds = [];
    private readonly List<(Linear Address, int Size)> _checked = [];
    private readonly HashSet<Web> _olderThanExit = [];
    private Web? _index;
    private int _step;
    private int _length;
    private Web? _sum;
    private (Value Left, Value Right)? _compared;
    private (Linear To, Node Stored, Value Word)? _stored;
    private Value _added;

    private WordLoopFinder(FunctionBody body, Block[] ring)
    {
        _body = body;
        _ring = ring;
    }

    public static WordLoop? Find(FunctionBody body, Block[] ring) => new WordLoopFinder(body, ring).Find();

    private WordLoop? Find()
    {
        if (_ring.Sum(block => _body.Blocks[block.Index].Count) > MaxStatements || !FindIndex())
        {
            return null;
        }

        for (int i = 0; i < _ring.Length; i++)
        {
            Block next = _ring[(i + 1) % _ring.Length];
            List<Statement> statements = _body.Blocks[_ring[i].Index];
            for (int s = 0; s < statements.Count - 1; s++)
            {
                if (!Read(statements[s]))
                {
                    return null;
                }
            }

            if (!Leave(statements[^1], _ring[i], next))
            {
                return null;
            }

            _length += next.Start <= statements[^1].Slot ? statements[^1].Slot - next.Start + 1 : 0;
        }

        return _bounds.Exists(bound => bound.OfIndex) && _checked.TrueForAll(access => access.Address.HasIndex && access.Size == _step) ? Make() : null;
    }

    /// <summary>The one variable that grows by a constant; the others that are assigned must have their value of this turn before they are read.</summary>
    private bool FindIndex()
    {
        foreach (Block block in _ring)
        {
            foreach (Statement statement in _body.Blocks[block.Index])
            {
                if (statement.Result is not { } result)
                {
                    continue;
                }

                bool isFirst = _assigned.Add(result);
                if (statement is { Kind: StatementKind.Assign, A: { Kind: NodeKind.Add, Left: { Kind: NodeKind.Local } old, Right: { IsConstant: true, Value: 1 or 2 or 4 or 8 } step } } && old.Web == result)
                {
                    if (_index is not null || !isFirst)
                    {
                        return false;
                    }

                    (_index, _step) = (result, (int)step.Value);
                }
                else if (result == _index)
                {
                    return false;
                }
            }
        }

        if (_index is null)
        {
            return false;
        }

        _values[_index] = new(new Linear(null, true, 0));
        return true;
    }

    private bool Read(Statement statement)
    {
        switch (statement)
        {
            case { Kind: StatementKind.Assign, Result: { } result, A: { } value } when result == _index:
                _values[result] = new(new Linear(null, true, (ulong)_step));
                return true;
            case { Kind: StatementKind.Assign, Result: { } result, A: { Kind: NodeKind.Add } value } when Addend(value, result) is { } added:
                if (_sum is not null || ValueOf(added) is not { IsWord: true } word)
                {
                    return false;
                }

                (_sum, _added) = (result, word);
                return true;
            case { Kind: StatementKind.Assign, Result: { } result, A: { } value } when IsKnown(value):
                _values[result] = ValueOf(value);
                return true;
            case { Kind: StatementKind.Load, Result: { } result, Access: { } access, A: { } address, Op: >= Loading.Op.LoadB and <= Loading.Op.LoadDw } when IsAlone(access) && LinearOf(address) is { } place:
                _checked.Add((place, access.Size));
                _values[result] = new(place, access.Size);
                return true;
            case { Kind: StatementKind.Store, Access: { } access, A: { } address, B: { } stored } when _stored is null && IsAlone(access) && LinearOf(address) is { HasIndex: true } place:
                if (access.Check != AccessCheck.None)
                {
                    _checked.Add((place, access.Size));
                }

                _stored = (place, stored, ValueOf(stored));
                return access.Size == _step && (_stored.Value.Word.IsWord || IsInvariant(stored));
            default:
                return false;
        }
    }

    /// <summary>Its check is not one for other places too.</summary>
    private static bool IsAlone(Access access) => access.Reach == access.Size;

    /// <summary>The end of a block, which goes on in the ring or leaves it.</summary>
    private bool Leave(Statement last, Block block, Block next)
    {
        if (last.Kind == StatementKind.Jump)
        {
            return true;
        }

        if (last.Kind != StatementKind.Branch || block.Taken == block.Next)
        {
            return false;
        }

        FindOlder(next == block.Taken ? block.Next! : block.Taken!);
        Comparison stays = next == block.Taken ? last.Comparison : Opposite(last.Comparison);
        Value left = ValueOf(last.A!);
        Value right = ValueOf(last.B!);
        if (stays == Comparison.Equal && left.IsWord && right.IsWord && left.Size == right.Size && left.Size == _step && (left.Size < 8 || last.A!.IsWide))
        {
            bool isFirst = _compared is null;
            _compared = (left, right);
            return isFirst;
        }

        if (left.Place is { HasIndex: true } value && !left.IsWord && IsInvariant(last.B!))
        {
            return Bound(value, last.B!, stays, last.A!.IsWide);
        }

        return right.Place is { HasIndex: true } other && !right.IsWord && IsInvariant(last.A!) && Bound(other, last.A!, Mirrored(stays), last.A!.IsWide);
    }

    /// <summary>Variables that are read behind an exit and have, when it is taken, their value of the turn before.</summary>
    private void FindOlder(Block exit)
    {
        foreach (KnownRegister known in _body.LiveIn(exit))
        {
            if (known.Value.Web is { } web && _assigned.Contains(web) && !_values.ContainsKey(web))
            {
                _olderThanExit.Add(web);
            }
        }
    }

    private bool Bound(Linear value, Node limit, Comparison stays, bool isWide)
    {
        LoopBoundKind kind;
        switch (stays)
        {
            case Comparison.NotEqual:
                kind = LoopBoundKind.UntilEqual;
                break;
            case Comparison.Below or Comparison.Less:
                kind = LoopBoundKind.WhileBelow;
                break;
            case Comparison.BelowOrEqual or Comparison.LessOrEqual:
                kind = LoopBoundKind.WhileNotAbove;
                break;
            default:
                return false;
        }

        // Of 32 bits only numbers are taken, and none that is negative: then the upper half is zero as far as the bound reaches.
        bool isSigned = stays is Comparison.Less or Comparison.LessOrEqual;
        bool ofIndex = value.Base is null && limit.IsConstant && (!_index!.IsNarrow || limit.Value <= MaxNarrow);
        _bounds.Add((value, limit, kind, isSigned && isWide, ofIndex));
        return isWide || (ofIndex && limit.Value <= MaxNarrow);
    }

    private WordLoop? Make()
    {
        WordWork work;
        Linear? from = null;
        Linear? to = null;
        switch (_sum, _stored, _compared)
        {
            case ({ } sum, null, null) when _added.Size == _step && _added.Place!.Value.HasIndex && sum != _index && !_values.ContainsKey(sum):
                (work, from) = (WordWork.Sum, _added.Place);
                break;
            case (null, { Word: { IsWord: true } word } stored, null) when word.Size == _step && word.Place!.Value.HasIndex:
                (work, to, from) = (WordWork.Copy, stored.To, word.Place);
                break;
            case (null, { Word.IsWord: false } stored, null):
                (work, to) = (WordWork.Fill, stored.To);
                break;
            case (null, null, { } compared) when compared.Left.Place!.Value.HasIndex && compared.Right.Place!.Value.HasIndex:
                (work, from, to) = (WordWork.Compare, compared.Left.Place, compared.Right.Place);
                break;
            default:
                return null;
        }

        bool checksFrom = false;
        bool checksTo = false;
        foreach ((Linear address, _) in _checked)
        {
            bool isFrom = from is { } read && address.IsSameAs(read);
            bool isTo = to is { } other && address.IsSameAs(other);
            if (!isFrom && !isTo)
            {
                return null;
            }

            checksFrom |= isFrom;
            checksTo |= isTo;
        }

        return new WordLoop(_ring, _index!, _step, _length)
        {
            Work = work,
            From = from is { } source ? NodeOf(source) : null,
            To = to is { } target ? NodeOf(target) : null,
            ChecksFrom = checksFrom,
            ChecksTo = checksTo,
            Sum = _sum,
            Filler = work == WordWork.Fill ? _stored!.Value.Stored : null,
            LeavesWholeTurn = _olderThanExit.Any(web => web != _sum),
            Bounds = [.. _bounds.OrderByDescending(bound => bound.OfIndex).Select(bound => new LoopBound(bound.Kind, NodeOf(bound.Value), bound.Limit, bound.IsSigned, bound.OfIndex))],
        };
    }

    /// <summary>What is added to a variable, when that is all an assignment does.</summary>
    private static Node? Addend(Node sum, Web variable) =>
        sum.Left is { Kind: NodeKind.Local } left && left.Web == variable ? sum.Right
        : sum.Right is { Kind: NodeKind.Local } right && right.Web == variable ? sum.Left
        : null;

    private Value ValueOf(Node node)
    {
        if (node.Kind is NodeKind.ZeroExtend or NodeKind.Truncate)
        {
            Value inner = ValueOf(node.Left!);
            return inner.IsWord || node.Left!.Kind == NodeKind.Local ? inner : default;
        }

        if (node is { Kind: NodeKind.Load, IsSigned: false })
        {
            return LinearOf(node.Left!) is { } address ? new(address, node.Size) : default;
        }

        if (node.Kind == NodeKind.Local && _values.TryGetValue(node.Web!, out Value known))
        {
            return known;
        }

        return LinearOf(node) is { } place ? new(place) : default;
    }

    private Linear? LinearOf(Node node)
    {
        switch (node.Kind)
        {
            case NodeKind.Constant:
                return new(null, false, node.Value);
            case NodeKind.FramePointer:
                return new(Node.FramePointer(0), false, node.Value);
            case NodeKind.PacketData or NodeKind.PacketEnd or NodeKind.PacketMeta:
                return new(node, false, 0);
            case NodeKind.Local when _values.TryGetValue(node.Web!, out Value known):
                return known.IsWord ? null : known.Place;
            case NodeKind.Local when !_assigned.Contains(node.Web!):
                return new(node, false, 0);
            case NodeKind.ZeroExtend when node.Left is { Kind: NodeKind.Local } narrow:
                return !_assigned.Contains(narrow.Web!) ? new(node, false, 0) : LinearOf(narrow) is { Base: null } plain ? plain : null;
            case NodeKind.Add when LinearOf(node.Left!) is { } left && LinearOf(node.Right!) is { } right:
                Linear sum = new(left.Base ?? right.Base, left.HasIndex || right.HasIndex, left.Offset + right.Offset);
                bool isSum = (left.Base is null || right.Base is null) && !(left.HasIndex && right.HasIndex);

                // 32 bits must not wrap around: small numbers are added to the index alone, and that stays below MaxNarrow.
                return isSum && (node.IsWide || (sum.Base is null && sum.Offset <= ushort.MaxValue)) ? sum : null;
            default:
                return null;
        }
    }

    /// <summary>Reads nothing that has its value of the turn before.</summary>
    private bool IsKnown(Node node) =>
        (node.Web is not { } web || !_assigned.Contains(web) || _values.ContainsKey(web)) && (node.Left is null || IsKnown(node.Left)) && (node.Right is null || IsKnown(node.Right));

    private bool IsInvariant(Node node) =>
        node.Kind != NodeKind.Load && (node.Web is not { } web || !_assigned.Contains(web)) && (node.Left is null || IsInvariant(node.Left)) && (node.Right is null || IsInvariant(node.Right));

    private Node NodeOf(Linear value)
    {
        Node? node = value.HasIndex ? Node.Wide(Node.Local(_index!)) : null;
        if (value.Base is { } start)
        {
            node = node is null ? Node.Wide(start) : Node.Binary64(NodeKind.Add, Node.Wide(start), node);
        }

        return node is null ? Node.Constant(value.Offset) : Node.Binary64(NodeKind.Add, node, Node.Constant(value.Offset));
    }

    private static Comparison Opposite(Comparison comparison) => comparison switch
    {
        Comparison.Equal => Comparison.NotEqual,
        Comparison.NotEqual => Comparison.Equal,
        Comparison.Above => Comparison.BelowOrEqual,
        Comparison.AboveOrEqual => Comparison.Below,
        Comparison.Below => Comparison.AboveOrEqual,
        Comparison.BelowOrEqual => Comparison.Above,
        Comparison.Greater => Comparison.LessOrEqual,
        Comparison.GreaterOrEqual => Comparison.Less,
        Comparison.Less => Comparison.GreaterOrEqual,
        Comparison.LessOrEqual => Comparison.Greater,
        _ => Comparison.Shares,
    };

    private static Comparison Mirrored(Comparison comparison) => comparison switch
    {
        Comparison.Above => Comparison.Below,
        Comparison.AboveOrEqual => Comparison.BelowOrEqual,
        Comparison.Below => Comparison.Above,
        Comparison.BelowOrEqual => Comparison.AboveOrEqual,
        Comparison.Greater => Comparison.Less,
        Comparison.GreaterOrEqual => Comparison.LessOrEqual,
        Comparison.Less => Comparison.Greater,
        Comparison.LessOrEqual => Comparison.GreaterOrEqual,
        _ => comparison,
    };

    /// <summary>What stays as it is, the index perhaps, and a constant.</summary>
    private readonly record struct Linear(Node? Base, bool HasIndex, ulong Offset)
    {
        public bool IsSameAs(Linear other) => HasIndex == other.HasIndex && Offset == other.Offset && (Base?.IsSameAs(other.Base) ?? other.Base is null);
    }

    /// <summary>A number or pointer, or the word of some bytes at one; by default neither.</summary>
    private readonly record struct Value(Linear? Place, int Size = 0)
    {
        public bool IsWord => Size != 0;
    }
}
