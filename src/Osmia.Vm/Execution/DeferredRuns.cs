using System.Runtime.CompilerServices;
using Osmia.Bytecode;
using Osmia.Objects.Diagnostics;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

/// <summary>A run that begins at a callback instead of the program: no packet, no context.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    public void RunDeferred(VmProgram program, int function, VmMap map, ulong value)
    {
        _kind = program.Kind;
        _layout = null;
        _users = program.ContextUsers;
        FillPacket([], 0, 64);
        UpdatePacketRegion();
        Begin(program, FrameSize);
        MachineState* s = State;
        ulong key = map.KeyAddressOf(value, KeyScratch());
        try
        {
            if (program.Compiled is { } compiled && compiled.MayCall(function))
            {
                StartWholeBudget(s);
                s->Budget -= compiled.Lengths[function];
                _ = compiled.At(function, this)(s, map.Handle, key, value, 0, 0);
            }
            else
            {
                StartBudget(s);
                new Span<ulong>(s->Registers, 10).Clear();
                s->Registers[1] = map.Handle;
                s->Registers[2] = key;
                s->Registers[3] = value;
                _frames[0].Return = null;
                _ = Execute(program.Code + function);
            }

            End();
        }
        catch (Exception fault) when (fault is not TrapException)
        {
            Trap(DiagnosticIds.HostFault, $"the host failed while the program ran: {fault.Message}", "code of the application, such as a trace handler, threw", inner: fault);
        }
        finally
        {
            if (HoldsResources)
            {
                ReleaseResources();
            }
        }
    }
}
