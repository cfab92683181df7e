using System.Buffers.Binary;
using System.Text;

namespace Osmia.Kernel.Syscalls;

/// <summary>Messages and attributes that rtnetlink(7) answers with.</summary>
internal static class NetlinkQuery
{
    public const ushort GetLink = 18;
    public const ushort GetQueue = 38;
    public const ushort GetClass = 42;
    public const int TrafficHeaderSize = 20;
    public const int KindAttribute = 1;
    public const int OptionsAttribute = 2;

    private const int TypeMask = 0x3fff;

    public static byte[] TrafficHeader(int device, uint parent)
    {
        byte[] header = new byte[TrafficHeaderSize];
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(4), device);
        BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(12), parent);
        return header;
    }

    /// <summary>By type; a type that comes twice keeps the last.</summary>
    public static Dictionary<int, ReadOnlyMemory<byte>> Attributes(ReadOnlyMemory<byte> bytes)
    {
        var found = new Dictionary<int, ReadOnlyMemory<byte>>();
        for (int at = 0; at + 4 <= bytes.Length;)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[at..]);
            if (length < 4 || length > bytes.Length - at)
            {
                break;
            }

            found[BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[(at + 2)..]) & TypeMask] = bytes.Slice(at + 4, length - 4);
            at += (length + 3) & ~3;
        }

        return found;
    }

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span).TrimEnd('\0');

    public static uint Number(ReadOnlyMemory<byte> bytes) => bytes.Length >= 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) : 0;
}
