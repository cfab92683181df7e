namespace Osmia.Runtime.Packets;

/// <summary>
/// Reads the frames of a capture or a device one after the other, without allocating per frame. Not thread-safe. Bad files raise
/// <see cref="PacketFileException"/> and nothing else; the frames before the bad place have been delivered by then.
/// </summary>
public abstract class PacketReader : IDisposable
{
    /// <summary>Longest frame accepted, the limit most capture tools share.</summary>
    public const int MaxFrameLength = 256 * 1024;

    private readonly StreamWindow? _window;

    private protected PacketReader(StreamWindow window) => _window = window;

    /// <summary>For sources that are no files, such as a device.</summary>
    protected PacketReader()
    {
    }

    /// <summary>The interfaces described so far in the current section; a pcap file has exactly one.</summary>
    public abstract IReadOnlyList<PacketInterface> Interfaces { get; }

    /// <summary>The comment of the frame read last, as UTF-8; empty where there is none. Valid until the next read.</summary>
    public virtual ReadOnlySpan<byte> CommentUtf8 => default;

    private protected StreamWindow Window => _window!;

    /// <summary>False at the end of the file. The frame is a view that lasts until the next call.</summary>
    public abstract bool TryRead(out PacketInfo info, out ReadOnlySpan<byte> frame);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing) => _window?.Dispose();
}
