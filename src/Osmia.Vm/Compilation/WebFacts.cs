using Osmia.Bytecode;
using Osmia.Verification.Facts;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Finds what each web holds whenever it is read: first as if nothing contradicted, then again until nothing does. Only definitions
/// decide, not the conditions on the way, so that a fact holds everywhere.
/// </summary>
internal sealed unsafe class WebFacts
{
    private const int Registers = 10;

    private readonly DecodedInstruction* _code;
    private readonly FlowGraph _graph;
    private readonly Webs _webs;
    private readonly ProgramSurroundings _around;
    private readonly Web?[] _current = new Web?[Registers];

    public WebFacts(DecodedInstruction* code, FlowGraph graph, Webs webs, ProgramSurroundings around)
    {
        _code = code;
        _graph = graph;
        _webs = webs;
        _around = around;
    }

    /// <param name="arguments">What is known of r1 to r5 when the function begins.</param>
    public void Find(Fact[] arguments)
    {
        _webs.Enter(_graph.Entry, _current);
        for (int register = 0; register < Registers; register++)
        {
            if (_current[register] is { } web)
            {
                web.Fact = web.Fact.Or(register is >= 1 and <= 5 ? arguments[register - 1] : new Fact(FactKind.Constant, 0));
            }
        }

        while (Pass(FindFact))
        {
        }

        _webs.Enter(_graph.Entry, _current);
        for (int register = 1; register <= 5; register++)
        {
            if (_current[register] is { } web)
            {
                web.IsNarrow = false;
            }
        }

        while (Pass(FindWidth))
        {
        }
    }

    /// <summary>What is known of an argument where a local function is called; the callee reads it.</summary>
    public void VisitCalls(Action<int, Func<int, Fact>> visit) => _ = Pass(slot =>
    {
        if (_code[slot].Op == Op.CallLocal)
        {
            visit(slot, FactOf);
        }

        return false;
    });

    private bool Pass(Func<int, bool> visit)
    {
        bool changes = false;
        foreach (Block block in _graph.Blocks)
        {
            _webs.Enter(block, _current);
            for (int slot = block.Start; slot <= block.Last; slot += _graph.LengthOf(slot))
            {
                changes |= visit(slot);
                _webs.Step(slot, _current);
            }
        }

        return changes;
    }

    private Fact FactOf(int register) => register == 10 ? new Fact(FactKind.Frame, 0) : _current[register]!.Fact;

    private bool FindFact(int slot)
    {
        bool changes = false;
        for (int definitions = _webs.EffectsAt(slot).Definitions; definitions != 0; definitions &= definitions - 1)
        {
            int register = RegisterEffects.First(definitions);
            Web web = _webs.Defined(slot, register);
            Fact fact = web.Fact.Or(_code[slot].Op == Op.CallLocal && register > 0 ? new Fact(FactKind.Constant, 0) : Transfer(_code[slot]));
            changes |= fact != web.Fact;
            web.Fact = fact;
        }

        return changes;
    }

    private Fact Transfer(in DecodedInstruction i)
    {
        switch (i.Op)
        {
            case Op.Mov64K or Op.LoadImmediate:
                return new(FactKind.Constant, i.Immediate);
            case Op.Mov32K:
                return new(FactKind.Constant, (uint)i.Immediate);
            case Op.Mov64X:
                return FactOf(i.Source);
            case Op.Add64K:
                return FactOf(i.Destination).Plus(i.Immediate);
            case Op.Sub64K:
                return FactOf(i.Destination).Plus(-i.Immediate);
            case Op.Add64X:
                return Sum(FactOf(i.Destination), FactOf(i.Source));
            case Op.Sub64X:
                Fact left = FactOf(i.Destination);
                Fact right = FactOf(i.Source);
                return left.Kind == FactKind.None || right.Kind == FactKind.None ? default
                    : right.Kind == FactKind.Constant ? left.Plus(-right.Value)
                    : left.Kind == FactKind.PacketLike && right.Kind == FactKind.PacketLike ? Fact.Unknown
                    : left.Near(_around.IsInMap);
            case Op.LoadW when FactOf(i.Source) is { Kind: FactKind.Context } context:
                return _around.FieldAt(context.Value + i.Offset, 4, isWrite: false)?.Kind is ContextFieldKind.PacketData or ContextFieldKind.PacketEnd or ContextFieldKind.PacketMeta
                    ? new(FactKind.PacketLike)
                    : Fact.Unknown;
            case Op.CallHelper when i.Offset == (int)HelperId.MapLookupElem:
                Fact map = FactOf(1);
                return map.Kind == FactKind.None ? default
                    : map.Kind == FactKind.Constant && _around.MapOfHandle((ulong)map.Value) is var index and >= 0 && _around.GivesValues(index) ? new(FactKind.MapValue, 0, index)
                    : new(FactKind.ValueLike);
            case Op.CallHelper when i.Offset == (int)HelperId.RingbufReserve:
                return new(FactKind.ValueLike);
            default:
                return Fact.Unknown;
        }
    }

