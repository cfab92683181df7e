using System.Text;
using Osmia.Runtime.Packets;

namespace Osmia.Tests.Packets;

internal sealed record ReadPacket(PacketInfo Info, byte[] Frame, string Comment);

internal static class CaptureReading
{
    public static List<ReadPacket> ReadAll(byte[] file)
    {
        using var reader = PacketFile.Open(new MemoryStream(file), "test");
        var packets = new List<ReadPacket>();
        while (reader.TryRead(out var info, out var frame))
        {
            packets.Add(new ReadPacket(info, frame.ToArray(), Encoding.UTF8.GetString(reader.CommentUtf8)));
        }

        return packets;
    }

    public static PacketFileException Refusal(byte[] file) => Assert.Throws<PacketFileException>(() => ReadAll(file));
}
