using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>A number for the flow a packet belongs to: equal for equal addresses, protocol and ports, never 0.</summary>
internal static unsafe class FlowHash
{
    private const int Ip4Header = 20;
    private const int Ip6Header = 40;

    public static uint Of(ExecutionSlot slot)
    {
        Span<byte> packet = slot.Packet;
        int network = Math.Min(Math.Max(slot.NetworkHeader - slot.PacketDataOffset, 0), packet.Length);
        ReadOnlySpan<byte> ip = packet[network..];
        Span<byte> key = stackalloc byte[37];
        key.Clear();
        int ports;
        if (ip.Length >= Ip4Header && ip[0] >> 4 == 4)
        {
            ip.Slice(12, 8).CopyTo(key);
            key[32] = ip[9];

            // Later fragments have no ports.
            ports = ((ip[6] & 0x3f) | ip[7]) == 0 ? (ip[0] & 0xf) * 4 : int.MaxValue;
        }
        else if (ip.Length >= Ip6Header && ip[0] >> 4 == 6)
        {
            ip.Slice(8, 32).CopyTo(key);
            key[32] = ip[6];
            ports = Ip6Header;
        }
        else
        {
            packet[..Math.Min(packet.Length, 14)].CopyTo(key);
            ports = int.MaxValue;
        }

        if (key[32] is 6 or 17 && ports <= ip.Length - 4)
        {
            ip.Slice(ports, 4).CopyTo(key[33..]);
        }

        fixed (byte* bytes = key)
        {
            return KeyHash.Of(bytes, (uint)key.Length, 0) | 1;
        }
    }
}
