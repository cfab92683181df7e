using System.Buffers.Binary;

namespace Osmia.Runtime.Packets;

/// <summary>Reads integers in the byte order a capture declares for itself.</summary>
internal readonly record struct ByteOrder(bool IsBigEndian)
{
    public ushort U16(ReadOnlySpan<byte> bytes, int offset) => IsBigEndian
        ? BinaryPrimitives.ReadUInt16BigEndian(bytes[offset..])
        : BinaryPrimitives.ReadUInt16LittleEndian(bytes[offset..]);

    public uint U32(ReadOnlySpan<byte> bytes, int offset) => IsBigEndian
        ? BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..])
        : BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    public long I64(ReadOnlySpan<byte> bytes, int offset) => IsBigEndian
        ? BinaryPrimitives.ReadInt64BigEndian(bytes[offset..])
        : BinaryPrimitives.ReadInt64LittleEndian(bytes[offset..]);
}
