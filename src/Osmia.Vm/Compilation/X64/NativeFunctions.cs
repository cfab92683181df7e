using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation.X64;

/// <summary>The functions of a program as machine code.</summary>
internal sealed unsafe class NativeFunctions(ExecutableMemory code, int[] offsets, CodeMark[] marks, int slots) : CompiledFunctions(offsets.Length, slots)
{
    public const int NoFunction = -1;

    public ExecutableMemory Code { get; } = code;

    /// <summary>Where each function begins in the code, by its slot of the program; the way in stands at 0.</summary>
    public int[] Offsets { get; } = offsets;

    /// <summary>The code in pieces, as it stands in memory.</summary>
    public IReadOnlyList<CompiledPiece> Pieces()
    {
        var pieces = new List<CompiledPiece>();
        for (int i = 0; i < marks.Length; i++)
        {
            int end = i + 1 < marks.Length ? marks[i + 1].Offset : Code.Length;
            if (end > marks[i].Offset)
            {
                byte[] bytes = new ReadOnlySpan<byte>(Code.Start + marks[i].Offset, end - marks[i].Offset).ToArray();
                pieces.Add(new(marks[i].Slot, marks[i].IsAside) { Machine = bytes, Address = (ulong)Code.Start + (ulong)marks[i].Offset, Function = FunctionAt(marks[i].Offset) });
            }
        }

        return pieces;
    }

    private int FunctionAt(int offset)
    {
        int function = 0;
        for (int slot = 0; slot < Offsets.Length; slot++)
        {
            if (Offsets[slot] != NoFunction && Offsets[slot] <= offset && Offsets[slot] >= Offsets[function])
            {
                function = slot;
            }
        }

        return function;
    }

    public override void Release() => Code.Dispose();

    protected override CompiledFunction Bind(int start, ExecutionSlot slot) => new Entry(this, Code.Start + Offsets[start], slot).Run;

    private sealed class Entry(NativeFunctions functions, byte* function, ExecutionSlot slot)
    {
        private readonly delegate* unmanaged<MachineState*, byte*, ulong> _wayIn = (delegate* unmanaged<MachineState*, byte*, ulong>)functions.Code.Start;

        public ulong Run(MachineState* s, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
        {
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
