using System.Buffers.Binary;

namespace Osmia.Runtime.Packets;

/// <summary>Opens capture files and tells the formats apart by their first bytes.</summary>
public static class PacketFile
{
    public static PacketReader Open(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        FileStream stream;
        try
        {
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw PacketErrors.Unreadable(path, 0, e);
        }

        return Open(stream, path, leaveOpen: false);
    }

    /// <param name="name">What error messages call the stream.</param>
    public static PacketReader Open(Stream stream, string name = "(stream)", bool leaveOpen = false)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var window = new StreamWindow(stream, name, leaveOpen);
        try
        {
            return Detect(window);
        }
        catch
        {
            window.Dispose();
            throw;
        }
    }

    private static PacketReader Detect(StreamWindow window)
    {
        window.TryFill(4);
        var start = window.Peek(4);
        if (start.Length < 4)
        {
            throw PacketErrors.NotACapture(window.Name, start);
        }

        var magic = BinaryPrimitives.ReadUInt32LittleEndian(start);
        if (magic == PcapngFormat.SectionHeader)
        {
            return new PcapngReader(window);
        }

        return PcapFormat.TryIdentify(magic, out var variant)
            ? new PcapReader(window, variant)
            : throw PacketErrors.NotACapture(window.Name, start);
    }
}
