using System.Runtime.CompilerServices;

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
}
