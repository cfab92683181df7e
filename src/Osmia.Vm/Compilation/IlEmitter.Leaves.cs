using System.Reflection.Emit;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Compilation;

/// <summary>
/// Where compiled code is left for the interpreter: what failed is executed again there, with the registers that live. Many accesses leave with
/// almost the same registers, so one that has another's and more keeps the rest and goes on with the other's; to the runtime's compiler each place is
/// a jump, not a call with ten stores before it.
/// </summary>
internal sealed unsafe partial class IlEmitter
{
    /// <summary>How many of the places written before are looked at for registers to share.</summary>
    private const int MaxCompared = 48;

    private readonly List<Leave> _leaves = [];

    /// <summary>Where the interpreter begins, a <see cref="Loading.DecodedInstruction"/>.</summary>
    private LocalBuilder? _resumeAt;

    /// <summary>At a label the interpreter does the rest of the function, from an instruction on.</summary>
    private void LeaveAt(Label start, int resumeAt, List<KnownRegister> live) => _leaves.Add(new(start, _slot, resumeAt, live));

    private void WriteLeaves()
    {
        if (_leaves.Count == 0)
        {
            return;
        }

        _resumeAt = _il.Local(typeof(nint));
        Label resume = _il.Label();
        var written = new List<(List<KnownRegister> Live, Label Keep)>();
        foreach (Leave leave in _leaves.OrderBy(leave => leave.Live.Count))
        {
            _il.At(leave.Slot, isAside: true);
            _il.Mark(leave.Start);
            CodeAddress(leave.ResumeAt);
            _il.Store(_resumeAt);
            (List<KnownRegister> shared, Label next) = LargestPartOf(leave.Live);
            if (shared.Count == leave.Live.Count && shared.Count > 0)
            {
                _il.Branch(OpCodes.Br, next);
                continue;
            }

            Label keep = _il.Label();
            _il.Mark(keep);
            Keep(shared.Count == 0 ? leave.Live : leave.Live.FindAll(known => !Has(shared, known)));
            _il.Branch(OpCodes.Br, next);
            written.Add((leave.Live, keep));
        }

        _il.At(CompiledPiece.Frame, isAside: true);
        _il.Mark(resume);
        SaveFuel();
        _il.Argument(0);
        _il.Load(_state);
        _il.Load(_resumeAt);
        _il.Call(Runtime.Resume);
        _il.Emit(OpCodes.Ret);

        (List<KnownRegister> Live, Label Keep) LargestPartOf(List<KnownRegister> live)
        {
            (List<KnownRegister> Live, Label Keep) best = ([], resume);
            for (int i = written.Count - 1; i >= Math.Max(0, written.Count - MaxCompared) && best.Live.Count < live.Count; i--)
            {
                if (written[i].Live.Count > best.Live.Count && written[i].Live.TrueForAll(known => Has(live, known)))
                {
                    best = written[i];
                }
            }

            return best;
        }
    }

    private static bool Has(List<KnownRegister> registers, KnownRegister known)
    {
        foreach (KnownRegister other in registers)
        {
            if (other.Register == known.Register)
            {
                return other.Value.IsSameAs(known.Value);
            }
        }

        return false;
    }

    /// <param name="Slot">What may leave there.</param>
    private readonly record struct Leave(Label Start, int Slot, int ResumeAt, List<KnownRegister> Live);
}
