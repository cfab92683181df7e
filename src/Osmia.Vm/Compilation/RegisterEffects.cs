using System.Numerics;
using Osmia.Bytecode;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Compilation;

/// <summary>The registers an instruction reads and writes, as bits; r10 is in neither, for it never changes.</summary>
internal readonly record struct RegisterEffects(int Uses, int Definitions)
{
    public const int Arguments = 0b11_1110;

    // One more than the number; 0 is not known yet.
    private static readonly sbyte[] s_helperArguments = new sbyte[HelperTable.Count + 1];

    /// <param name="calleeArguments">What the called function reads of r1 to r5; for local calls.</param>
    public static RegisterEffects Of(in DecodedInstruction i, int calleeArguments)
    {
        int destination = (1 << i.Destination) & 0x3ff;
        int source = (1 << i.Source) & 0x3ff;
        switch (i.Op)
        {
            case Op.Mov32K or Op.Mov64K or Op.LoadImmediate:
                return new(0, destination);
            case Op.Mov32X or Op.Mov64X or (>= Op.MovSx32From8 and <= Op.MovSx64From32):
                return new(source, destination);
            case Op.Neg32K or Op.Neg64K or (>= Op.Truncate16 and <= Op.Swap64):
                return new(destination, destination);
            case >= Op.Add32K and <= Op.SMod64X:
                return new(destination | (UsesSource(i.Op) ? source : 0), destination);
            case Op.Ja64K or Op.MayGoto or Op.Invalid or Op.Unresolved:
                return default;
            case >= Op.Jeq32K and <= Op.Jsle64X:
                return new(destination | (((i.Op - Op.Ja32K) & 1) != 0 ? source : 0), 0);
            case Op.CallHelper:
                return new(((1 << (HelperArguments(i.Offset) + 1)) - 1) & Arguments, 1);
            case Op.CallRegister:
                return new(Arguments | destination, 1);
            case Op.TailCall:
                return new(0b1110, 0);
            case Op.CallLocal:
                return new(calleeArguments, Arguments | 1);
            case Op.Exit:
                return new(1, 0);
            case (>= Op.LoadB and <= Op.LoadSxW) or (>= Op.LoadAcquireB and <= Op.LoadAcquireDw):
                return new(source, destination);
            case >= Op.StoreImmB and <= Op.StoreImmDw:
                return new(destination, 0);
            case (>= Op.StoreB and <= Op.StoreDw) or (>= Op.StoreReleaseB and <= Op.StoreReleaseDw) or (>= Op.AtomicAdd32 and <= Op.AtomicXor64):
                return new(destination | source, 0);
            case >= Op.AbsB and <= Op.AbsW:
                return new(1 << 6, 1);
            case >= Op.IndB and <= Op.IndW:
                return new(source | (1 << 6), 1);
            case >= Op.AtomicFetchAdd32 and <= Op.AtomicExchange64:
                return new(destination | source, source);
            case Op.AtomicCompareExchange32 or Op.AtomicCompareExchange64:
                return new(destination | source | 1, 1);
            default:
                throw new InvalidOperationException($"no effects are known of {i.Op}");
        }
    }

    public static bool UsesSource(Op op) => ((op - (op >= Op.SDiv32K ? Op.SDiv32K : Op.Add32K)) & 1) != 0;

    /// <summary>How many of r1 to r5 a helper reads.</summary>
    public static int HelperArguments(int id)
    {
        if (id >= Helper.FirstOwnId)
        {
            return 5;
        }

        int known = s_helperArguments[id];
        if (known == 0)
        {
            int count = id == (int)HelperId.TracePrintk ? 5 : 0;
            foreach (HelperSignature signature in HelperTable.Find(id)!.Signatures)
            {
                count = Math.Max(count, signature.Arguments.Count);
            }

            s_helperArguments[id] = (sbyte)(known = count + 1);
        }

        return known - 1;
    }

    /// <summary>The lowest register in a set that is not empty.</summary>
    public static int First(int registers) => BitOperations.TrailingZeroCount(registers);
}
