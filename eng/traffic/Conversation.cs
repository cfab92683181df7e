using System.Net;
using System.Net.Sockets;
using Osmia.Runtime.Packets.Frames;
using static Osmia.Traffic.Wire;

namespace Osmia.Traffic;

/// <summary>A TCP connection between a client and a server; disposal closes it.</summary>
internal sealed class Conversation : IDisposable
{
    private readonly Network _net;
    private readonly Clock _clock;
    private readonly Side _client;
    private readonly Side _server;
    private readonly int? _vlan;
    private readonly bool _isReset;
    private readonly int _segment;
    private uint _tick;

    public Conversation(Network net, double start, IPAddress client, IPAddress server, ushort port, int? vlan = null, bool isReset = false)
    {
        _net = net;
        _clock = new Clock(net, start);
        _client = new Side(client, net.NextPort(), (uint)net.Random.Next());
        _server = new Side(server, port, (uint)net.Random.Next());
        _vlan = vlan;
        _isReset = isReset;
        _segment = client.AddressFamily == AddressFamily.InterNetwork ? 1448 : 1428;
        _tick = (uint)net.Random.Next();
        Send(_client, _server, TcpFlags.Syn, []);
        Send(_server, _client, TcpFlags.Syn | TcpFlags.Ack, []);
        Send(_client, _server, TcpFlags.Ack, []);
    }

    public static void Refused(Network net, double start, IPAddress client, IPAddress server, ushort port)
    {
        var clock = new Clock(net, start);
        var source = net.NextPort();
        var sequence = (uint)net.Random.Next();
        net.Add(clock.After(100), net.Ip(client, server).Tcp(source, port, sequence, 0, TcpFlags.Syn, options: [2, 4, 5, 0xB4]).Build(60));
        net.Add(clock.After(100), net.Ip(server, client).Tcp(port, source, 0, sequence + 1, TcpFlags.Rst | TcpFlags.Ack, 0).Build(60));
    }

    public void Say(ReadOnlySpan<byte> data) => Transfer(_client, _server, data, false);

    /// <param name="loseFirst">The first segment is sent again after a fifth of a second.</param>
    public void Hear(ReadOnlySpan<byte> data, bool loseFirst = false) => Transfer(_server, _client, data, loseFirst);

    public void Dispose()
    {
        if (_isReset)
        {
            Send(_client, _server, TcpFlags.Rst | TcpFlags.Ack, []);
            return;
        }

        Send(_client, _server, TcpFlags.Fin | TcpFlags.Ack, []);
        Send(_server, _client, TcpFlags.Fin | TcpFlags.Ack, []);
        Send(_client, _server, TcpFlags.Ack, []);
    }

    private void Transfer(Side from, Side to, ReadOnlySpan<byte> data, bool loseFirst)
    {
        for (var i = 0; !data.IsEmpty; i++)
        {
            var part = data[..Math.Min(_segment, data.Length)];
            data = data[part.Length..];
            Send(from, to, data.IsEmpty ? TcpFlags.Psh | TcpFlags.Ack : TcpFlags.Ack, part);
            if (loseFirst && i == 0)
            {
                from.Sequence -= (uint)part.Length;
                Send(from, to, TcpFlags.Psh | TcpFlags.Ack, part, 204_000);
            }

            if (i % 2 == 1 || data.IsEmpty)
            {
                Send(to, from, TcpFlags.Ack, []);
            }
        }
    }

    private void Send(Side from, Side to, TcpFlags flags, ReadOnlySpan<byte> data, int afterUs = 350)
    {
        var isSyn = flags.HasFlag(TcpFlags.Syn);
        byte[] times = [8, 10, .. U32(_tick++), .. U32(isSyn && flags == TcpFlags.Syn ? 0 : _tick - 2)];
        byte[] options = isSyn ? [2, 4, 5, 0xB4, 4, 2, .. times, 1, 3, 3, 7] : [1, 1, .. times];
        var acknowledgment = flags == TcpFlags.Syn ? 0 : to.Sequence;
        _net.Add(_clock.After(afterUs), _net.Ip(from.Address, to.Address, vlan: _vlan).Tcp(from.Port, to.Port, from.Sequence, acknowledgment, flags, isSyn ? (ushort)64_240 : (ushort)502, options).Payload(data).Build(60));
        from.Sequence += (uint)data.Length + ((flags & (TcpFlags.Syn | TcpFlags.Fin)) != 0 ? 1u : 0);
    }

    private sealed class Side(IPAddress address, ushort port, uint sequence)
    {
        public IPAddress Address => address;

        public ushort Port => port;

        public uint Sequence { get; set; } = sequence;
    }
}
