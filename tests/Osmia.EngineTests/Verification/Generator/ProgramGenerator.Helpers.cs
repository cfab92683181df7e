using Osmia.Bytecode;

namespace Osmia.Tests.Verification.Generator;

// Helper calls with arguments of the right kinds.
internal sealed partial class ProgramGenerator
{
    private void CallHelper()
    {
        switch (_random.Next(12))
        {
            case 0:
                Emit(0x85, 0, 0, 0, new[] { (int)HelperId.GetPrandomU32, (int)HelperId.KtimeGetNs, (int)HelperId.GetSmpProcessorId }[_random.Next(3)]);
                _isRepeatable = false;
                Forget(Cell.Number());
                break;
            case 1 or 2:
                {
                    // Writes an element.
                    bool isHash = _random.Next(2) == 0;
                    int slots = (isHash ? GeneratorScaffold.HashSize : GeneratorScaffold.TableSize) / 8;
                    int value = InitialisedStack(slots);
                    int key = StackSlot();
                    Emit(0x7a, 10, 0, -8 * (key + 1), _random.Next(GeneratorScaffold.TableEntries + 1));
                    _cells.Written[key] = true;
                    _cells.Spilled[key] = default;
                    EmitWide(1, PseudoLoad.MapIndex, isHash ? GeneratorScaffold.Hash : GeneratorScaffold.Table, 0);
                    StackPointer(2, -8 * (key + 1));
                    StackPointer(3, Wrong(2) ? -8 : -8 * (value + slots));
                    Constant(4, _random.Next(3));
                    Emit(0x85, 0, 0, 0, (int)HelperId.MapUpdateElem);
                    Forget(Cell.Number());
                    break;
                }
            case 3:
                {
                    int key = InitialisedStack(1);
                    EmitWide(1, PseudoLoad.MapIndex, GeneratorScaffold.Hash, 0);
                    StackPointer(2, -8 * (key + 1));
                    Emit(0x85, 0, 0, 0, (int)HelperId.MapDeleteElem);
                    Forget(Cell.Number());
                    break;
                }
            case 4 or 5:
                {
                    int value = InitialisedStack(1);
                    EmitWide(1, PseudoLoad.MapIndex, Wrong(2) ? GeneratorScaffold.Table : GeneratorScaffold.Queue, 0);
                    StackPointer(2, -8 * (value + 1));
                    bool isPush = _random.Next(2) == 0;
                    Constant(3, 0);
                    _cells.Spilled[value] = default;
                    Emit(0x85, 0, 0, 0, isPush ? (int)HelperId.MapPushElem : _random.Next(2) == 0 ? (int)HelperId.MapPopElem : (int)HelperId.MapPeekElem);
                    Forget(Cell.Number());
                    break;
                }
            case 6:
                {
                    // A record out of memory of a size that varies.
                    int size = InitialisedStack(2);
                    EmitWide(1, PseudoLoad.MapIndex, GeneratorScaffold.Ring, 0);
                    StackPointer(2, -8 * (size + 2));
                    int number = Any(cell => cell.IsNumber);
                    if (number >= 6 && _random.Next(2) == 0)
                    {
                        Copy(3, number);
                        Alu(0x57, 3, Wrong(2) ? 127 : 15);
                        if (_random.Next(2) == 0)
                        {
                            Emit(0x07, 3, 0, 0, 1);
                        }
                    }
                    else
                    {
                        Constant(3, Wrong(2) ? 17 : _random.Next(1, 17));
                    }

                    Constant(4, 0);
                    Emit(0x85, 0, 0, 0, (int)HelperId.RingbufOutput);
                    Forget(Cell.Number());
                    break;
                }
            case 7 when HasSocketBuffer:
                {
                    int context = Any(cell => cell.Kind == Held.Context);
                    if (context < 0)
                    {
                        return;
                    }

                    int slots = _random.Next(1, 3);
                    int to = InitialisedStack(slots);
                    if (context != 1)
                    {
                        Move(1, context);
                    }

                    Constant(2, _random.Next(0, 60));
                    StackPointer(3, -8 * (to + slots));
                    Constant(4, slots * 8 + (Wrong(2) ? 200 : 0));
                    Emit(0x85, 0, 0, 0, (int)HelperId.SkbLoadBytes);
                    for (int slot = to; slot < to + slots; slot++)
                    {
                        _cells.Spilled[slot] = default;
                    }

                    Forget(Cell.Number());
                    break;
                }
            case 8 when _section == "xdp":
                {
                    int context = Any(cell => cell.Kind == Held.Context);
                    if (context < 0 || _level > 0)
                    {
                        return;
                    }

                    if (context != 1)
                    {
                        Move(1, context);
                    }

                    Constant(2, _random.Next(-16, 16));
                    Emit(0x85, 0, 0, 0, _random.Next(2) == 0 ? (int)HelperId.XdpAdjustHead : (int)HelperId.XdpAdjustTail);
                    Forget(Cell.Number());
                    if (!Wrong(2))
                    {
                        ForgetPackets();
                    }

                    break;
                }
            case 9:
                {
                    int context = Any(cell => cell.Kind == Held.Context);
                    if (context < 0 || !_mayExit || _section is "syscall")
                    {
                        return;
                    }

                    if (context != 1)
                    {
                        Move(1, context);
                    }

                    EmitWide(2, PseudoLoad.MapIndex, GeneratorScaffold.Programs, 0);
                    Set(2, new Cell(Held.Map, Map: GeneratorScaffold.Programs));
                    Constant(3, _random.Next(5));
                    Emit(0x85, 0, 0, 0, (int)HelperId.TailCall);
                    Forget(default);
                    if (_level > 0)
                    {
                        ForgetPackets();
                    }

                    break;
                }
            case 10 when HasPacket:
                {
                    int value = InitialisedStack(2);
                    StackPointer(1, -8 * (value + 2));
                    Constant(2, _random.Next(4) == 0 ? 16 : _random.Next(4) * 4);
                    int other = Any(cell => cell.Kind == Held.Value && cell.Offset == 0);
                    if (other >= 6)
                    {
                        Move(3, other);
                        Constant(4, 16);
                    }
                    else
                    {
                        Constant(3, 0);
                        Constant(4, 0);
                    }

                    Constant(5, 7);
                    Emit(0x85, 0, 0, 0, (int)HelperId.CsumDiff);

                    Forget(Cell.Number());
                    break;
                }
            default:
                Operation();
                break;
        }
    }

    private void StackPointer(int register, int offset)
    {
        Emit(0xbf, register, 10);
        Emit(0x07, register, 0, 0, offset);
        Set(register, new Cell(Held.Stack, Offset: offset));
    }

    private void ForgetPackets()
    {
        for (int i = 0; i < 10; i++)
        {
            _cells.Registers[i] = _cells.Registers[i].Kind is Held.Packet or Held.PacketEnd or Held.PacketMeta ? default : _cells.Registers[i];
        }

        for (int i = 0; i < Cells.Slots; i++)
        {
            _cells.Spilled[i] = _cells.Spilled[i].Kind is Held.Packet or Held.PacketEnd or Held.PacketMeta ? default : _cells.Spilled[i];
        }
    }
}
