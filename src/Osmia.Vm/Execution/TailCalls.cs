using Osmia.Bytecode;
using Osmia.Runtime;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>The last redirection of this run.</summary>
    public Redirection Redirect { get; set; }

    /// <summary>bpf_tail_call(ctx, map, index): the next instruction when there is no such program or 33 calls were made.</summary>
    private DecodedInstruction* TailCall(DecodedInstruction* pc)
    {
        MachineState* s = State;
        ulong context = s->Registers[1];
        ulong expected = _kind == ProgramKind.Memory ? s->PacketLow : (ulong)_context;
        if (context != expected)
        {
            TrapArgument(1, "is not the context");
        }

        if (Engine.MapOfHandle(s->Registers[2], Program) is not ProgramArrayMap map)
        {
            TrapArgument(2, "is no prog_array map");
            return null;
        }

        VmProgram? target = map.ProgramAt((uint)s->Registers[3]);
        if (target is null || s->TailCalls >= MaxTailCalls)
        {
            return pc + 1;
        }

        // The kernel refuses such an element or such a caller when it is loaded; here an array may get its programs from anywhere.
        if (target.Kind != _kind || target.ContextUsers != _users || target.ContextLayout != _layout)
        {
            TrapArgument(2, $"is map '{map.Name}' with program '{target.Name}' of type {target.Type.ToKernelName()}", $"a {Program.Type.ToKernelName()} program tail-calls programs of its own type only");
        }

        s->TailCalls++;
        new Span<ulong>(s->Registers, 10).Clear();
        s->Registers[1] = context;
        s->Registers[2] = _kind == ProgramKind.Memory ? s->PacketLength : 0;
        SwitchProgram(target);
        return target.Code;
    }
}
