using System.Reflection.Emit;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Addresses in the memory of maps, written down in loops. The runtime's compiler keeps no constant in a register: it would load the ten bytes of each
/// anew in every turn, and make no index of them. So each such map's start is read from the map once, and addresses are distances from there.
/// </summary>
internal sealed unsafe partial class IlEmitter
{
    // More would take the registers of the loops themselves.
    private const int MaxBases = 3;

    private readonly List<(ulong Low, ulong Length, LocalBuilder Start)> _bases = [];

    private void LoadBases()
    {
        int[] depths = _graph.LoopDepths();
        foreach (Block block in _graph.Blocks)
        {
            if (depths[block.Index] > 0)
            {
                foreach (Statement statement in _body.Blocks[block.Index])
                {
                    FindBases(statement.A);
                    FindBases(statement.B);
                    if (statement.Access is { Check: AccessCheck.Range } access)
                    {
                        AddBase(access.Low);
                    }
                }
            }
        }
    }

    private void FindBases(Node? node)
    {
        for (; node is not null; node = node.Left)
        {
            if (node is { IsConstant: true, Value: > uint.MaxValue })
            {
                AddBase(node.Value);
            }

            FindBases(node.Right);
        }
    }

    private void AddBase(ulong address)
    {
        if (_bases.Count == MaxBases || _bases.Exists(known => address - known.Low < known.Length) || _around.MapAt(address) is not ArrayMap map)
        {
            return;
        }

        LocalBuilder start = _il.Local(typeof(ulong));
        _il.Constant64((ulong)map.Reference);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Ldind_Ref);
        _il.LoadField(Runtime.MapMemory);
        _il.Emit(OpCodes.Conv_U8);
        _il.Store(start);
        _bases.Add((map.MemoryStart, map.MemoryLength, start));
    }

    /// <summary>A constant that may be an address.</summary>
    private void WriteAddress(ulong value)
    {
        int index = _bases.FindIndex(known => value - known.Low < known.Length);
        if (index < 0)
        {
            _il.Constant64(value);
            return;
        }

        _il.Load(_bases[index].Start);
        if (value != _bases[index].Low)
        {
            _il.Constant64(value - _bases[index].Low);
            _il.Emit(OpCodes.Add);
        }
    }
}
