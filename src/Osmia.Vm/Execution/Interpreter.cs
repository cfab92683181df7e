using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>The interpreter. It defines what an instruction does; every other way to run a program must agree with it.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>
    /// Runs from an instruction until the frame that was current at the start returns. The decoder's checks make every step land
    /// inside the program; memory is touched only after <see cref="IsReadable"/>, <see cref="IsWritable"/> or the slow forms agreed.
    /// </summary>
    private ulong Execute(DecodedInstruction* pc)
    {
        MachineState* s = State;
        ulong* r = s->Registers;
        long budget = s->Budget;

        // Instructions from here on are not counted yet: the budget is settled wherever control does not simply go on.
        DecodedInstruction* counted = pc;
        while (true)
        {
            switch (pc->Op)
            {
                case Op.Add64K:
                    r[pc->Destination] += (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Add64X:
                    r[pc->Destination] += r[pc->Source];
                    pc++;
                    continue;

                case Op.Add32K:
                    r[pc->Destination] = (uint)r[pc->Destination] + (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Add32X:
                    r[pc->Destination] = (uint)r[pc->Destination] + (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.Sub64K:
                    r[pc->Destination] -= (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Sub64X:
                    r[pc->Destination] -= r[pc->Source];
                    pc++;
                    continue;

                case Op.Sub32K:
                    r[pc->Destination] = (uint)r[pc->Destination] - (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Sub32X:
                    r[pc->Destination] = (uint)r[pc->Destination] - (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.Mul64K:
                    r[pc->Destination] *= (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Mul64X:
                    r[pc->Destination] *= r[pc->Source];
                    pc++;
                    continue;

                case Op.Mul32K:
                    r[pc->Destination] = (uint)r[pc->Destination] * (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Mul32X:
                    r[pc->Destination] = (uint)r[pc->Destination] * (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.Or64K:
                    r[pc->Destination] |= (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Or64X:
                    r[pc->Destination] |= r[pc->Source];
                    pc++;
                    continue;

                case Op.Or32K:
                    r[pc->Destination] = (uint)r[pc->Destination] | (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Or32X:
                    r[pc->Destination] = (uint)r[pc->Destination] | (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.And64K:
                    r[pc->Destination] &= (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.And64X:
                    r[pc->Destination] &= r[pc->Source];
                    pc++;
                    continue;

                case Op.And32K:
                    r[pc->Destination] = (uint)r[pc->Destination] & (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.And32X:
                    r[pc->Destination] = (uint)r[pc->Destination] & (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.Xor64K:
                    r[pc->Destination] ^= (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Xor64X:
                    r[pc->Destination] ^= r[pc->Source];
                    pc++;
                    continue;

                case Op.Xor32K:
                    r[pc->Destination] = (uint)r[pc->Destination] ^ (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Xor32X:
                    r[pc->Destination] = (uint)r[pc->Destination] ^ (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.Div64K:
                    r[pc->Destination] = Arithmetic.Divide(r[pc->Destination], (ulong)pc->Immediate);
                    pc++;
                    continue;

                case Op.Div64X:
                    r[pc->Destination] = Arithmetic.Divide(r[pc->Destination], r[pc->Source]);
                    pc++;
                    continue;

                case Op.Div32K:
                    r[pc->Destination] = Arithmetic.Divide((uint)r[pc->Destination], (uint)pc->Immediate);
                    pc++;
                    continue;

                case Op.Div32X:
                    r[pc->Destination] = Arithmetic.Divide((uint)r[pc->Destination], (uint)r[pc->Source]);
                    pc++;
                    continue;

                case Op.Mod64K:
                    r[pc->Destination] = Arithmetic.Modulo(r[pc->Destination], (ulong)pc->Immediate);
                    pc++;
                    continue;

                case Op.Mod64X:
                    r[pc->Destination] = Arithmetic.Modulo(r[pc->Destination], r[pc->Source]);
                    pc++;
                    continue;

                case Op.Mod32K:
                    r[pc->Destination] = Arithmetic.Modulo((uint)r[pc->Destination], (uint)pc->Immediate);
                    pc++;
                    continue;

                case Op.Mod32X:
                    r[pc->Destination] = Arithmetic.Modulo((uint)r[pc->Destination], (uint)r[pc->Source]);
                    pc++;
                    continue;

                case Op.SDiv64K:
                    r[pc->Destination] = (ulong)Arithmetic.SignedDivide((long)r[pc->Destination], pc->Immediate);
                    pc++;
                    continue;

                case Op.SDiv64X:
                    r[pc->Destination] = (ulong)Arithmetic.SignedDivide((long)r[pc->Destination], (long)r[pc->Source]);
                    pc++;
                    continue;

                case Op.SDiv32K:
                    r[pc->Destination] = (uint)Arithmetic.SignedDivide((int)r[pc->Destination], (int)pc->Immediate);
                    pc++;
                    continue;

                case Op.SDiv32X:
                    r[pc->Destination] = (uint)Arithmetic.SignedDivide((int)r[pc->Destination], (int)r[pc->Source]);
                    pc++;
                    continue;

                case Op.SMod64K:
                    r[pc->Destination] = (ulong)Arithmetic.SignedModulo((long)r[pc->Destination], pc->Immediate);
                    pc++;
                    continue;

                case Op.SMod64X:
                    r[pc->Destination] = (ulong)Arithmetic.SignedModulo((long)r[pc->Destination], (long)r[pc->Source]);
                    pc++;
                    continue;

                case Op.SMod32K:
                    r[pc->Destination] = (uint)Arithmetic.SignedModulo((int)r[pc->Destination], (int)pc->Immediate);
                    pc++;
                    continue;

                case Op.SMod32X:
                    r[pc->Destination] = (uint)Arithmetic.SignedModulo((int)r[pc->Destination], (int)r[pc->Source]);
                    pc++;
                    continue;

                case Op.Lsh64K:
                    r[pc->Destination] <<= (int)pc->Immediate & 63;
                    pc++;
                    continue;

                case Op.Lsh64X:
                    r[pc->Destination] <<= (int)r[pc->Source] & 63;
                    pc++;
                    continue;

                case Op.Lsh32K:
                    r[pc->Destination] = (uint)r[pc->Destination] << ((int)pc->Immediate & 31);
                    pc++;
                    continue;

                case Op.Lsh32X:
                    r[pc->Destination] = (uint)r[pc->Destination] << ((int)r[pc->Source] & 31);
                    pc++;
                    continue;

                case Op.Rsh64K:
                    r[pc->Destination] >>= (int)pc->Immediate & 63;
                    pc++;
                    continue;

                case Op.Rsh64X:
                    r[pc->Destination] >>= (int)r[pc->Source] & 63;
                    pc++;
                    continue;

                case Op.Rsh32K:
                    r[pc->Destination] = (uint)r[pc->Destination] >> ((int)pc->Immediate & 31);
                    pc++;
                    continue;

                case Op.Rsh32X:
                    r[pc->Destination] = (uint)r[pc->Destination] >> ((int)r[pc->Source] & 31);
                    pc++;
                    continue;

                case Op.Arsh64K:
                    r[pc->Destination] = (ulong)((long)r[pc->Destination] >> ((int)pc->Immediate & 63));
                    pc++;
                    continue;

                case Op.Arsh64X:
                    r[pc->Destination] = (ulong)((long)r[pc->Destination] >> ((int)r[pc->Source] & 63));
                    pc++;
                    continue;

                case Op.Arsh32K:
                    r[pc->Destination] = (uint)((int)r[pc->Destination] >> ((int)pc->Immediate & 31));
                    pc++;
                    continue;

                case Op.Arsh32X:
                    r[pc->Destination] = (uint)((int)r[pc->Destination] >> ((int)r[pc->Source] & 31));
                    pc++;
                    continue;

                case Op.Neg64K:
                    r[pc->Destination] = 0UL - r[pc->Destination];
                    pc++;
                    continue;

                case Op.Neg32K:
                    r[pc->Destination] = 0U - (uint)r[pc->Destination];
                    pc++;
                    continue;

                case Op.Mov64K:
                    r[pc->Destination] = (ulong)pc->Immediate;
                    pc++;
                    continue;

                case Op.Mov64X:
                    r[pc->Destination] = r[pc->Source];
                    pc++;
                    continue;

                case Op.Mov32K:
                    r[pc->Destination] = (uint)pc->Immediate;
                    pc++;
                    continue;

                case Op.Mov32X:
                    r[pc->Destination] = (uint)r[pc->Source];
                    pc++;
                    continue;

                case Op.MovSx32From8:
                    r[pc->Destination] = (uint)(sbyte)r[pc->Source];
                    pc++;
                    continue;

                case Op.MovSx32From16:
                    r[pc->Destination] = (uint)(short)r[pc->Source];
                    pc++;
                    continue;

                case Op.MovSx64From8:
                    r[pc->Destination] = (ulong)(sbyte)r[pc->Source];
                    pc++;
                    continue;

                case Op.MovSx64From16:
                    r[pc->Destination] = (ulong)(short)r[pc->Source];
                    pc++;
                    continue;

                case Op.MovSx64From32:
                    r[pc->Destination] = (ulong)(int)r[pc->Source];
                    pc++;
                    continue;

                case Op.Truncate16:
                    r[pc->Destination] = (ushort)r[pc->Destination];
                    pc++;
                    continue;

                case Op.Truncate32:
                    r[pc->Destination] = (uint)r[pc->Destination];
                    pc++;
                    continue;

                case Op.Truncate64:
                    pc++;
                    continue;

                case Op.Swap16:
                    r[pc->Destination] = BinaryPrimitives.ReverseEndianness((ushort)r[pc->Destination]);
                    pc++;
                    continue;

                case Op.Swap32:
                    r[pc->Destination] = BinaryPrimitives.ReverseEndianness((uint)r[pc->Destination]);
                    pc++;
                    continue;

                case Op.Swap64:
                    r[pc->Destination] = BinaryPrimitives.ReverseEndianness(r[pc->Destination]);
                    pc++;
                    continue;

                case Op.LoadImmediate:
                    r[pc->Destination] = (ulong)pc->Immediate;
                    pc += 2;
                    continue;

                case Op.Ja64K:
                    break;

                case Op.Jeq64K:
                    if (r[pc->Destination] == (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jeq64X:
                    if (r[pc->Destination] == r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jeq32K:
                    if ((uint)r[pc->Destination] == (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jeq32X:
                    if ((uint)r[pc->Destination] == (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jne64K:
                    if (r[pc->Destination] != (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jne64X:
                    if (r[pc->Destination] != r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jne32K:
                    if ((uint)r[pc->Destination] != (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jne32X:
                    if ((uint)r[pc->Destination] != (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jgt64K:
                    if (r[pc->Destination] > (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jgt64X:
                    if (r[pc->Destination] > r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jgt32K:
                    if ((uint)r[pc->Destination] > (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jgt32X:
                    if ((uint)r[pc->Destination] > (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jge64K:
                    if (r[pc->Destination] >= (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jge64X:
                    if (r[pc->Destination] >= r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jge32K:
                    if ((uint)r[pc->Destination] >= (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jge32X:
                    if ((uint)r[pc->Destination] >= (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jlt64K:
                    if (r[pc->Destination] < (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jlt64X:
                    if (r[pc->Destination] < r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jlt32K:
                    if ((uint)r[pc->Destination] < (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jlt32X:
                    if ((uint)r[pc->Destination] < (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jle64K:
                    if (r[pc->Destination] <= (ulong)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jle64X:
                    if (r[pc->Destination] <= r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jle32K:
                    if ((uint)r[pc->Destination] <= (uint)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jle32X:
                    if ((uint)r[pc->Destination] <= (uint)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsgt64K:
                    if ((long)r[pc->Destination] > pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsgt64X:
                    if ((long)r[pc->Destination] > (long)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsgt32K:
                    if ((int)r[pc->Destination] > (int)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsgt32X:
                    if ((int)r[pc->Destination] > (int)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsge64K:
                    if ((long)r[pc->Destination] >= pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsge64X:
                    if ((long)r[pc->Destination] >= (long)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsge32K:
                    if ((int)r[pc->Destination] >= (int)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsge32X:
                    if ((int)r[pc->Destination] >= (int)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jslt64K:
                    if ((long)r[pc->Destination] < pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jslt64X:
                    if ((long)r[pc->Destination] < (long)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jslt32K:
                    if ((int)r[pc->Destination] < (int)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jslt32X:
                    if ((int)r[pc->Destination] < (int)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsle64K:
                    if ((long)r[pc->Destination] <= pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsle64X:
                    if ((long)r[pc->Destination] <= (long)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsle32K:
                    if ((int)r[pc->Destination] <= (int)pc->Immediate)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jsle32X:
                    if ((int)r[pc->Destination] <= (int)r[pc->Source])
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jset64K:
                    if ((r[pc->Destination] & (ulong)pc->Immediate) != 0)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jset64X:
                    if ((r[pc->Destination] & r[pc->Source]) != 0)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jset32K:
                    if (((uint)r[pc->Destination] & (uint)pc->Immediate) != 0)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.Jset32X:
                    if (((uint)r[pc->Destination] & (uint)r[pc->Source]) != 0)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.MayGoto:
                    if (--s->MayGotos < 0)
                    {
                        break;
                    }

                    pc++;
                    continue;

                case Op.CallHelper:
                    s->Current = pc;
                    s->Budget = budget;
                    r[0] = ((delegate*<ExecutionSlot, ulong*, ulong>)pc->Immediate)(this, r);
                    budget = s->Budget;
                    if (budget < 0)
                    {
                        budget = Refuel(s);
                    }

                    pc++;
                    continue;

                case Op.TailCall:
                    s->Current = pc;
                    budget -= pc - counted + 1;
                    s->Budget = budget;
                    pc = TailCall(pc);
                    counted = pc;
                    continue;

                case Op.CallLocal:
                    s->Current = pc;
                    PushFrame(pc + 1);
                    break;

                case Op.Exit:
                    // What is found only at the end is told of this program, which may not be the one that began.
                    s->Current = pc;
                    budget -= pc - counted + 1;
                    pc = PopFrame();
                    if (pc == null)
                    {
                        s->Budget = budget;
                        return r[0];
                    }

                    counted = pc;
                    continue;

                case Op.LoadB:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 1))
                    {
                        r[pc->Destination] = *(byte*)address;
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = LoadSlow(address, 1);
                    pc++;
                    continue;
                }

                case Op.LoadH:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 2))
                    {
                        r[pc->Destination] = Unsafe.ReadUnaligned<ushort>((void*)address);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = LoadSlow(address, 2);
                    pc++;
                    continue;
                }

                case Op.LoadW:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 4))
                    {
                        r[pc->Destination] = Unsafe.ReadUnaligned<uint>((void*)address);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = LoadSlow(address, 4);
                    pc++;
                    continue;
                }

                case Op.LoadDw:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 8))
                    {
                        r[pc->Destination] = Unsafe.ReadUnaligned<ulong>((void*)address);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = LoadSlow(address, 8);
                    pc++;
                    continue;
                }

                case Op.LoadSxB:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 1))
                    {
                        r[pc->Destination] = (ulong)(long)*(sbyte*)address;
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = (ulong)(long)(sbyte)LoadSlow(address, 1);
                    pc++;
                    continue;
                }

                case Op.LoadSxH:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 2))
                    {
                        r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<short>((void*)address);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = (ulong)(long)(short)LoadSlow(address, 2);
                    pc++;
                    continue;
                }

                case Op.LoadSxW:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    if (IsReadable(s, address, 4))
                    {
                        r[pc->Destination] = (ulong)(long)Unsafe.ReadUnaligned<int>((void*)address);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    r[pc->Destination] = (ulong)(long)(int)LoadSlow(address, 4);
                    pc++;
                    continue;
                }

                case Op.StoreImmB:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 1))
                    {
                        *(byte*)address = (byte)pc->Immediate;
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 1, (ulong)pc->Immediate);
                    pc++;
                    continue;
                }

                case Op.StoreImmH:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 2))
                    {
                        Unsafe.WriteUnaligned((void*)address, (ushort)pc->Immediate);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 2, (ulong)pc->Immediate);
                    pc++;
                    continue;
                }

                case Op.StoreImmW:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 4))
                    {
                        Unsafe.WriteUnaligned((void*)address, (uint)pc->Immediate);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 4, (ulong)pc->Immediate);
                    pc++;
                    continue;
                }

                case Op.StoreImmDw:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 8))
                    {
                        Unsafe.WriteUnaligned((void*)address, (ulong)pc->Immediate);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 8, (ulong)pc->Immediate);
                    pc++;
                    continue;
                }

                case Op.StoreB:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 1))
                    {
                        *(byte*)address = (byte)r[pc->Source];
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 1, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.StoreH:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 2))
                    {
                        Unsafe.WriteUnaligned((void*)address, (ushort)r[pc->Source]);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 2, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.StoreW:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 4))
                    {
                        Unsafe.WriteUnaligned((void*)address, (uint)r[pc->Source]);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 4, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.StoreDw:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    if (IsWritable(s, address, 8))
                    {
                        Unsafe.WriteUnaligned((void*)address, r[pc->Source]);
                        pc++;
                        continue;
                    }
                    
                    s->Current = pc;
                    StoreSlow(address, 8, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AbsB:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate, 1, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.AbsH:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate, 2, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.AbsW:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate, 4, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.IndB:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate + (int)r[pc->Source], 1, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.IndH:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate + (int)r[pc->Source], 2, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.IndW:
                    s->Current = pc;
                    if (!TryLoadPacket((int)pc->Immediate + (int)r[pc->Source], 4, out r[0]))
                    {
                        // The kernel ends the running function with 0 here.
                        r[0] = 0;
                        budget -= pc - counted + 1;
                        pc = PopFrame();
                        if (pc == null)
                        {
                            s->Budget = budget;
                            return 0;
                        }

                        counted = pc;
                        continue;
                    }

                    pc++;
                    continue;

                case Op.AtomicAdd32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    Interlocked.Add(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicOr32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    Interlocked.Or(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicAnd32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    Interlocked.And(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicXor32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    Atomics.FetchXor(address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchAdd32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[pc->Source] = Interlocked.Add(ref *(uint*)address, (uint)r[pc->Source]) - (uint)r[pc->Source];
                    pc++;
                    continue;
                }

                case Op.AtomicFetchOr32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[pc->Source] = Interlocked.Or(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchAnd32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[pc->Source] = Interlocked.And(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchXor32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[pc->Source] = Atomics.FetchXor(address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicExchange32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[pc->Source] = Interlocked.Exchange(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicCompareExchange32:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    r[0] = Interlocked.CompareExchange(ref *(uint*)address, (uint)r[pc->Source], (uint)r[0]);
                    pc++;
                    continue;
                }

                case Op.AtomicAdd64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    Interlocked.Add(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicOr64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    Interlocked.Or(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicAnd64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    Interlocked.And(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicXor64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    Atomics.FetchXor(address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchAdd64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[pc->Source] = Interlocked.Add(ref *(ulong*)address, r[pc->Source]) - r[pc->Source];
                    pc++;
                    continue;
                }

                case Op.AtomicFetchOr64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[pc->Source] = Interlocked.Or(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchAnd64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[pc->Source] = Interlocked.And(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicFetchXor64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[pc->Source] = Atomics.FetchXor(address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicExchange64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[pc->Source] = Interlocked.Exchange(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.AtomicCompareExchange64:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    r[0] = Interlocked.CompareExchange(ref *(ulong*)address, r[pc->Source], r[0]);
                    pc++;
                    continue;
                }

                case Op.LoadAcquireB:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    s->Current = pc;
                    if (!IsReadable(s, address, 1) || (address & 0) != 0)
                    {
                        CheckAtomicSlow(address, 1, isWrite: false);
                    }
                    
                    r[pc->Destination] = Volatile.Read(ref *(byte*)address);
                    pc++;
                    continue;
                }

                case Op.StoreReleaseB:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 1);
                    Volatile.Write(ref *(byte*)address, (byte)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.LoadAcquireH:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    s->Current = pc;
                    if (!IsReadable(s, address, 2) || (address & 1) != 0)
                    {
                        CheckAtomicSlow(address, 2, isWrite: false);
                    }
                    
                    r[pc->Destination] = Volatile.Read(ref *(ushort*)address);
                    pc++;
                    continue;
                }

                case Op.StoreReleaseH:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 2);
                    Volatile.Write(ref *(ushort*)address, (ushort)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.LoadAcquireW:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    s->Current = pc;
                    if (!IsReadable(s, address, 4) || (address & 3) != 0)
                    {
                        CheckAtomicSlow(address, 4, isWrite: false);
                    }
                    
                    r[pc->Destination] = Volatile.Read(ref *(uint*)address);
                    pc++;
                    continue;
                }

                case Op.StoreReleaseW:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 4);
                    Volatile.Write(ref *(uint*)address, (uint)r[pc->Source]);
                    pc++;
                    continue;
                }

                case Op.LoadAcquireDw:
                {
                    ulong address = r[pc->Source] + (ulong)pc->Offset;
                    s->Current = pc;
                    if (!IsReadable(s, address, 8) || (address & 7) != 0)
                    {
                        CheckAtomicSlow(address, 8, isWrite: false);
                    }
                    
                    r[pc->Destination] = Volatile.Read(ref *(ulong*)address);
                    pc++;
                    continue;
                }

                case Op.StoreReleaseDw:
                {
                    ulong address = r[pc->Destination] + (ulong)pc->Offset;
                    s->Current = pc;
                    CheckAtomic(s, address, 8);
                    Volatile.Write(ref *(ulong*)address, r[pc->Source]);
                    pc++;
                    continue;
                }

                default:
                    s->Current = pc;
                    ThrowUnresolved();
                    return 0;
            }

            // A jump that is taken, or a call of a local function.
            budget -= pc - counted + 1;
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
}
