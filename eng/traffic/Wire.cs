using System.Net;
using System.Text;

namespace Osmia.Traffic;

/// <summary>Pieces of the protocols carried.</summary>
internal static class Wire
{
    public static byte[] U16(int value) => [(byte)(value >> 8), (byte)value];

    public static byte[] U32(uint value) => [.. U16((int)(value >> 16)), .. U16((int)(value & 0xFFFF))];

    public static byte[] MacBytes(IPAddress ip)
    {
        var bytes = new byte[6];
        Net.MacOf(ip).CopyTo(bytes);
        return bytes;
    }

    public static byte[] DnsName(string name) => [.. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0];

    public static byte[] TlsRecord(byte kind, byte[] body) => body.Length <= 16_384
        ? [kind, 3, 3, .. U16(body.Length), .. body]
        : [.. TlsRecord(kind, body[..16_384]), .. TlsRecord(kind, body[16_384..])];

    public static byte[] TlsHandshake(byte kind, byte[] body) => [kind, 0, .. U16(body.Length), .. body];

    public static byte[] ClientHello(Network net, string host)
    {
        byte[] name = [0, .. U16(host.Length), .. Encoding.ASCII.GetBytes(host)];
        byte[] extensions = [0, 0, .. U16(name.Length + 2), .. U16(name.Length), .. name, 0, 43, 0, 3, 2, 3, 4, 0, 10, 0, 4, 0, 2, 0, 29, 0, 51, 0, 38, 0, 36, 0, 29, 0, 32, .. net.Random.Bytes(32)];
        return TlsHandshake(1, [3, 3, .. net.Random.Bytes(32), 32, .. net.Random.Bytes(32), 0, 4, 0x13, 1, 0x13, 3, 1, 0, .. U16(extensions.Length), .. extensions]);
    }

    public static byte[] ServerHello(Network net)
    {
        byte[] extensions = [0, 43, 0, 2, 3, 4, 0, 51, 0, 36, 0, 29, 0, 32, .. net.Random.Bytes(32)];
        return TlsHandshake(2, [3, 3, .. net.Random.Bytes(32), 32, .. net.Random.Bytes(32), 0x13, 1, 0, .. U16(extensions.Length), .. extensions]);
    }

    /// <summary>An SSH packet as it is before keys are agreed: length, padding length, message, padding.</summary>
    public static byte[] SshPacket(byte[] message)
    {
        var padding = 16 - (message.Length + 5) % 8;
        return [.. U32((uint)(message.Length + padding + 1)), (byte)padding, .. message, .. new byte[padding]];
    }

    public static byte[] SshKeyInit(Network net)
    {
        string[] lists = ["curve25519-sha256", "ssh-ed25519", "aes128-ctr", "aes128-ctr", "hmac-sha2-256", "hmac-sha2-256", "none", "none", "", ""];
        byte[] body = [20, .. net.Random.Bytes(16), .. lists.SelectMany(l => (byte[])[.. U32((uint)l.Length), .. Encoding.ASCII.GetBytes(l)]), 0, .. U32(0)];
        return SshPacket(body);
    }
}
