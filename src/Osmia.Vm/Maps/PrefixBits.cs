using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Osmia.Vm.Maps;

/// <summary>The first bits of a prefix's data, most significant bit of the first byte first, a word at a time.</summary>
internal static unsafe class PrefixBits
{
    public const uint WordBits = 64;

    /// <summary>
    /// The bits of one word that lie within a prefix, the others as zeros: bit 0 of byte 0 is in the lowest byte. Nothing behind the data is read.
    /// </summary>
    /// <param name="word">Begins at byte 8 * word; a prefix that ends there or before has no bit in it.</param>
    /// <param name="size">Bytes of data.</param>
    /// <param name="length">Bits of the prefix, more than 64 * word, or 0.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong WordOf(byte* data, uint word, uint size, uint length)
    {
        uint bits = length - (word * WordBits);
        ulong mask = bits >= WordBits ? ulong.MaxValue : BinaryPrimitives.ReverseEndianness(~(ulong.MaxValue >> (int)bits));
        return Read(data + (word * sizeof(ulong)), size - (word * sizeof(ulong))) & mask;
    }

    /// <summary>The bits within a prefix of data of four bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint MaskOf(uint length) => BinaryPrimitives.ReverseEndianness((uint)(0xffff_ffff_0000_0000 >> (int)length));

    /// <summary>Whether two have the first bits in common.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreEqual(byte* left, byte* right, uint size, uint length)
    {
        for (uint word = 0; word * WordBits < length; word++)
        {
            if (WordOf(left, word, size, length) != WordOf(right, word, size, length))
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Read(byte* data, uint size)
    {
        if (size >= sizeof(ulong))
        {
            return Unsafe.ReadUnaligned<ulong>(data);
        }

        return size == sizeof(uint) ? Unsafe.ReadUnaligned<uint>(data) : ReadBytes(data, size);
    }

    private static ulong ReadBytes(byte* data, uint size)
    {
        ulong value = 0;
        for (uint i = 0; i < size; i++)
        {
            value |= (ulong)data[i] << (int)(8 * i);
        }

        return value;
    }
}
