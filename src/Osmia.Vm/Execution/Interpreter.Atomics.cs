using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

// Instructions that are rare, or slow by themselves: a call more does not matter, and the loop stays small.
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>RFC 9669 section 5.3, and loads and stores with an order. All else that comes here was never resolved.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ExecuteAtomic(DecodedInstruction* pc)
    {
        MachineState* s = State;
        ulong* r = s->Registers;
        Op op = pc->Op;
        if (op is < Op.AtomicAdd32 or > Op.StoreReleaseDw)
        {
            ThrowUnresolved();
        }

        ulong address = r[op is >= Op.LoadAcquireB and <= Op.LoadAcquireDw ? pc->Source : pc->Destination] + (ulong)pc->Offset;
        ulong value = r[pc->Source];
        AtomicMiss(s, address, pc);
        switch (op)
        {
            case Op.AtomicAdd32: Atomics.Add(address, (uint)value); break;
            case Op.AtomicOr32: Atomics.Or(address, (uint)value); break;
            case Op.AtomicAnd32: Atomics.And(address, (uint)value); break;
            case Op.AtomicXor32: Atomics.Xor(address, (uint)value); break;
            case Op.AtomicFetchAdd32: r[pc->Source] = Atomics.FetchAdd(address, (uint)value); break;
            case Op.AtomicFetchOr32: r[pc->Source] = Atomics.FetchOr(address, (uint)value); break;
            case Op.AtomicFetchAnd32: r[pc->Source] = Atomics.FetchAnd(address, (uint)value); break;
            case Op.AtomicFetchXor32: r[pc->Source] = Atomics.FetchXor(address, (uint)value); break;
            case Op.AtomicExchange32: r[pc->Source] = Atomics.Exchange(address, (uint)value); break;
            case Op.AtomicCompareExchange32: r[0] = Atomics.CompareExchange(address, (uint)value, (uint)r[0]); break;
            case Op.AtomicAdd64: Atomics.Add(address, value); break;
            case Op.AtomicOr64: Atomics.Or(address, value); break;
            case Op.AtomicAnd64: Atomics.And(address, value); break;
            case Op.AtomicXor64: Atomics.Xor(address, value); break;
            case Op.AtomicFetchAdd64: r[pc->Source] = Atomics.FetchAdd(address, value); break;
            case Op.AtomicFetchOr64: r[pc->Source] = Atomics.FetchOr(address, value); break;
            case Op.AtomicFetchAnd64: r[pc->Source] = Atomics.FetchAnd(address, value); break;
            case Op.AtomicFetchXor64: r[pc->Source] = Atomics.FetchXor(address, value); break;
            case Op.AtomicExchange64: r[pc->Source] = Atomics.Exchange(address, value); break;
            case Op.AtomicCompareExchange64: r[0] = Atomics.CompareExchange(address, value, r[0]); break;
            case Op.LoadAcquireB: r[pc->Destination] = Atomics.LoadAcquire8(address); break;
            case Op.LoadAcquireH: r[pc->Destination] = Atomics.LoadAcquire16(address); break;
            case Op.LoadAcquireW: r[pc->Destination] = Atomics.LoadAcquire32(address); break;
            case Op.LoadAcquireDw: r[pc->Destination] = Atomics.LoadAcquire64(address); break;
            case Op.StoreReleaseB: Atomics.StoreRelease8(address, (uint)value); break;
            case Op.StoreReleaseH: Atomics.StoreRelease16(address, (uint)value); break;
            case Op.StoreReleaseW: Atomics.StoreRelease32(address, (uint)value); break;
            case Op.StoreReleaseDw: Atomics.StoreRelease64(address, value); break;
        }
    }

    /// <summary>RFC 9669 section 5.5: into r0, in host order; 0 and false when the packet is too short.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool LoadPacket(DecodedInstruction* pc, ulong* r)
    {
        Op op = pc->Op;
        bool isIndirect = op >= Op.IndB;
        int size = 1 << (op - (isIndirect ? Op.IndB : Op.AbsB));
        return TryLoadPacket((int)pc->Immediate + (isIndirect ? (int)r[pc->Source] : 0), size, out r[0]);
    }
}
