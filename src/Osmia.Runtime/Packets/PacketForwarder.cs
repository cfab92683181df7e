namespace Osmia.Runtime.Packets;

/// <summary>Where frames can be sent: a device.</summary>
public interface IPacketSink : IDisposable
{
    void Send(ReadOnlySpan<byte> frame);
}

/// <summary>
/// Carries out a program's verdicts on live packets: what it sends back goes out where it came from, what it redirects to the device of that number.
/// What it lets through goes to <paramref name="onward"/>; a packet that was only copied from a device is its receiver's already.
/// </summary>
/// <param name="back">Takes what is sent back; null drops it.</param>
/// <param name="open">Opens the device of an interface number, when the first packet is sent there; null when there is none.</param>
/// <param name="recorder">Is handed every packet too; the caller's to dispose.</param>
public sealed class PacketForwarder(IPacketSink? back, IPacketSink? onward, Func<uint, IPacketSink?> open, PacketRecorder? recorder = null) : PacketOutput
{
    private readonly Dictionary<uint, IPacketSink?> _devices = [];

    public long SentBack { get; private set; }

    public long SentOnward { get; private set; }

    public long Redirected { get; private set; }

    /// <summary>Redirected to an interface that is not there.</summary>
    public long Undeliverable { get; private set; }

    protected override void Take(in JudgedPacket packet)
    {
        if (recorder is not null)
        {
            HandOn(recorder, packet);
        }

        if (packet.IsSentBack)
        {
            back?.Send(packet.Packet);
            SentBack++;
        }
        else if (packet.IsRedirected)
        {
            uint index = packet.Result.Redirect.InterfaceIndex;
            if (!_devices.TryGetValue(index, out IPacketSink? device))
            {
                _devices[index] = device = open(index);
            }

            device?.Send(packet.Packet);
            (Redirected, Undeliverable) = device is null ? (Redirected, Undeliverable + 1) : (Redirected + 1, Undeliverable);
        }
        else if (packet.IsLetThrough && onward is not null)
        {
            onward.Send(packet.Packet);
            SentOnward++;
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (IPacketSink? device in _devices.Values)
            {
                device?.Dispose();
            }
        }
    }
}
