using System.Runtime.CompilerServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>Divisions as RFC 9669 section 4.1 defines them: by 0 gives 0, the remainder by 0 is the dividend.</summary>
internal static class Arithmetic
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Divide(ulong left, ulong right) => right == 0 ? 0 : left / right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Divide(uint left, uint right) => right == 0 ? 0 : left / right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Modulo(ulong left, ulong right) => right == 0 ? left : left % right;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Modulo(uint left, uint right) => right == 0 ? left : left % right;

    // Division by -1 is negation: the processor's instruction faults on the smallest number.
    public static long SignedDivide(long left, long right) => right switch { 0 => 0, -1 => unchecked(-left), _ => left / right };

    public static int SignedDivide(int left, int right) => right switch { 0 => 0, -1 => unchecked(-left), _ => left / right };

    public static long SignedModulo(long left, long right) => right switch { 0 => left, -1 => 0, _ => left % right };

    public static int SignedModulo(int left, int right) => right switch { 0 => left, -1 => 0, _ => left % right };

    /// <summary>The signed divisions and remainders, of either width, by an immediate or a register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static ulong Signed(Op op, ulong left, long immediate, ulong register)
    {
        int variant = (int)op - (int)Op.SDiv32K;
        long right = (variant & 1) != 0 ? (long)register : immediate;
        bool is64 = (variant & 2) != 0;
        return (op >= Op.SMod32K, is64) switch
        {
            (false, false) => (uint)SignedDivide((int)left, (int)right),
            (false, true) => (ulong)SignedDivide((long)left, right),
            (true, false) => (uint)SignedModulo((int)left, (int)right),
            (true, true) => (ulong)SignedModulo((long)left, right),
        };
    }
}
