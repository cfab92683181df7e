using System.Buffers.Binary;
using Osmia.Bytecode;

namespace Osmia.Runtime.Packets;

/// <summary>
/// Writes the packets that a program lets through to a pcapng file, as the program left them, with the time they were captured at. A packet that is
/// sent elsewhere (XDP_TX, redirects) carries a comment that says so; what is dropped is not written.
/// </summary>
public sealed class PacketRecorder : IDisposable
{
    private const int LinkHeader = 14;

    // struct xdp_md; its first word comes back as the length of the metadata in front of the packet.
    private const int XdpContextSize = 24;

    private readonly PcapngWriter _writer;
    private readonly Dictionary<(int Id, PacketLinkType Type), int> _interfaces = [];
    private readonly byte[] _packet = new byte[PacketReader.MaxFrameLength];
    private readonly byte[] _context = new byte[XdpContextSize];

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

    /// <summary>Runs the program on a frame and writes what comes out.</summary>
    internal ProgramRunResult Run(LoadedProgram program, in PacketInfo info, ReadOnlySpan<byte> frame)
    {
        Span<byte> context = program.Type == ProgramType.Xdp ? _context : default;
        ProgramRunResult result = program.Run(new ProgramRun { Data = frame, DataOut = _packet, ContextOut = context });
        Write(program.Type, info, frame, result);
        return result;
    }

    public void Dispose() => _writer.Dispose();

    internal void Write(ProgramType type, in PacketInfo info, ReadOnlySpan<byte> frame, in ProgramRunResult result)
    {
        if (!Verdicts.LetsThrough(type, result.ReturnValue))
        {
            return;
        }

        ReadOnlySpan<byte> packet = frame;
        switch (type)
        {
            case ProgramType.Xdp:
                int metadata = BinaryPrimitives.ReadInt32LittleEndian(_context);
                packet = _packet.AsSpan(metadata, Math.Min(result.DataLength, _packet.Length) - metadata);
                break;
            case ProgramType.SchedCls or ProgramType.SchedAct:
                packet = _packet.AsSpan(0, Math.Min(result.DataLength, _packet.Length));
                break;
            case ProgramType.SocketFilter:
                // It says how many bytes to keep of what it sees, which begins behind the link-layer header.
                packet = frame[..(int)Math.Min(frame.Length, Math.Min(LinkHeader, frame.Length) + (long)(uint)result.ReturnValue)];
                break;
        }

        // A packet that the program made longer or shorter has its new length on the wire.
        bool isChanged = type is not ProgramType.SocketFilter && packet.Length != frame.Length;
        uint wire = isChanged ? (uint)packet.Length : info.OriginalLength;
        _writer.Write(InterfaceOf(info), Math.Max(0, info.TimestampNs), packet, wire, Verdicts.CommentOf(type, result));
        Packets++;
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
