using System.Numerics;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Maps;

/// <summary>Hash and equality of keys in native memory.</summary>
/// <remarks>
/// Keys come from packets and programs: a multiplier that nobody knows is folded in with every word, so that keys that
/// meet in one bucket cannot be made without the seed.
/// </remarks>
internal static unsafe class KeyHash
{
    private const ulong Multiplier = 0x9e3779b97f4a7c15;
    private const ulong OtherMultiplier = 0xd6e8feb86659fd93;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Of(byte* key, uint size, ulong seed)
    {
        ulong multiplier = (seed * Multiplier) ^ OtherMultiplier;
        if (size == 4)
        {
            return Finish(Fold(seed ^ Unsafe.ReadUnaligned<uint>(key), multiplier));
        }

        ulong hash = seed;
        while (size >= 8)
        {
            hash = Fold(hash ^ Unsafe.ReadUnaligned<ulong>(key), multiplier);
            key += 8;
            size -= 8;
        }

        if (size > 0)
        {
            ulong rest = 0;
            for (uint i = 0; i < size; i++)
            {
                rest |= (ulong)key[i] << (int)(8 * i);
            }

            hash = Fold(hash ^ rest, multiplier);
        }

        return Finish(hash);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreEqual(byte* left, byte* right, uint size) => size switch
    {
        4 => Unsafe.ReadUnaligned<uint>(left) == Unsafe.ReadUnaligned<uint>(right),
        8 => Unsafe.ReadUnaligned<ulong>(left) == Unsafe.ReadUnaligned<ulong>(right),
        _ => new ReadOnlySpan<byte>(left, (int)size).SequenceEqual(new ReadOnlySpan<byte>(right, (int)size)),
    };

    /// <summary>The two halves of the 128-bit product. The multiplier is added again so that a product of 0 is no fixed point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong value, ulong multiplier)
    {
        ulong high = Math.BigMul(value, multiplier | 1, out ulong low);
        return low ^ BitOperations.RotateLeft(high, 23) ^ multiplier;
    }

    private static uint Finish(ulong hash)
    {
        hash ^= hash >> 32;
        hash *= Multiplier;
        return (uint)(hash >> 32);
    }
}
