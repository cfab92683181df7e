namespace Osmia.Runtime.Packets;

internal sealed class PcapReader : PacketReader
{
    private readonly ByteOrder _order;
    private readonly long _fractionInNs;
    private readonly PacketInterface[] _interfaces;

    internal PcapReader(StreamWindow window, PcapVariant variant)
        : base(window)
    {
        _order = new ByteOrder(variant.IsBigEndian);
        _fractionInNs = variant.HasNanoseconds ? 1 : 1000;
        if (variant.IsModified)
        {
            throw PacketErrors.Unsupported(window.Name, 0, "the modified pcap format (magic A1B2CD34)", "its record header has several layouts that cannot be told apart");
        }

        if (!window.TryFill(PcapFormat.FileHeaderLength))
        {
            throw PacketErrors.CutShort(window.Name, 0, "the file header", PcapFormat.FileHeaderLength, window.Buffered);
        }

        var header = window.Peek(PcapFormat.FileHeaderLength);
        var major = _order.U16(header, 4);
        var minor = _order.U16(header, 6);
        if (major != PcapFormat.MajorVersion)
        {
            throw PacketErrors.Unsupported(window.Name, 4, $"pcap version {major}.{minor}", "only version 2 of the format is known");
        }

        // The upper half of the link type field tells the length of a frame check sequence.
        var linkType = (PacketLinkType)(ushort)_order.U32(header, 20);
        _interfaces = [new PacketInterface("", linkType, _order.U32(header, 16))];
        window.Advance(PcapFormat.FileHeaderLength);
    }

    public override IReadOnlyList<PacketInterface> Interfaces => _interfaces;

    public override bool TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame)
    {
        info = default;
        frame = default;
        var position = Window.Position;
        if (!Window.TryFill(PcapFormat.RecordHeaderLength))
        {
            return Window.Buffered == 0
                ? false
                : throw PacketErrors.CutShort(Window.Name, position, "a record header", PcapFormat.RecordHeaderLength, Window.Buffered);
        }

        var header = Window.Peek(PcapFormat.RecordHeaderLength);
        var timestamp = _order.U32(header, 0) * 1_000_000_000L + _order.U32(header, 4) * _fractionInNs;
        var captured = _order.U32(header, 8);
        var original = _order.U32(header, 12);
        if (captured > MaxFrameLength)
        {
            throw PacketErrors.BadLength(Window.Name, position + 8, $"a frame claims {captured} captured bytes", $"no frame is longer than {MaxFrameLength} bytes");
        }

        var length = PcapFormat.RecordHeaderLength + (int)captured;
        if (!Window.TryFill(length))
        {
            throw PacketErrors.CutShort(Window.Name, position, "a frame", length, Window.Buffered);
        }

        frame = Window.Peek(length)[PcapFormat.RecordHeaderLength..];
        Window.Advance(length);
        info = new PacketInfo(timestamp, 0, (int)captured, original, _interfaces[0].LinkType);
        return true;
    }
}
