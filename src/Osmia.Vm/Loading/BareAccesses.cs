using Osmia.Bytecode;
using Osmia.Verification.Facts;
using Osmia.Vm.Compilation;

namespace Osmia.Vm.Loading;

/// <summary>Takes the check from the loads and stores that the verifier proved to lie in memory of the program.</summary>
internal static unsafe class BareAccesses
{
    public static void Mark(DecodedInstruction* code, int length, ProgramSurroundings around)
    {
        for (int slot = 0; slot < length; slot++)
        {
            Op op = code[slot].Form;
            if (op is >= Op.LoadB and <= Op.StoreDw && around.ProofOf(slot) is { } proof && proof.Size == SizeOf(op))
            {
                code[slot].Form = BareForm(op, proof, around) ?? op;
            }
        }
    }

    private static Op? BareForm(Op op, AccessFact proof, ProgramSurroundings around)
    {
        Op bare = Op.BareLoadB + (op - Op.LoadB);
        if (around.IsOwnMemory(proof.Region))
        {
            return bare;
        }

        if (proof is not { Region: ValueKind.Context, Offset.IsConstant: true }
            || around.FieldAt((long)proof.Offset.Value, SizeOf(op), op >= Op.StoreImmB) is not { } field)
        {
            return null;
        }

        return field.Kind switch
        {
            ContextFieldKind.Scalar => bare,
            ContextFieldKind.PacketData when op == Op.LoadW => Op.BareLoadData,
            ContextFieldKind.PacketEnd when op == Op.LoadW => Op.BareLoadDataEnd,
            ContextFieldKind.PacketMeta when op == Op.LoadW => Op.BareLoadDataMeta,
            _ => null,
        };
    }

    private static int SizeOf(Op op) => op switch
    {
        >= Op.StoreB => 1 << (op - Op.StoreB),
        >= Op.StoreImmB => 1 << (op - Op.StoreImmB),
        >= Op.LoadSxB => 1 << (op - Op.LoadSxB),
        _ => 1 << (op - Op.LoadB),
    };
}
