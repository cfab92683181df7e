using System.Buffers.Binary;
using System.Text;

namespace Osmia.Tests.Packets;

/// <summary>Writes capture structures by hand in either byte order, independently of the writers under test.</summary>
internal sealed class CaptureBytes(bool bigEndian)
{
    private readonly List<byte> _bytes = [];

    public byte[] ToArray() => _bytes.ToArray();

    public CaptureBytes U8(params ReadOnlySpan<byte> values)
    {
        _bytes.AddRange(values);
        return this;
    }

    public CaptureBytes U16(int value)
    {
        Span<byte> bytes = stackalloc byte[2];
        if (bigEndian)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
        }
        else
        {
            BinaryPrimitives.WriteUInt16LittleEndian(bytes, (ushort)value);
        }

        return U8(bytes);
    }

    public CaptureBytes U32(uint value) => bigEndian
        ? U16((int)(value >> 16)).U16((int)(value & 0xFFFF))
        : U16((int)(value & 0xFFFF)).U16((int)(value >> 16));

    public CaptureBytes PcapHeader(uint magic, uint linkType = 1, int major = 2) =>
        U32(magic).U16(major).U16(4).U32(0).U32(0).U32(65535).U32(linkType);

    public CaptureBytes PcapRecord(uint seconds, uint fraction, byte[] frame, uint? original = null) =>
        U32(seconds).U32(fraction).U32((uint)frame.Length).U32(original ?? (uint)frame.Length).U8(frame);

    public CaptureBytes Block(uint type, Action<CaptureBytes> body)
    {
        var inner = new CaptureBytes(bigEndian);
        body(inner);
        inner.Pad();
        var bytes = inner.ToArray();
        var length = (uint)bytes.Length + 12;
        return U32(type).U32(length).U8(bytes).U32(length);
    }

    public CaptureBytes Section() => Block(0x0A0D0D0A, b => b.U32(0x1A2B3C4D).U16(1).U16(0).U32(uint.MaxValue).U32(uint.MaxValue));

    public CaptureBytes Interface(int linkType = 1, uint snapLength = 0, string? name = null, byte? resolution = null, long? offsetSeconds = null) => Block(1, b =>
    {
        b.U16(linkType).U16(0).U32(snapLength);
        if (name is not null)
        {
            b.Option(2, Encoding.UTF8.GetBytes(name));
        }

        if (resolution is { } r)
        {
            b.Option(9, [r]);
        }

        if (offsetSeconds is { } seconds)
        {
            var high = (uint)((ulong)seconds >> 32);
            var low = (uint)seconds;
            var value = new CaptureBytes(bigEndian);
            b.Option(14, (bigEndian ? value.U32(high).U32(low) : value.U32(low).U32(high)).ToArray());
        }

        b.U32(0);
    });

    public CaptureBytes Enhanced(uint interfaceId, ulong ticks, byte[] frame, string? comment = null, uint? captured = null) => Block(6, b =>
    {
        b.U32(interfaceId).U32((uint)(ticks >> 32)).U32((uint)ticks).U32(captured ?? (uint)frame.Length).U32((uint)frame.Length).U8(frame).Pad();
        if (comment is not null)
        {
            b.Option(1, Encoding.UTF8.GetBytes(comment)).U32(0);
        }
    });

    public CaptureBytes Option(int code, byte[] value) => U16(code).U16(value.Length).U8(value).Pad();

    public CaptureBytes Pad()
    {
        while (_bytes.Count % 4 != 0)
        {
            _bytes.Add(0);
        }

        return this;
    }
}
