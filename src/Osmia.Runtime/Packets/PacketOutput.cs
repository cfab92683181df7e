using System.Buffers.Binary;
using Osmia.Bytecode;

namespace Osmia.Runtime.Packets;

/// <summary>What became of a packet. The spans last for the call they are handed to.</summary>
public readonly ref struct JudgedPacket
{
    internal JudgedPacket(ProgramType type, in PacketInfo info, ReadOnlySpan<byte> frame, ReadOnlySpan<byte> packet, in ProgramRunResult result)
    {
        Type = type;
        Info = info;
        Frame = frame;
        Packet = packet;
        Result = result;
    }

    public ProgramType Type { get; }

    public PacketInfo Info { get; }

    /// <summary>As it came.</summary>
    public ReadOnlySpan<byte> Frame { get; }

    /// <summary>As the program left it; of a socket filter, the part it keeps.</summary>
    public ReadOnlySpan<byte> Packet { get; }

    public ProgramRunResult Result { get; }

    /// <summary>The packet goes on, to its receiver or elsewhere.</summary>
    public bool IsLetThrough => Verdicts.LetsThrough(Type, Result.ReturnValue);

    /// <summary>It goes back to where it came from (XDP_TX).</summary>
    public bool IsSentBack => Verdicts.SendsBack(Type, Result.ReturnValue);

    /// <summary>It goes to <see cref="ProgramRunResult.Redirect"/>.</summary>
    public bool IsRedirected => Verdicts.Redirects(Type, Result.ReturnValue);
}

/// <summary>Takes packets as a program left them, with its verdicts: a file, or devices.</summary>
public abstract class PacketOutput : IDisposable
{
    private const int LinkHeader = 14;

    // struct xdp_md; its first word comes back as the length of the metadata in front of the packet.
    private const int XdpContextSize = 24;

    private readonly byte[] _packet = new byte[PacketReader.MaxFrameLength];
    private readonly byte[] _context = new byte[XdpContextSize];

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Take(in JudgedPacket packet);

    protected abstract void Dispose(bool disposing);

    /// <summary>Hands on what another output was handed.</summary>
    protected static void HandOn(PacketOutput next, in JudgedPacket packet) => next.Take(packet);

    /// <summary>Runs the program on a frame and takes what comes out.</summary>
    internal ProgramRunResult Run(LoadedProgram program, in PacketInfo info, ReadOnlySpan<byte> frame)
    {
        Span<byte> context = program.Type == ProgramType.Xdp ? _context : default;
        ProgramRunResult result = program.Run(new ProgramRun { Data = frame, DataOut = _packet, ContextOut = context });
        ReadOnlySpan<byte> packet = program.Type switch
        {
            ProgramType.Xdp => Behind(BinaryPrimitives.ReadInt32LittleEndian(_context), result.DataLength),
            ProgramType.SchedCls or ProgramType.SchedAct => Behind(0, result.DataLength),

            // It says how many bytes to keep of what it sees, which begins behind the link-layer header.
            ProgramType.SocketFilter => frame[..(int)Math.Min(frame.Length, Math.Min(LinkHeader, frame.Length) + (long)(uint)result.ReturnValue)],
            _ => frame,
        };
        Take(new JudgedPacket(program.Type, info, frame, packet, result));
        return result;
    }

    /// <summary>Takes a packet that the program saw only in part and could not change.</summary>
    internal void TakeUnchanged(ProgramType type, in PacketInfo info, ReadOnlySpan<byte> frame, in ProgramRunResult result) => Take(new JudgedPacket(type, info, frame, frame, result));

    private ReadOnlySpan<byte> Behind(int metadata, int length) => _packet.AsSpan(metadata, Math.Min(length, _packet.Length) - metadata);
}
