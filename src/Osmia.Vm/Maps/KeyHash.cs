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
            return OfWord(Unsafe.ReadUnaligned<uint>(key), seed);
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
            hash = Fold(hash ^ Rest(key, size), multiplier);
        }

        return Finish(hash);
    }

    /// <summary>The same of a key of 1 to 8 bytes, the first one lowest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfWord(ulong key, ulong seed) => Finish(Fold(seed ^ key, (seed * Multiplier) ^ OtherMultiplier));

    /// <summary>Of the first bits of data, as <see cref="PrefixBits"/> reads them; as many bits of the same value elsewhere hash alike.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfPrefix(byte* data, uint size, uint length, ulong seed)
    {
        ulong multiplier = (seed * Multiplier) ^ OtherMultiplier;
        ulong hash = seed + (length * OtherMultiplier);
        uint word = 0;
        do
        {
            hash = Fold(hash ^ PrefixBits.WordOf(data, word, size, length), multiplier);
            word++;
        }
        while (word * PrefixBits.WordBits < length);
        return Finish(hash);
    }

    /// <summary>The same of data that is one word or less, when the bits outside the prefix are zeros already.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint OfPrefix(ulong bits, uint length, ulong seed) => Finish(Fold((seed + (length * OtherMultiplier)) ^ bits, (seed * Multiplier) ^ OtherMultiplier));

    /// <summary>A key of 1, 2, 4 or 8 bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong WordOf(byte* key, uint size) =>
        size == 4 ? Unsafe.ReadUnaligned<uint>(key)
        : size == 8 ? Unsafe.ReadUnaligned<ulong>(key)
        : size == 2 ? Unsafe.ReadUnaligned<ushort>(key)
        : *key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreEqual(byte* left, byte* right, uint size) => size switch
    {
        2 => Unsafe.ReadUnaligned<ushort>(left) == Unsafe.ReadUnaligned<ushort>(right),
        4 => Unsafe.ReadUnaligned<uint>(left) == Unsafe.ReadUnaligned<uint>(right),
        8 => Unsafe.ReadUnaligned<ulong>(left) == Unsafe.ReadUnaligned<ulong>(right),
        _ => new ReadOnlySpan<byte>(left, (int)size).SequenceEqual(new ReadOnlySpan<byte>(right, (int)size)),
    };

    /// <summary>Fewer than 8 bytes, the first one lowest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Rest(byte* key, uint size) => size switch
    {
        1 => *key,
        2 => Unsafe.ReadUnaligned<ushort>(key),
        3 => Unsafe.ReadUnaligned<ushort>(key) | ((ulong)key[2] << 16),
        _ => Unsafe.ReadUnaligned<uint>(key) | ((ulong)Unsafe.ReadUnaligned<uint>(key + size - 4) << (int)((size - 4) * 8)),
    };

    /// <summary>The two halves of the 128-bit product. The multiplier is added again so that a product of 0 is no fixed point.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Fold(ulong value, ulong multiplier)
    {
        ulong factor = multiplier | 1;
        ulong low = value * factor;

        // It hands the lower half over in memory, and waiting for that takes longer than another multiplication. (Asking the machine for the instruction
        // would keep all hashing out of code compiled ahead of time.)
        ulong high = Math.BigMul(value, factor, out _);
        return low ^ BitOperations.RotateLeft(high, 23) ^ multiplier;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Finish(ulong hash)
    {
        hash ^= hash >> 32;
        hash *= Multiplier;
        return (uint)(hash >> 32);
    }
}
