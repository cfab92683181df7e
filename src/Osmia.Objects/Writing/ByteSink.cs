using System.Buffers;
using System.Buffers.Binary;

namespace Osmia.Objects.Writing;

/// <summary>Bytes in the order of a byte order; grows as it is written.</summary>
internal sealed class ByteSink(bool bigEndian)
{
    private readonly ArrayBufferWriter<byte> _bytes = new();

    public int Length => _bytes.WrittenCount;

    public void Put8(int value)
    {
        _bytes.GetSpan(1)[0] = (byte)value;
        _bytes.Advance(1);
    }

    public void Put16(int value)
    {
        Span<byte> span = _bytes.GetSpan(2);
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt16BigEndian(span, (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(span, (ushort)value);
        }

        _bytes.Advance(2);
    }

    public void Put32(uint value)
    {
        Span<byte> span = _bytes.GetSpan(4);
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt32BigEndian(span, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(span, value);
        }

        _bytes.Advance(4);
    }

    public void Put64(ulong value)
    {
        Span<byte> span = _bytes.GetSpan(8);
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt64BigEndian(span, value);
        }
        else
        {
            BinaryPrimitives.WriteUInt64LittleEndian(span, value);
        }

        _bytes.Advance(8);
    }

    public void Put(ReadOnlySpan<byte> bytes) => _bytes.Write(bytes);

    public void PadTo(int length)
    {
        while (Length < length)
        {
            int count = Math.Min(length - Length, 4096);
            _bytes.GetSpan(count)[..count].Clear();
            _bytes.Advance(count);
        }
    }

    public void Align(int alignment) => PadTo((int)Place.Align(Length, alignment));

    public byte[] ToArray() => _bytes.WrittenSpan.ToArray();
}

internal static class Place
{
    /// <summary>The next multiple of an alignment.</summary>
    public static long Align(long offset, int alignment) => alignment <= 1 ? offset : (offset + alignment - 1) / alignment * alignment;
}
