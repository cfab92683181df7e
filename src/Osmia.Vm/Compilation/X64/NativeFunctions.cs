using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation.X64;

/// <summary>The functions of a program as machine code.</summary>
internal sealed unsafe class NativeFunctions(ExecutableMemory code, int[] offsets, int slots) : CompiledFunctions(offsets.Length, slots)
{
    public const int NoFunction = -1;

    public ExecutableMemory Code { get; } = code;

    /// <summary>Where each function begins in the code, by its slot of the program; the way in stands at 0.</summary>
    public int[] Offsets { get; } = offsets;

    public override void Release() => Code.Dispose();

    protected override CompiledFunction Bind(int start, ExecutionSlot slot) => new Entry(this, Code.Start + Offsets[start], slot).Run;

    private sealed class Entry(NativeFunctions functions, byte* function, ExecutionSlot slot)
    {
        private readonly MachineState* _state = slot.State;
        private readonly delegate* unmanaged<MachineState*, byte*, ulong> _wayIn = (delegate* unmanaged<MachineState*, byte*, ulong>)functions.Code.Start;

        public ulong Run(ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
        {
            MachineState* s = _state;
            s->Registers[1] = r1;
            s->Registers[2] = r2;
            s->Registers[3] = r3;
            s->Registers[4] = r4;
            s->Registers[5] = r5;
            ulong result = _wayIn(s, function);
            if (s->Fault != 0)
            {
                slot.ThrowFault();
            }

            return result;
        }
    }
}
