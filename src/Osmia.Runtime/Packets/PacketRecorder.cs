using Osmia.Bytecode;

namespace Osmia.Runtime.Packets;

/// <summary>
/// Writes the packets that a program lets through to a pcapng file, as the program left them, with the time they were captured at. A packet that is
/// sent elsewhere (XDP_TX, redirects) carries a comment that says so; what is dropped is not written.
/// </summary>
public sealed class PacketRecorder : PacketOutput
{
    private readonly PcapngWriter _writer;
    private readonly Dictionary<(int Id, PacketLinkType Type), int> _interfaces = [];

    public PacketRecorder(Stream stream, bool leaveOpen = false) => _writer = new PcapngWriter(stream, "osmia", leaveOpen);

    /// <summary>Packets written.</summary>
    public long Packets { get; private set; }

    public static PacketRecorder Create(string path)
    {
        try
        {
            return new PacketRecorder(new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 1 << 16));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw PacketErrors.Unwritable(path, e);
        }
    }

    protected override void Take(in JudgedPacket packet)
    {
        if (!packet.IsLetThrough)
        {
            return;
        }

        // A packet that the program made longer or shorter has its new length on the wire.
        bool isChanged = packet.Type is not ProgramType.SocketFilter && packet.Packet.Length != packet.Frame.Length;
        uint wire = isChanged ? (uint)packet.Packet.Length : packet.Info.OriginalLength;
        _writer.Write(InterfaceOf(packet.Info), Math.Max(0, packet.Info.TimestampNs), packet.Packet, wire, Verdicts.CommentOf(packet.Type, packet.Result));
        Packets++;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _writer.Dispose();
        }
    }

    private int InterfaceOf(in PacketInfo info)
    {
        if (!_interfaces.TryGetValue((info.InterfaceId, info.LinkType), out int id))
        {
            _interfaces[(info.InterfaceId, info.LinkType)] = id = _writer.AddInterface(info.LinkType);
        }

        return id;
    }
}
