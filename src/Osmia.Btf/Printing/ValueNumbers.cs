using System.Buffers.Binary;

namespace Osmia.Btf.Printing;

/// <summary>The numbers in a value: reading one, and adding up the values of several CPUs.</summary>
public static class ValueNumbers
{
    /// <summary>Reads an integer, enumerator or bit-field; false when it is none or its bytes are missing.</summary>
    public static bool TryRead(ShapeMember member, ReadOnlySpan<byte> composite, out long number)
    {
        return member.BitSize == 0
            ? TryRead(member.Shape, At(composite, member.ByteOffset, member.Shape.Size), out number)
            : TryReadBits(composite, member, out number);
    }

    /// <inheritdoc cref="TryRead(ShapeMember, ReadOnlySpan{byte}, out long)"/>
    public static bool TryRead(ValueShape shape, ReadOnlySpan<byte> value, out long number)
    {
        bool isNumber = shape.Kind is ShapeKind.Integer or ShapeKind.Enum or ShapeKind.Bool or ShapeKind.Pointer
            && shape.Size <= 8 && value.Length >= shape.Size;
        number = isNumber ? Read(shape, value) : 0;
        return isNumber;
    }

    /// <summary>
    /// Adds a value to a sum of the same shape: what can be summed is; of the rest the first value that is not all zero stays.
    /// </summary>
    public static void Add(ValueShape shape, Span<byte> sum, ReadOnlySpan<byte> value)
    {
        if (sum.Length < shape.Size || value.Length < shape.Size)
        {
            return;
        }

        switch (shape.Kind)
        {
            case ShapeKind.Integer when shape.IsSummable:
                long total = unchecked(Read(shape, sum) + Read(shape, value));
                Write(shape, sum, total);
                break;
            case ShapeKind.Array when shape.IsSummable:
                long size = shape.Element!.Size;
                for (int i = 0; size > 0 && i < shape.Count; i++)
                {
                    Add(shape.Element, sum[(int)(i * size)..], value[(int)(i * size)..]);
                }

                break;
            case ShapeKind.Composite:
                foreach (ShapeMember member in shape.Members)
                {
                    if (member.BitSize == 0 && member.ByteOffset + member.Shape.Size <= sum.Length)
                    {
                        Add(member.Shape, sum[(int)member.ByteOffset..], value[(int)member.ByteOffset..]);
                    }
                }

                break;
            default:
                Span<byte> kept = sum[..(int)shape.Size];
                if (!kept.ContainsAnyExcept((byte)0))
                {
                    value[..(int)shape.Size].CopyTo(kept);
                }

                break;
        }
    }

    private static void Write(ValueShape shape, Span<byte> target, long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
        if (shape.IsNetworkOrder)
        {
            bytes[..(int)shape.Size].Reverse();
        }

        bytes[..(int)shape.Size].CopyTo(target);
    }

    internal static ReadOnlySpan<byte> At(ReadOnlySpan<byte> value, long offset, long size) =>
        offset >= value.Length ? default : value.Slice((int)offset, (int)Math.Min(size, value.Length - offset));

    internal static long Read(ValueShape shape, ReadOnlySpan<byte> value) => (shape.Size, shape.IsSigned, shape.IsNetworkOrder) switch
    {
        (1, false, _) => value[0],
        (1, true, _) => (sbyte)value[0],
        (2, false, false) => BinaryPrimitives.ReadUInt16LittleEndian(value),
        (2, false, true) => BinaryPrimitives.ReadUInt16BigEndian(value),
        (2, true, false) => BinaryPrimitives.ReadInt16LittleEndian(value),
        (2, true, true) => BinaryPrimitives.ReadInt16BigEndian(value),
        (4, false, false) => BinaryPrimitives.ReadUInt32LittleEndian(value),
        (4, false, true) => BinaryPrimitives.ReadUInt32BigEndian(value),
        (4, true, false) => BinaryPrimitives.ReadInt32LittleEndian(value),
        (4, true, true) => BinaryPrimitives.ReadInt32BigEndian(value),
        (_, _, false) => BinaryPrimitives.ReadInt64LittleEndian(value),
        _ => BinaryPrimitives.ReadInt64BigEndian(value),
    };

    /// <summary>A <c>float</c> or <c>double</c>.</summary>
    internal static double ReadFloat(ValueShape shape, ReadOnlySpan<byte> value) => (shape.Size, shape.IsNetworkOrder) switch
    {
        (4, false) => BinaryPrimitives.ReadSingleLittleEndian(value),
        (4, true) => BinaryPrimitives.ReadSingleBigEndian(value),
        (_, false) => BinaryPrimitives.ReadDoubleLittleEndian(value),
        _ => BinaryPrimitives.ReadDoubleBigEndian(value),
    };

    internal static bool TryReadBits(ReadOnlySpan<byte> composite, ShapeMember member, out long bits)
    {
        bits = 0;
        int shift = (int)(member.BitOffset % 8);
        int length = (shift + member.BitSize + 7) / 8;
        ReadOnlySpan<byte> bytes = At(composite, member.ByteOffset, length);
        if (bytes.Length < length || member.BitSize > 64)
        {
            return false;
        }

        // Bits are counted from the low end of the first byte; in big-endian types from its high end.
        UInt128 whole = 0;
        bool isBigEndian = member.IsBigEndian;
        for (int i = 0; i < length; i++)
        {
            whole = (whole << 8) | bytes[isBigEndian ? i : length - 1 - i];
        }

        shift = isBigEndian ? length * 8 - shift - member.BitSize : shift;

        int unused = 64 - member.BitSize;
        ulong value = (ulong)(whole >> shift) << unused;
        bits = member.Shape.IsSigned ? (long)value >> unused : (long)(value >> unused);
        return true;
    }
}
