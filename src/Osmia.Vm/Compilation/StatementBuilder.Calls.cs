using Osmia.Bytecode;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

internal sealed unsafe partial class StatementBuilder
{
    private void CallHelper(int slot, in DecodedInstruction i)
    {
        if (i.Offset == (int)HelperId.MapLookupElem && TryArrayLookup(slot))
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
    }

    /// <summary>A lookup in an array whose key lies in the frame, where nothing can go wrong.</summary>
    private bool TryArrayLookup(int slot)
    {
        Fact map = FactOf(1);
        Fact key = FactOf(2);
        if (map.Kind != FactKind.Constant || _around.MapOfHandle((ulong)map.Value) is not (>= 0 and var index) || _around.Map(index) is not ArrayMap { IsReadableByProgram: true } array)
        {
            return false;
        }

        Access access = Check(key, Node.Constant(0), 0, sizeof(uint), isWrite: false, isAtomic: false);
        if (access.Check != AccessCheck.None || key.Kind == FactKind.Context || array.ValueBytes == 0)
        {
            return false;
        }

        Node address = Wide(2);
        _ = Use(1);
        Add(new Statement(StatementKind.ArrayLookup, slot) { A = Node.Load(address, sizeof(uint), isSigned: false), Target = index, Result = Result(slot, 0) });
        return true;
    }

    private void CallLocal(int slot, in DecodedInstruction i)
    {
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

        Add(new Statement(StatementKind.CallLocal, slot) { Op = i.Op, Arguments = arguments, Target = slot + i.Offset, Result = isRead ? result : null });

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
