using Osmia.Bytecode;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class StatementBuilder
{
    private void CallHelper(int slot, in DecodedInstruction i)
    {
        if (i.Offset == (int)HelperId.MapLookupElem && TryLookup(slot))
        {
            return;
        }

        int count = RegisterEffects.HelperArguments(i.Offset);
        var arguments = new Node[count];
        for (int argument = 0; argument < count; argument++)
        {
            arguments[argument] = Wide(argument + 1);
        }

        Add(new Statement(StatementKind.CallHelper, slot) { Op = i.Op, Arguments = arguments, Target = i.Offset, Result = Result(slot, 0) });
        if (_around.MovesPacket(i.Offset))
        {
            ForgetPacket();
        }
    }

    private void CallRegister(int slot, in DecodedInstruction i)
    {
        var arguments = new Node[5];
        Node? callee = i.Destination is >= 1 and <= 5 ? null : Wide(i.Destination);
        for (int argument = 0; argument < arguments.Length; argument++)
        {
            arguments[argument] = Wide(argument + 1);
        }

        // Its own register is an argument too.
        callee ??= arguments[i.Destination - 1];
        Add(new Statement(StatementKind.CallRegister, slot) { Op = i.Op, A = callee, Arguments = arguments, Result = Result(slot, 0) });
        ForgetPacket();
    }

    /// <summary>A lookup in a map that is known, with a key in the frame, where nothing can go wrong.</summary>
    private bool TryLookup(int slot)
    {
        Fact map = FactOf(1);
        Fact key = FactOf(2);
        if (map.Kind != FactKind.Constant || _around.MapOfHandle((ulong)map.Value) is not (>= 0 and var index) || !_around.GivesValues(index) || _around.Map(index).ValueBytes == 0)
        {
            return false;
        }

        VmMap found = _around.Map(index);
        if (key.Kind == FactKind.Context || Check(-1, key, Node.Constant(0), 0, (int)found.KeyBytes, isWrite: false, isAtomic: false).Check != AccessCheck.None)
        {
            return false;
        }

        Node address = Wide(2);
        _ = Use(1);
        if (found is ArrayMap array)
        {
            StoredValue? stored = Stored(key, sizeof(uint));
            Node value = stored?.Value ?? Node.Load(address, sizeof(uint), isSigned: false);
            if (stored is not null && !array.IsPerCpu && (value.IsConstant ? value.Value : stored.Maximum) < array.Count)
            {
                // The upper half is known to be zero.
                DefineElement(slot, array, value.Kind == NodeKind.Truncate && stored.Maximum < array.Count ? value.Left! : value);
                return true;
            }

            _statements.Add(new Statement(StatementKind.ArrayLookup, slot) { A = value, Target = index, Result = Result(slot, 0) });
        }
        else
        {
            Add(new Statement(StatementKind.HashLookup, slot) { A = address, Target = index, Result = Result(slot, 0) });
        }

        return true;
    }

    /// <summary>An element that is there for certain.</summary>
    private void DefineElement(int slot, ArrayMap array, Node index)
    {
        Node distance = index.IsConstant ? Node.Constant(index.Value * array.Stride)
            : System.Numerics.BitOperations.IsPow2(array.Stride) ? Node.Binary64(NodeKind.ShiftLeft, index, Node.Constant((ulong)System.Numerics.BitOperations.Log2(array.Stride)))
            : Node.Binary64(NodeKind.Multiply, index, Node.Constant(array.Stride));
        Web web = _webs.Defined(slot, 0);
        Node address = Node.Binary64(NodeKind.Add, distance, Node.Constant(array.MemoryStart));
        Define(slot, 0, address);
        if (web.Uses != 0 && !web.IsRepeated && !web.IsPassedOn)
        {
            _notNull.Add(web);
            if (!address.Reads(web) && (address.IsConstant || System.Numerics.BitOperations.IsPow2(array.Stride)))
            {
                _elements.Add((web, address));
            }
        }
    }

    private Node? ElementIn(Web web) => _elements.Find(element => element.Web == web).Address;

    private void CallLocal(int slot, in DecodedInstruction i)
    {
        List<KnownRegister> known = KnownAt(slot);
        int reads = _webs.EffectsAt(slot).Uses;
        var arguments = new Node[5];
        for (int argument = 0; argument < arguments.Length; argument++)
        {
            arguments[argument] = (reads & (1 << (argument + 1))) != 0 ? Wide(argument + 1) : Node.Wide(Node.Constant(0));
        }

        Web result = _webs.Defined(slot, 0);
        _webs.Step(slot, _current);
        bool isRead = !result.IsRepeated && result.Uses != 0;
        if (isRead)
        {
            FlushReaders(result);
        }

        Add(new Statement(StatementKind.CallLocal, slot) { Op = i.Op, Arguments = arguments, Target = slot + i.Offset, Result = isRead ? result : null, Known = known });
        ForgetPacket();

        // r1 to r5 are 0 from here on; most programs never read them.
        for (int register = 1; register <= arguments.Length; register++)
        {
            Web web = _webs.Defined(slot, register);
            if (web.Uses != 0 && !web.IsRepeated)
            {
                FlushReaders(web);
                _statements.Add(new Statement(StatementKind.Assign, slot) { A = web.IsNarrow ? Node.Constant(0) : Node.Wide(Node.Constant(0)), Result = web });
            }
        }
    }

    private void PacketLoad(int slot, in DecodedInstruction i)
    {
        bool isIndirect = i.Op >= Op.IndB;
        Node offset = Node.Constant((uint)(int)i.Immediate);
        Node context = Wide(6);
        if (isIndirect)
        {
            Node index = i.Source == 6 ? context : Use(i.Source);
            offset = Node.Binary32(NodeKind.Add, Node.Narrow(index), offset);
        }

        Add(new Statement(StatementKind.PacketLoad, slot)
        {
            Op = i.Op,
            A = Node.Narrow(offset),
            B = context,
            Target = 1 << ((i.Op - Op.AbsB) % 3),
            Result = Result(slot, 0),
        });
    }
}
