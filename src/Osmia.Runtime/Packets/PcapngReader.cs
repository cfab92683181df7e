using System.Text;

namespace Osmia.Runtime.Packets;

internal sealed class PcapngReader : PacketReader
{
    private readonly List<PacketInterface> _interfaces = [];
    private ByteOrder _order;
    private long _blockStart;

    private int _commentLength;
    private byte[] _comment = [];

    internal PcapngReader(StreamWindow window)
        : base(window) => ReadSectionHeader();

    public override IReadOnlyList<PacketInterface> Interfaces => _interfaces;

    public override ReadOnlySpan<byte> CommentUtf8 => _comment.AsSpan(0, _commentLength);

    public override bool TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame)
    {
        _commentLength = 0;
        while (Window.TryFill(1))
        {
            _blockStart = Window.Position;
            Require(8, "a block header");
            var head = Window.Peek(8);
            switch (_order.U32(head, 0))
            {
                case PcapngFormat.SectionHeader:
                    ReadSectionHeader();
                    break;
                case PcapngFormat.InterfaceDescription:
                    ReadInterface(ReadBlock(minimum: 20));
                    break;
                case PcapngFormat.EnhancedPacket:
                    ReadEnhancedPacket(ReadBlock(minimum: 32), out info, out frame);
                    return true;
                case PcapngFormat.SimplePacket:
                    ReadSimplePacket(ReadBlock(minimum: 16), out info, out frame);
                    return true;
                case PcapngFormat.ObsoletePacket:
                    ReadObsoletePacket(ReadBlock(minimum: 32), out info, out frame);
                    return true;
                default:
                    SkipBlock(_order.U32(head, 4));
                    break;
            }
        }

        info = default;
        frame = default;
        return false;
    }

    private void ReadSectionHeader()
    {
        _blockStart = Window.Position;
        Require(12, "a section header");
        var magic = Window.Peek(12)[8..];
        if (new ByteOrder(false).U32(magic, 0) == PcapngFormat.ByteOrderMagic)
        {
            _order = new ByteOrder(false);
        }
        else if (new ByteOrder(true).U32(magic, 0) == PcapngFormat.ByteOrderMagic)
        {
            _order = new ByteOrder(true);
        }
        else
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart + 8, $"a section starts with byte order {Convert.ToHexString(magic)}", "it must be 1A2B3C4D in one of the two byte orders");
        }

        var block = ReadBlock(minimum: 28);
        var major = _order.U16(block, 12);
        var minor = _order.U16(block, 14);
        if (major != 1)
        {
            throw PacketErrors.Unsupported(Window.Name, _blockStart + 12, $"pcapng version {major}.{minor}", "only version 1 of the format is known");
        }

        _interfaces.Clear();
    }

    private void ReadInterface(ReadOnlySpan<byte> block)
    {
        if (_interfaces.Count == PcapngFormat.MaxInterfaces)
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart, $"a section describes more than {PcapngFormat.MaxInterfaces} interfaces", "no host has that many");
        }

        var name = "";
        var scale = TimestampScale.Microseconds;
        var options = new PcapngOptions(block[16..^4], _order);
        while (options.MoveNext())
        {
            switch (options.Code)
            {
                case PcapngFormat.OptionInterfaceName:
                    name = Encoding.UTF8.GetString(options.Value).TrimEnd('\0');
                    break;
                case PcapngFormat.OptionTimestampResolution when options.Value.Length >= 1:
                    scale = scale with { Resolution = options.Value[0] };
                    break;
                case PcapngFormat.OptionTimestampOffset when options.Value.Length >= 8:
                    scale = scale with { OffsetSeconds = _order.I64(options.Value, 0) };
                    break;
            }
        }

        RefuseBroken(options);
        _interfaces.Add(new PacketInterface(name, (PacketLinkType)_order.U16(block, 8), _order.U32(block, 12)) { Scale = scale });
    }

    private void ReadEnhancedPacket(ReadOnlySpan<byte> block, out PacketInfo info, out ReadOnlySpan<byte> frame) =>
        ReadPacket(block, _order.U32(block, 8), out info, out frame);

    // Differs from the enhanced packet only in sharing the interface word with a drop counter.
    private void ReadObsoletePacket(ReadOnlySpan<byte> block, out PacketInfo info, out ReadOnlySpan<byte> frame) =>
        ReadPacket(block, _order.U16(block, 8), out info, out frame);

    private void ReadPacket(ReadOnlySpan<byte> block, uint interfaceId, out PacketInfo info, out ReadOnlySpan<byte> frame)
    {
        const int Header = 28;
        var source = InterfaceOf(interfaceId);
        var ticks = (ulong)_order.U32(block, 12) << 32 | _order.U32(block, 16);
        var captured = CheckedLength(_order.U32(block, 20), block.Length - Header - 4);
        frame = block.Slice(Header, captured);
        info = new PacketInfo(source.Scale.ToNanoseconds(ticks), (int)interfaceId, captured, _order.U32(block, 24), source.LinkType);

        var options = new PcapngOptions(block[(Header + PcapngFormat.Padded(captured))..^4], _order);
        while (options.MoveNext())
        {
            if (options.Code == PcapngFormat.OptionComment && _commentLength == 0)
            {
                KeepComment(options.Value);
            }
        }

        RefuseBroken(options);
    }

    private void ReadSimplePacket(ReadOnlySpan<byte> block, out PacketInfo info, out ReadOnlySpan<byte> frame)
    {
        const int Header = 12;
        var source = InterfaceOf(0);
        var original = _order.U32(block, 8);
        var limit = source.SnapLength == 0 ? uint.MaxValue : source.SnapLength;
        var captured = CheckedLength(Math.Min(original, limit), block.Length - Header - 4);
        frame = block.Slice(Header, captured);
        info = new PacketInfo(0, 0, captured, original, source.LinkType);
    }

    private PacketInterface InterfaceOf(uint id) => id < (uint)_interfaces.Count
        ? _interfaces[(int)id]
        : throw PacketErrors.UnknownInterface(Window.Name, _blockStart, id, _interfaces.Count);

    private int CheckedLength(uint captured, int room)
    {
        if (captured > MaxFrameLength || captured > room)
        {
            throw PacketErrors.BadLength(
                Window.Name,
                _blockStart,
                $"a frame claims {captured} captured bytes",
                captured > room ? $"its block has room for {room}" : $"no frame is longer than {MaxFrameLength} bytes");
        }

        return (int)captured;
    }

    private void RefuseBroken(PcapngOptions options)
    {
        if (options.IsBroken)
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart, "an option does not fit its block", "each option must end before the block's closing length");
        }
    }

    private void KeepComment(ReadOnlySpan<byte> comment)
    {
        if (_comment.Length < comment.Length)
        {
            _comment = new byte[Math.Max(256, comment.Length)];
        }

        comment.CopyTo(_comment);
        _commentLength = comment.Length;
    }

    /// <summary>The whole block at the window's position, both lengths checked and consumed.</summary>
    private ReadOnlySpan<byte> ReadBlock(int minimum)
    {
        var length = _order.U32(Window.Peek(8), 4);
        RefuseBadBlockLength(length, minimum);
        if (length > PcapngFormat.MaxBlockLength)
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart + 4, $"a block claims {length} bytes", $"blocks of its type are at most {PcapngFormat.MaxBlockLength} bytes long here");
        }

        Require((int)length, "a block");
        var block = Window.Peek((int)length);
        RefuseDifferentLengths(length, _order.U32(block, block.Length - 4));
        Window.Advance((int)length);
        return block;
    }

    private void SkipBlock(uint length)
    {
        RefuseBadBlockLength(length, PcapngFormat.MinBlockLength);
        var skipped = Window.Skip(length - 4);
        if (skipped < length - 4 || !Window.TryFill(4))
        {
            throw PacketErrors.CutShort(Window.Name, _blockStart, "a block", length, skipped + Window.Buffered);
        }

        RefuseDifferentLengths(length, _order.U32(Window.Peek(4), 0));
        Window.Advance(4);
    }

    private void RefuseBadBlockLength(uint length, int minimum)
    {
        if (length < minimum || length % 4 != 0)
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart + 4, $"a block claims {length} bytes", $"blocks of its type have at least {minimum} bytes and always a multiple of 4");
        }
    }

    private void RefuseDifferentLengths(uint first, uint last)
    {
        if (first != last)
        {
            throw PacketErrors.BadLength(Window.Name, _blockStart, $"a block starts with length {first} and ends with length {last}", "the two must be equal");
        }
    }

    private void Require(int count, string part)
    {
        if (!Window.TryFill(count))
        {
            throw PacketErrors.CutShort(Window.Name, _blockStart, part, count, Window.Buffered);
        }
    }
}