    private Fact Sum(Fact left, Fact right)
    {
        if (left.Kind == FactKind.None || right.Kind == FactKind.None)
        {
            return default;
        }

        if (right.Kind == FactKind.Constant && !_around.IsInMap((ulong)right.Value))
        {
            return left.Plus(right.Value);
        }

        if (left.Kind == FactKind.Constant && !_around.IsInMap((ulong)left.Value))
        {
            return right.Plus(left.Value);
        }

        Fact near = left.Near(_around.IsInMap);
        return near.Kind == FactKind.Unknown ? right.Near(_around.IsInMap) : near;
    }

    private bool FindWidth(int slot)
    {
        bool changes = false;
        for (int definitions = _webs.EffectsAt(slot).Definitions; definitions != 0; definitions &= definitions - 1)
        {
            int register = RegisterEffects.First(definitions);
            Web web = _webs.Defined(slot, register);
            if (web.IsNarrow && !(_code[slot].Op == Op.CallLocal && register > 0) && !IsNarrow(slot, _code[slot]))
            {
                web.IsNarrow = false;
                changes = true;
            }
        }

        return changes;
    }

    private bool Fits(int register) => register < Registers && (_current[register]!.IsNarrow || _current[register]!.Fact is { Kind: FactKind.Constant, Value: >= 0 and <= uint.MaxValue });

    private bool IsNarrow(int slot, in DecodedInstruction i)
    {
        bool isSmall = i.Immediate >= 0;
        switch (i.Op)
        {
            case Op.Mov64K:
                return isSmall;
            case Op.LoadImmediate:
                return (ulong)i.Immediate <= uint.MaxValue;
            case Op.Mov64X:
                return Fits(i.Source);
            case Op.And64K:
                return isSmall || Fits(i.Destination);
            case Op.And64X:
                return Fits(i.Destination) || Fits(i.Source);
            case Op.Or64K or Op.Xor64K:
                return isSmall && Fits(i.Destination);
            case Op.Or64X or Op.Xor64X:
                return Fits(i.Destination) && Fits(i.Source);
            case Op.Rsh64K:
                return (i.Immediate & 63) >= 32 || Fits(i.Destination);
            case Op.Rsh64X or Op.Arsh64K or Op.Arsh64X or Op.Div64K or Op.Div64X or Op.Mod64K or Op.Mod64X or Op.Truncate64:
                return Fits(i.Destination);
            case Op.Truncate16 or Op.Truncate32 or Op.Swap16 or Op.Swap32 or Op.MovSx32From8 or Op.MovSx32From16:
                return true;
            case >= Op.Add32K and <= Op.SMod64X:
                return ((i.Op - (i.Op >= Op.SDiv32K ? Op.SDiv32K : Op.Add32K)) & 2) == 0;
            case Op.LoadW:
                // A load from the context may yield a pointer; where it is not known to be one, it may be any.
                Fact source = FactOf(i.Source);
                return !_around.HasContext || (source.Kind == FactKind.Context
                    ? _around.FieldAt(source.Value + i.Offset, 4, isWrite: false)?.Kind == ContextFieldKind.Scalar
                    : source.Kind != FactKind.Unknown || _around.ProofOf(slot) is { Region: not (ValueKind.Context or ValueKind.Unknown) });
            case Op.LoadB or Op.LoadH or Op.LoadAcquireB or Op.LoadAcquireH or Op.LoadAcquireW:
                return true;
            case >= Op.AbsB and <= Op.IndW:
                return true;
            case Op.AtomicFetchAdd32 or Op.AtomicFetchOr32 or Op.AtomicFetchAnd32 or Op.AtomicFetchXor32 or Op.AtomicExchange32 or Op.AtomicCompareExchange32:
                return true;
            default:
                return false;
        }
    }
}
