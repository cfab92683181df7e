using Osmia.Vm.Execution;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>
/// What the checks on every way to a place have shown already: bytes about a pointer that lie in one region. The first access of a block checks for those behind
/// it too that go through the same register; where that fails the interpreter does them one by one, and so finds the one that is wrong.
/// </summary>
internal sealed unsafe partial class StatementBuilder
{
    // More is hardly one header.
    private const ulong MaxPacketReach = 4096;

    /// <summary>Distances from a variable stay below, so that none wraps around where they are compared.</summary>
    private const ulong MaxMoved = 1UL << 62;

    private readonly List<Reached> _reached = [];
    private readonly Reached[]?[] _reachedBehind;

    private void EnterReached(Block block)
    {
        _reached.Clear();
        List<Block> from = _graph.WaysTo(block);
        if (block == _graph.Entry || from.Count == 0 || from.Exists(before => before.Index >= block.Index))
        {
            return;
        }

        foreach (Reached known in _reachedBehind[from[0].Index]!)
        {
            Reached? common = known;
            for (int i = 1; i < from.Count && common is not null; i++)
            {
                common = Array.Find(_reachedBehind[from[i].Index]!, common.IsOfSameRegion)?.Common(common);
            }

            if (common is not null)
            {
                _reached.Add(common);
            }
        }
    }

    /// <summary>The check of an access that a wrong guess ends, made wide enough for those that follow; none where the checks before it were.</summary>
    private Access Firmly(int slot, Node pointer, int offset, Access access)
    {
        if (slot < 0 || access.ChecksAlignment || Moved(pointer) is not { Kind: NodeKind.Local, IsWide: true, Web: { } web })
        {
            return access with { IsFirm = true };
        }

        long moved = pointer.Kind == NodeKind.Local ? 0 : (long)pointer.Right!.Value;
        if ((ulong)moved + MaxMoved >= 2 * MaxMoved)
        {
            return access with { IsFirm = true };
        }

        long low = moved + offset;
        long high = low + access.Size;
        if (_reached.Exists(reached => reached.Base == web && reached.Check == access.Check && reached.Start == access.Low && reached.Low <= low && high <= reached.High && (reached.IsWritable || !access.IsWrite)))
        {
            return Access.Unchecked(access.Size);
        }

        (int first, int end, bool writes) = AccessesFrom(slot, access);
        var wide = new Reached(web, access.Check, access.Low, moved + first, moved + end, writes);
        _reached.RemoveAll(wide.IsOfSameRegion);
        _reached.Add(wide);
        return access with { IsFirm = true, IsWrite = writes, Before = offset - first, Reach = end - first };
    }

    /// <summary>The offsets at which an instruction and those behind it in the block access memory through its register.</summary>
    private (int First, int End, bool Writes) AccessesFrom(int slot, Access access)
    {
        int register = PointerOf(_code[slot]);
        int first = _code[slot].Offset;
        int end = first + access.Size;
        bool writes = access.IsWrite;
        ulong most = access.Check switch
        {
            AccessCheck.Frame => ExecutionSlot.FrameSize,
            AccessCheck.Range => access.Length,
            _ => MaxPacketReach,
        };
        for (int next = slot; next <= _block!.Last; next += _graph.LengthOf(next))
        {
            ref readonly DecodedInstruction i = ref _code[next];
            if (next != slot && PointerOf(i) == register)
            {
                int low = Math.Min(first, i.Offset);
                int high = Math.Max(end, i.Offset + SizeOf(i));
                if ((ulong)(high - low) <= most)
                {
                    (first, end, writes) = (low, high, writes || i.Op >= Op.StoreImmB);
                }
            }

            bool mayEnd = i.Op is >= Op.AbsB and <= Op.IndW or Op.CallHelper or Op.CallRegister or Op.CallLocal or Op.TailCall;
            if (mayEnd || (_webs.EffectsAt(next).Definitions & (1 << register)) != 0)
            {
                break;
            }
        }

        return (first, end, writes);
    }

    /// <summary>The register that a load or store goes through; -1 of other instructions.</summary>
    private static int PointerOf(in DecodedInstruction i) => i.Op switch
    {
        >= Op.LoadB and <= Op.LoadSxW => i.Source,
        >= Op.StoreImmB and <= Op.StoreDw => i.Destination,
        _ => -1,
    };

    private static int SizeOf(in DecodedInstruction i) => 1 << ((i.Op - (i.Op >= Op.StoreB ? Op.StoreB : i.Op >= Op.StoreImmB ? Op.StoreImmB : i.Op >= Op.LoadSxB ? Op.LoadSxB : Op.LoadB)) & 3);

    private void ForgetPacket() => _reached.RemoveAll(reached => reached.Check == AccessCheck.Packet);

    /// <summary>From Low to High about the variable lies in the region, which may be written.</summary>
    /// <param name="Start">Where a fixed region begins: what holds of one, that programs may write it, is not so of others.</param>
    private sealed record Reached(Web Base, AccessCheck Check, ulong Start, long Low, long High, bool IsWritable)
    {
        public bool IsOfSameRegion(Reached other) => Base == other.Base && Check == other.Check && Start == other.Start;

        public Reached? Common(Reached other)
        {
            Reached common = this with { Low = Math.Max(Low, other.Low), High = Math.Min(High, other.High), IsWritable = IsWritable && other.IsWritable };
            return common.Low < common.High ? common : null;
        }
    }
}
