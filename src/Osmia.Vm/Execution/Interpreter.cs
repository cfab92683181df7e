using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>The interpreter. It defines what an instruction does; every other way to run a program must agree with it.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>Runs from an instruction until the frame that was current at the start returns.</summary>
    private ulong Execute(DecodedInstruction* pc) => Engine.IsWatched ? Execute<WatchedSteps>(pc) : Execute<PlainSteps>(pc);

    /// <summary>
    /// The decoder's checks make every step land inside the program; memory is touched only after <see cref="IsReadable"/>,
    /// <see cref="IsWritable"/> or the slow forms agreed, or where the verifier proved the access (<see cref="BareAccesses"/>).
    /// One line is one instruction, or the several that a fused form stands for (<see cref="Fusion"/>): these go through their instructions
    /// one by one, <c>pc</c> at the one that is under way wherever it can end or miss.
    /// </summary>
    private ulong Execute<TSteps>(DecodedInstruction* pc)
        where TSteps : struct, ISteps
    {
        MachineState* s = State;
        ulong* r = s->Registers;
        long budget = s->Budget;
        ulong address;

        // Instructions from here on are not counted yet: the budget is settled wherever control does not simply go on.
        DecodedInstruction* counted = pc;
        while (true)
        {
            switch (TSteps.Next(this, pc))
            {
                case Op.Add64K: r[pc->Destination] += (ulong)pc->Immediate; break;
                case Op.Add64X: r[pc->Destination] += r[pc->Source]; break;
                case Op.Add32K: r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate; break;
                case Op.Add32X: r[pc->Destination] = (uint)r[pc->Destination] + (uint)r[pc->Source]; break;
                case Op.Sub64K: r[pc->Destination] -= (ulong)pc->Immediate; break;
                case Op.Sub64X: r[pc->Destination] -= r[pc->Source]; break;
                case Op.Sub32K: r[pc->Destination] = (uint)r[pc->Destination] - (uint)pc->Immediate; break;
                case Op.Sub32X: r[pc->Destination] = (uint)r[pc->Destination] - (uint)r[pc->Source]; break;
                case Op.Mul64K: r[pc->Destination] *= (ulong)pc->Immediate; break;
                case Op.Mul64X: r[pc->Destination] *= r[pc->Source]; break;
                case Op.Mul32K: r[pc->Destination] = (uint)r[pc->Destination] * (uint)pc->Immediate; break;
                case Op.Mul32X: r[pc->Destination] = (uint)r[pc->Destination] * (uint)r[pc->Source]; break;
                case Op.Or64K: r[pc->Destination] |= (ulong)pc->Immediate; break;
                case Op.Or64X: r[pc->Destination] |= r[pc->Source]; break;
                case Op.Or32K: r[pc->Destination] = (uint)r[pc->Destination] | (uint)pc->Immediate; break;
                case Op.Or32X: r[pc->Destination] = (uint)r[pc->Destination] | (uint)r[pc->Source]; break;
                case Op.And64K: r[pc->Destination] &= (ulong)pc->Immediate; break;
                case Op.And64X: r[pc->Destination] &= r[pc->Source]; break;
                case Op.And32K: r[pc->Destination] = (uint)r[pc->Destination] & (uint)pc->Immediate; break;
                case Op.And32X: r[pc->Destination] = (uint)r[pc->Destination] & (uint)r[pc->Source]; break;
                case Op.Xor64K: r[pc->Destination] ^= (ulong)pc->Immediate; break;
                case Op.Xor64X: r[pc->Destination] ^= r[pc->Source]; break;
                case Op.Xor32K: r[pc->Destination] = (uint)r[pc->Destination] ^ (uint)pc->Immediate; break;
                case Op.Xor32X: r[pc->Destination] = (uint)r[pc->Destination] ^ (uint)r[pc->Source]; break;
                case Op.Div64K: r[pc->Destination] = Arithmetic.Divide(r[pc->Destination], (ulong)pc->Immediate); break;
                case Op.Div64X: r[pc->Destination] = Arithmetic.Divide(r[pc->Destination], r[pc->Source]); break;
                case Op.Div32K: r[pc->Destination] = Arithmetic.Divide((uint)r[pc->Destination], (uint)pc->Immediate); break;
                case Op.Div32X: r[pc->Destination] = Arithmetic.Divide((uint)r[pc->Destination], (uint)r[pc->Source]); break;
                case Op.Mod64K: r[pc->Destination] = Arithmetic.Modulo(r[pc->Destination], (ulong)pc->Immediate); break;
                case Op.Mod64X: r[pc->Destination] = Arithmetic.Modulo(r[pc->Destination], r[pc->Source]); break;
                case Op.Mod32K: r[pc->Destination] = Arithmetic.Modulo((uint)r[pc->Destination], (uint)pc->Immediate); break;
                case Op.Mod32X: r[pc->Destination] = Arithmetic.Modulo((uint)r[pc->Destination], (uint)r[pc->Source]); break;
                case Op.Lsh64K: r[pc->Destination] <<= (int)pc->Immediate & 63; break;
                case Op.Lsh64X: r[pc->Destination] <<= (int)r[pc->Source] & 63; break;
                case Op.Lsh32K: r[pc->Destination] = (uint)r[pc->Destination] << ((int)pc->Immediate & 31); break;
                case Op.Lsh32X: r[pc->Destination] = (uint)r[pc->Destination] << ((int)r[pc->Source] & 31); break;
                case Op.Rsh64K: r[pc->Destination] >>= (int)pc->Immediate & 63; break;
                case Op.Rsh64X: r[pc->Destination] >>= (int)r[pc->Source] & 63; break;
                case Op.Rsh32K: r[pc->Destination] = (uint)r[pc->Destination] >> ((int)pc->Immediate & 31); break;
                case Op.Rsh32X: r[pc->Destination] = (uint)r[pc->Destination] >> ((int)r[pc->Source] & 31); break;
                case Op.Arsh64K: r[pc->Destination] = (ulong)((long)r[pc->Destination] >> ((int)pc->Immediate & 63)); break;
                case Op.Arsh64X: r[pc->Destination] = (ulong)((long)r[pc->Destination] >> ((int)r[pc->Source] & 63)); break;
                case Op.Arsh32K: r[pc->Destination] = (uint)((int)r[pc->Destination] >> ((int)pc->Immediate & 31)); break;
                case Op.Arsh32X: r[pc->Destination] = (uint)((int)r[pc->Destination] >> ((int)r[pc->Source] & 31)); break;
                case Op.Neg64K: r[pc->Destination] = 0UL - r[pc->Destination]; break;
                case Op.Neg32K: r[pc->Destination] = 0U - (uint)r[pc->Destination]; break;
                case Op.Mov64K: r[pc->Destination] = (ulong)pc->Immediate; break;
                case Op.Mov64X: r[pc->Destination] = r[pc->Source]; break;
                case Op.Mov32K: r[pc->Destination] = (uint)pc->Immediate; break;
                case Op.Mov32X: r[pc->Destination] = (uint)r[pc->Source]; break;
                case Op.MovSx32From8: r[pc->Destination] = (uint)(sbyte)r[pc->Source]; break;
                case Op.MovSx32From16: r[pc->Destination] = (uint)(short)r[pc->Source]; break;
                case Op.MovSx64From8: r[pc->Destination] = (ulong)(sbyte)r[pc->Source]; break;
                case Op.MovSx64From16: r[pc->Destination] = (ulong)(short)r[pc->Source]; break;
                case Op.MovSx64From32: r[pc->Destination] = (ulong)(int)r[pc->Source]; break;
                case Op.Truncate16: r[pc->Destination] = (ushort)r[pc->Destination]; break;
                case Op.Truncate32: r[pc->Destination] = (uint)r[pc->Destination]; break;
                case Op.Truncate64: break;
                case Op.Swap16: r[pc->Destination] = BinaryPrimitives.ReverseEndianness((ushort)r[pc->Destination]); break;
                case Op.Swap32: r[pc->Destination] = BinaryPrimitives.ReverseEndianness((uint)r[pc->Destination]); break;
                case Op.Swap64: r[pc->Destination] = BinaryPrimitives.ReverseEndianness(r[pc->Destination]); break;

                case Op.SDiv32K:
                case Op.SDiv32X:
                case Op.SDiv64K:
                case Op.SDiv64X:
                case Op.SMod32K:
                case Op.SMod32X:
                case Op.SMod64K:
                case Op.SMod64X:
                    r[pc->Destination] = Arithmetic.Signed(pc->Op, r[pc->Destination], pc->Immediate, r[pc->Source]);
                    break;

                case Op.LoadImmediate: r[pc->Destination] = (ulong)pc->Immediate; pc += 2; continue;

                case Op.Ja64K: goto Jump;
                case Op.Jeq64K: if (r[pc->Destination] == (ulong)pc->Immediate) goto Jump; break;
                case Op.Jeq64X: if (r[pc->Destination] == r[pc->Source]) goto Jump; break;
                case Op.Jeq32K: if ((uint)r[pc->Destination] == (uint)pc->Immediate) goto Jump; break;
                case Op.Jeq32X: if ((uint)r[pc->Destination] == (uint)r[pc->Source]) goto Jump; break;
                case Op.Jne64K: if (r[pc->Destination] != (ulong)pc->Immediate) goto Jump; break;
                case Op.Jne64X: if (r[pc->Destination] != r[pc->Source]) goto Jump; break;
                case Op.Jne32K: if ((uint)r[pc->Destination] != (uint)pc->Immediate) goto Jump; break;
                case Op.Jne32X: if ((uint)r[pc->Destination] != (uint)r[pc->Source]) goto Jump; break;
                case Op.Jgt64K: if (r[pc->Destination] > (ulong)pc->Immediate) goto Jump; break;
                case Op.Jgt64X: if (r[pc->Destination] > r[pc->Source]) goto Jump; break;
                case Op.Jgt32K: if ((uint)r[pc->Destination] > (uint)pc->Immediate) goto Jump; break;
                case Op.Jgt32X: if ((uint)r[pc->Destination] > (uint)r[pc->Source]) goto Jump; break;
                case Op.Jge64K: if (r[pc->Destination] >= (ulong)pc->Immediate) goto Jump; break;
                case Op.Jge64X: if (r[pc->Destination] >= r[pc->Source]) goto Jump; break;
                case Op.Jge32K: if ((uint)r[pc->Destination] >= (uint)pc->Immediate) goto Jump; break;
                case Op.Jge32X: if ((uint)r[pc->Destination] >= (uint)r[pc->Source]) goto Jump; break;
                case Op.Jlt64K: if (r[pc->Destination] < (ulong)pc->Immediate) goto Jump; break;
                case Op.Jlt64X: if (r[pc->Destination] < r[pc->Source]) goto Jump; break;
                case Op.Jlt32K: if ((uint)r[pc->Destination] < (uint)pc->Immediate) goto Jump; break;
                case Op.Jlt32X: if ((uint)r[pc->Destination] < (uint)r[pc->Source]) goto Jump; break;
                case Op.Jle64K: if (r[pc->Destination] <= (ulong)pc->Immediate) goto Jump; break;
                case Op.Jle64X: if (r[pc->Destination] <= r[pc->Source]) goto Jump; break;
                case Op.Jle32K: if ((uint)r[pc->Destination] <= (uint)pc->Immediate) goto Jump; break;
                case Op.Jle32X: if ((uint)r[pc->Destination] <= (uint)r[pc->Source]) goto Jump; break;
                case Op.Jsgt64K: if ((long)r[pc->Destination] > pc->Immediate) goto Jump; break;
                case Op.Jsgt64X: if ((long)r[pc->Destination] > (long)r[pc->Source]) goto Jump; break;
                case Op.Jsgt32K: if ((int)r[pc->Destination] > (int)pc->Immediate) goto Jump; break;
                case Op.Jsgt32X: if ((int)r[pc->Destination] > (int)r[pc->Source]) goto Jump; break;
                case Op.Jsge64K: if ((long)r[pc->Destination] >= pc->Immediate) goto Jump; break;
                case Op.Jsge64X: if ((long)r[pc->Destination] >= (long)r[pc->Source]) goto Jump; break;
                case Op.Jsge32K: if ((int)r[pc->Destination] >= (int)pc->Immediate) goto Jump; break;
                case Op.Jsge32X: if ((int)r[pc->Destination] >= (int)r[pc->Source]) goto Jump; break;
                case Op.Jslt64K: if ((long)r[pc->Destination] < pc->Immediate) goto Jump; break;
                case Op.Jslt64X: if ((long)r[pc->Destination] < (long)r[pc->Source]) goto Jump; break;
                case Op.Jslt32K: if ((int)r[pc->Destination] < (int)pc->Immediate) goto Jump; break;
                case Op.Jslt32X: if ((int)r[pc->Destination] < (int)r[pc->Source]) goto Jump; break;
                case Op.Jsle64K: if ((long)r[pc->Destination] <= pc->Immediate) goto Jump; break;
                case Op.Jsle64X: if ((long)r[pc->Destination] <= (long)r[pc->Source]) goto Jump; break;
                case Op.Jsle32K: if ((int)r[pc->Destination] <= (int)pc->Immediate) goto Jump; break;
                case Op.Jsle32X: if ((int)r[pc->Destination] <= (int)r[pc->Source]) goto Jump; break;
                case Op.Jset64K: if ((r[pc->Destination] & (ulong)pc->Immediate) != 0) goto Jump; break;
                case Op.Jset64X: if ((r[pc->Destination] & r[pc->Source]) != 0) goto Jump; break;
                case Op.Jset32K: if (((uint)r[pc->Destination] & (uint)pc->Immediate) != 0) goto Jump; break;
                case Op.Jset32X: if (((uint)r[pc->Destination] & (uint)r[pc->Source]) != 0) goto Jump; break;
                case Op.MayGoto: if (--s->MayGotos < 0) goto Jump; break;

                case Op.CallHelper:
                    s->Current = pc;
                    s->Budget = budget;
                    r[0] = ((delegate*<ExecutionSlot, ulong*, ulong>)pc->Immediate)(this, r);
                    budget = s->Budget;
                    if (budget < 0)
                    {
                        budget = Refuel(s);
                    }

                    break;

                case Op.CallRegister:
                    s->Current = pc;
                    s->Budget = budget;
                    r[0] = CallRegister(s, r[pc->Destination]);
                    budget = s->Budget;
                    if (budget < 0)
                    {
                        budget = Refuel(s);
                    }

                    break;

                case Op.TailCall:
                    s->Current = pc;
                    budget -= Steps(counted, pc);
                    s->Budget = budget;
                    pc = TailCall(pc);
                    counted = pc;
                    continue;

                case Op.CallLocal:
                    s->Current = pc;
                    PushFrame(pc + 1);
                    goto Jump;

                case Op.Exit:
                    // What is found only at the end is told of this program, which may not be the one that began.
                    s->Current = pc;
                    budget -= Steps(counted, pc);
                    pc = PopFrame();
                    if (pc == null)
                    {
                        s->Budget = budget;
                        return r[0];
                    }

                    counted = pc;
                    continue;

                case Op.LoadB:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 1))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = *(byte*)address;
                    break;

                case Op.LoadH:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 2))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address);
                    break;

                case Op.LoadW:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 4))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address);
                    break;

                case Op.LoadDw:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 8))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = Unsafe.ReadUnaligned<ulong>((void*)address);
                    break;

                case Op.LoadSxB:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 1))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = (ulong)(long)*(sbyte*)address;
                    break;

                case Op.LoadSxH:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 2))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<short>((void*)address);
                    break;

                case Op.LoadSxW:
                    address = r[pc->Source] + (ulong)pc->Offset;
                    if (!IsReadable(s, address, 4))
                    {
                        goto LoadAside;
                    }

                    r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<int>((void*)address);
                    break;

                case Op.StoreImmB:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 1))
                    {
                        goto StoreAside;
                    }

                    *(byte*)address = (byte)pc->Immediate;
                    break;

                case Op.StoreImmH:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 2))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, (ushort)pc->Immediate);
                    break;

                case Op.StoreImmW:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 4))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, (uint)pc->Immediate);
                    break;

                case Op.StoreImmDw:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 8))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, (ulong)pc->Immediate);
                    break;

                case Op.StoreB:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 1))
                    {
                        goto StoreAside;
                    }

                    *(byte*)address = (byte)r[pc->Source];
                    break;

                case Op.StoreH:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 2))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, (ushort)r[pc->Source]);
                    break;

                case Op.StoreW:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 4))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, (uint)r[pc->Source]);
                    break;

                case Op.StoreDw:
                    address = r[pc->Destination] + (ulong)pc->Offset;
                    if (!IsWritable(s, address, 8))
                    {
                        goto StoreAside;
                    }

                    Unsafe.WriteUnaligned((void*)address, r[pc->Source]);
                    break;

                // Proved by the verifier.
                case Op.BareLoadB: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; break;
                case Op.BareLoadH: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); break;
                case Op.BareLoadW: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); break;
                case Op.BareLoadDw: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ulong>((void*)address); break;
                case Op.BareLoadSxB: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = (ulong)(long)*(sbyte*)address; break;
                case Op.BareLoadSxH: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<short>((void*)address); break;
                case Op.BareLoadSxW: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<int>((void*)address); break;
                case Op.BareStoreImmB: address = r[pc->Destination] + (ulong)pc->Offset; *(byte*)address = (byte)pc->Immediate; break;
                case Op.BareStoreImmH: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (ushort)pc->Immediate); break;
                case Op.BareStoreImmW: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (uint)pc->Immediate); break;
                case Op.BareStoreImmDw: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (ulong)pc->Immediate); break;
                case Op.BareStoreB: address = r[pc->Destination] + (ulong)pc->Offset; *(byte*)address = (byte)r[pc->Source]; break;
                case Op.BareStoreH: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (ushort)r[pc->Source]); break;
                case Op.BareStoreW: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (uint)r[pc->Source]); break;
                case Op.BareStoreDw: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, r[pc->Source]); break;
                case Op.BareLoadData: r[pc->Destination] = s->PacketData; break;
                case Op.BareLoadDataEnd: r[pc->Destination] = s->PacketLow + s->PacketLength; break;
                case Op.BareLoadDataMeta: r[pc->Destination] = s->PacketLow; break;

                case Op.AbsB:
                case Op.AbsH:
                case Op.AbsW:
                case Op.IndB:
                case Op.IndH:
                case Op.IndW:
                    s->Current = pc;
                    if (!LoadPacket(pc, r))
                    {
                        // The kernel ends the running function with 0 here.
                        goto case Op.Exit;
                    }

                    break;

                // A value copied and changed, or changed twice: what is between is never stored.
                case Op.MovAdd64K: r[pc->Destination] = r[pc->Source] + (ulong)pc[1].Immediate; pc += 2; continue;
                case Op.MovAdd64X: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; continue;
                case Op.MovSub64X: r[pc->Destination] = r[pc->Source] - r[pc[1].Source]; pc += 2; continue;
                case Op.MovAnd64K: r[pc->Destination] = r[pc->Source] & (ulong)pc[1].Immediate; pc += 2; continue;
                case Op.MovLsh64K: r[pc->Destination] = r[pc->Source] << ((int)pc[1].Immediate & 63); pc += 2; continue;
                case Op.MovRsh64K: r[pc->Destination] = r[pc->Source] >> ((int)pc[1].Immediate & 63); pc += 2; continue;
                case Op.MovAdd32K: r[pc->Destination] = (uint)r[pc->Source] + (uint)pc[1].Immediate; pc += 2; continue;
                case Op.MovAdd32X: r[pc->Destination] = (uint)r[pc->Source] + (uint)r[pc[1].Source]; pc += 2; continue;
                case Op.MovAnd32K: r[pc->Destination] = (uint)r[pc->Source] & (uint)pc[1].Immediate; pc += 2; continue;
                case Op.MovLsh32K: r[pc->Destination] = (uint)r[pc->Source] << ((int)pc[1].Immediate & 31); pc += 2; continue;
                case Op.MovRsh32K: r[pc->Destination] = (uint)r[pc->Source] >> ((int)pc[1].Immediate & 31); pc += 2; continue;
                case Op.MovLshXor64: r[pc->Destination] = (r[pc->Source] << ((int)pc[1].Immediate & 63)) ^ r[pc[2].Source]; pc += 3; continue;
                case Op.MovLshOr64: r[pc->Destination] = (r[pc->Source] << ((int)pc[1].Immediate & 63)) | r[pc[2].Source]; pc += 3; continue;
                case Op.MovRshXor64: r[pc->Destination] = (r[pc->Source] >> ((int)pc[1].Immediate & 63)) ^ r[pc[2].Source]; pc += 3; continue;
                case Op.MovRshOr64: r[pc->Destination] = (r[pc->Source] >> ((int)pc[1].Immediate & 63)) | r[pc[2].Source]; pc += 3; continue;
                case Op.XorMul64X: r[pc->Destination] = (r[pc->Destination] ^ r[pc->Source]) * r[pc[1].Source]; pc += 2; continue;
                case Op.Lsh64KRsh64K: r[pc->Destination] = r[pc->Destination] << ((int)pc->Immediate & 63) >> ((int)pc[1].Immediate & 63); pc += 2; continue;
                case Op.Lsh64KArsh64K: r[pc->Destination] = (ulong)((long)(r[pc->Destination] << ((int)pc->Immediate & 63)) >> ((int)pc[1].Immediate & 63)); pc += 2; continue;
                case Op.MovLshRsh64K: r[pc->Destination] = r[pc->Source] << ((int)pc[1].Immediate & 63) >> ((int)pc[2].Immediate & 63); pc += 3; continue;
                case Op.MovLshArsh64K: r[pc->Destination] = (ulong)((long)(r[pc->Source] << ((int)pc[1].Immediate & 63)) >> ((int)pc[2].Immediate & 63)); pc += 3; continue;

                // Two that often stand side by side.
                case Op.Mov64XMov64X: r[pc->Destination] = r[pc->Source]; r[pc[1].Destination] = r[pc[1].Source]; pc += 2; continue;
                case Op.Mov64XMov64K: r[pc->Destination] = r[pc->Source]; r[pc[1].Destination] = (ulong)pc[1].Immediate; pc += 2; continue;
                case Op.Mov64XMov32K: r[pc->Destination] = r[pc->Source]; r[pc[1].Destination] = (uint)pc[1].Immediate; pc += 2; continue;
                case Op.Add64KAdd64K: r[pc->Destination] += (ulong)pc->Immediate; r[pc[1].Destination] += (ulong)pc[1].Immediate; pc += 2; continue;
                case Op.Add32XAdd64K: r[pc->Destination] = (uint)r[pc->Destination] + (uint)r[pc->Source]; r[pc[1].Destination] += (ulong)pc[1].Immediate; pc += 2; continue;

                // A step or a mask, and the jump that asks for it; a jump over a jump.
                case Op.Add64KJeq64K: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Jeq64K;
                case Op.Add64KJne64K: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Jne64K;
                case Op.Add64KJlt64X: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Jlt64X;
                case Op.Add64KJlt64K: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Jlt64K;
                case Op.Add32KJeq32K: r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate; pc++; goto case Op.Jeq32K;
                case Op.Add32KJne32K: r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate; pc++; goto case Op.Jne32K;
                case Op.Add32KJlt32X: r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate; pc++; goto case Op.Jlt32X;
                case Op.And64KJeq64K: r[pc->Destination] &= (ulong)pc->Immediate; pc++; goto case Op.Jeq64K;
                case Op.And64KJne64K: r[pc->Destination] &= (ulong)pc->Immediate; pc++; goto case Op.Jne64K;
                case Op.And32KJeq32K: r[pc->Destination] = (uint)r[pc->Destination] & (uint)pc->Immediate; pc++; goto case Op.Jeq32K;
                case Op.And32KJne32K: r[pc->Destination] = (uint)r[pc->Destination] & (uint)pc->Immediate; pc++; goto case Op.Jne32K;
                case Op.Jeq64KJa64K: if (r[pc->Destination] != (ulong)pc->Immediate) pc++; goto Jump;
                case Op.Jeq32KJa64K: if ((uint)r[pc->Destination] != (uint)pc->Immediate) pc++; goto Jump;
                case Op.Add64KJeq64KJa64K: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Jeq64KJa64K;
                case Op.Add32KJeq32KJa64K: r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate; pc++; goto case Op.Jeq32KJa64K;
                case Op.Add64KAdd64KJne64K: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Add64KJne64K;
                case Op.Add64KAdd64KJlt64X: r[pc->Destination] += (ulong)pc->Immediate; pc++; goto case Op.Add64KJlt64X;

                // A result or an argument, and the exit or call it is for; a lookup's key and map.
                case Op.Mov32KExit: r[pc->Destination] = (uint)pc->Immediate; pc++; goto case Op.Exit;
                case Op.Mov32KCallHelper: r[pc->Destination] = (uint)pc->Immediate; pc++; goto case Op.CallHelper;
                case Op.Mov64KExit: r[pc->Destination] = (ulong)pc->Immediate; pc++; goto case Op.Exit;
                case Op.Mov64KCallHelper: r[pc->Destination] = (ulong)pc->Immediate; pc++; goto case Op.CallHelper;
                case Op.Mov64XCallHelper: r[pc->Destination] = r[pc->Source]; pc++; goto case Op.CallHelper;
                case Op.LoadImmediateCallHelper: r[pc->Destination] = (ulong)pc->Immediate; pc += 2; goto case Op.CallHelper;
                case Op.MovAddLoadImmediateCallHelper: r[pc->Destination] = r[pc->Source] + (ulong)pc[1].Immediate; pc += 2; goto case Op.LoadImmediateCallHelper;

                // A place computed, and read.
                case Op.Add64XLoadB: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.LoadB;
                case Op.Add64XLoadH: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.LoadH;
                case Op.Add64XLoadW: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.LoadW;
                case Op.Add64XLoadDw: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.LoadDw;
                case Op.Add64XBareLoadB: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.BareLoadB;
                case Op.Add64XBareLoadH: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.BareLoadH;
                case Op.Add64XBareLoadW: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.BareLoadW;
                case Op.Add64XBareLoadDw: r[pc->Destination] += r[pc->Source]; pc++; goto case Op.BareLoadDw;
                case Op.MovAddLoadB: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.LoadB;
                case Op.MovAddLoadH: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.LoadH;
                case Op.MovAddLoadW: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.LoadW;
                case Op.MovAddLoadDw: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.LoadDw;
                case Op.MovAddBareLoadB: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.BareLoadB;
                case Op.MovAddBareLoadH: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.BareLoadH;
                case Op.MovAddBareLoadW: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.BareLoadW;
                case Op.MovAddBareLoadDw: r[pc->Destination] = r[pc->Source] + r[pc[1].Source]; pc += 2; goto case Op.BareLoadDw;

                // A load, and what is done with it.
                case Op.LoadBJeq32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jeq32K;
                case Op.LoadBJne32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jne32K;
                case Op.LoadBXor64X: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Xor64X;
                case Op.LoadBStoreB: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.StoreB;
                case Op.BareLoadBJeq32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jeq32K;
                case Op.BareLoadBJne32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jne32K;
                case Op.BareLoadBXor64X: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Xor64X;
                case Op.BareLoadBStoreB: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.BareStoreB;
                case Op.LoadHJeq32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jeq32K;
                case Op.LoadHJne32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jne32K;
                case Op.LoadHAdd32X: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Add32X;
                case Op.BareLoadHJeq32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jeq32K;
                case Op.BareLoadHJne32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jne32K;
                case Op.BareLoadHAdd32X: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Add32X;
                case Op.LoadWJeq32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 4)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jeq32K;
                case Op.LoadWJne32K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 4)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jne32K;
                case Op.LoadWStoreW: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 4)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.StoreW;
                case Op.BareLoadWJeq32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jeq32K;
                case Op.BareLoadWJne32K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jne32K;
                case Op.BareLoadWStoreW: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.BareStoreW;
                case Op.LoadBJeq64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jeq64K;
                case Op.LoadBJne64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 1)) goto LoadAside; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jne64K;
                case Op.BareLoadBJeq64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jeq64K;
                case Op.BareLoadBJne64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = *(byte*)address; pc++; goto case Op.Jne64K;
                case Op.LoadHJeq64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jeq64K;
                case Op.LoadHJne64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jne64K;
                case Op.LoadHSwap16: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 2)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Swap16;
                case Op.BareLoadHJeq64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jeq64K;
                case Op.BareLoadHJne64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Jne64K;
                case Op.BareLoadHSwap16: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address); pc++; goto case Op.Swap16;
                case Op.LoadWJeq64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 4)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jeq64K;
                case Op.LoadWJne64K: address = r[pc->Source] + (ulong)pc->Offset; if (!IsReadable(s, address, 4)) goto LoadAside; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jne64K;
                case Op.BareLoadWJeq64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jeq64K;
                case Op.BareLoadWJne64K: address = r[pc->Source] + (ulong)pc->Offset; r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address); pc++; goto case Op.Jne64K;

                // A constant stored, or two registers in a row.
                case Op.Mov32KStoreW: r[pc->Destination] = (uint)pc->Immediate; pc++; goto case Op.StoreW;
                case Op.Mov64KStoreDw: r[pc->Destination] = (ulong)pc->Immediate; pc++; goto case Op.StoreDw;
                case Op.Mov32KBareStoreW: r[pc->Destination] = (uint)pc->Immediate; pc++; goto case Op.BareStoreW;
                case Op.Mov64KBareStoreDw: r[pc->Destination] = (ulong)pc->Immediate; pc++; goto case Op.BareStoreDw;
                case Op.StoreWStoreW: address = r[pc->Destination] + (ulong)pc->Offset; if (!IsWritable(s, address, 4)) goto StoreAside; Unsafe.WriteUnaligned((void*)address, (uint)r[pc->Source]); pc++; goto case Op.StoreW;
                case Op.StoreDwStoreDw: address = r[pc->Destination] + (ulong)pc->Offset; if (!IsWritable(s, address, 8)) goto StoreAside; Unsafe.WriteUnaligned((void*)address, r[pc->Source]); pc++; goto case Op.StoreDw;
                case Op.BareStoreWStoreW: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, (uint)r[pc->Source]); pc++; goto case Op.BareStoreW;
                case Op.BareStoreDwStoreDw: address = r[pc->Destination] + (ulong)pc->Offset; Unsafe.WriteUnaligned((void*)address, r[pc->Source]); pc++; goto case Op.BareStoreDw;

                // Named, so that the forms begin with 0 and none has to be subtracted.
                case Op.Invalid:
                case Op.Unresolved:
                default:
                    s->Current = pc;
                    ExecuteAtomic(pc);
                    break;
            }

            pc++;
            continue;

        LoadAside:
            r[pc->Destination] = LoadMiss(s, r[pc->Source] + (ulong)pc->Offset, pc);
            pc++;
            continue;

        StoreAside:
            StoreMiss(s, r[pc->Destination] + (ulong)pc->Offset, pc->Op < Op.StoreB ? (ulong)pc->Immediate : r[pc->Source], pc);
            pc++;
            continue;

        Jump:
            // A jump that is taken, or a call of a local function.
            budget -= Steps(counted, pc);
            if (budget < 0)
            {
                s->Current = pc;
                s->Budget = budget;
                budget = Refuel(s);
            }

            pc += pc->Offset;
            counted = pc;
        }
    }

    /// <summary>Instructions from one to another of the same straight line, both counted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static long Steps(DecodedInstruction* first, DecodedInstruction* last) =>
        (long)((ulong)((byte*)last - (byte*)first) / DecodedInstruction.SizeInBytes) + 1;
}
