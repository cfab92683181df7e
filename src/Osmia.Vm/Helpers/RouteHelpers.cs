using System.Buffers.Binary;
using System.Net;
using System.Net.NetworkInformation;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Helpers that ask the network the host described (<see cref="VmNetwork"/>).</summary>
/// <remarks>Source: struct bpf_fib_lookup and the helpers' descriptions in include/uapi/linux/bpf.h; results tried on Linux 6.18.</remarks>
internal static unsafe class RouteHelpers
{
    private const int ParameterSize = 64;
    private const ulong KnownFlags = 0x3f;
    private const ulong OutputFlag = 2;
    private const ulong SkipNeighborFlag = 4;
    private const ulong SourceFlag = 16;
    private const byte FamilyIp4 = 2;
    private const byte FamilyIp6 = 10;
    private const int NoDevice = 19;
    private const int UnknownFamily = 97;
    private const int HardHeader = 14;
    private const int AddressSize = 6;

    // BPF_FIB_LKUP_RET_*.
    private const ulong Success = 0;
    private const ulong Blackhole = 1;
    private const ulong Unreachable = 2;
    private const ulong Prohibit = 3;
    private const ulong NotForwarded = 4;
    private const ulong ForwardingDisabled = 5;
    private const ulong NoNeighbor = 7;
    private const ulong FragmentNeeded = 8;
    private const ulong NoSource = 9;

    // Offsets in struct bpf_fib_lookup.
    private const int LengthField = 6;
    private const int InterfaceField = 8;
    private const int MetricField = 12;
    private const int SourceField = 16;
    private const int DestinationField = 32;
    private const int VlanField = 48;
    private const int SourceLinkField = 52;
    private const int DestinationLinkField = 58;

    private static readonly ConditionalWeakTable<PhysicalAddress, byte[]> s_bytes = [];

    public static ulong Lookup(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(3);
        var parameters = new Span<byte>(slot.WritableArgument(2, (ulong)size), size);
        ulong flags = (uint)r[4];
        if (size < ParameterSize || (flags & ~KnownFlags) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (parameters[0] is not (FamilyIp4 or FamilyIp6))
        {
            return Errno.Negative(UnknownFamily);
        }

        VmNetwork network = slot.Engine.Options.Network;
        if (network.Interface(BinaryPrimitives.ReadUInt32LittleEndian(parameters[InterfaceField..])) is not { } from)
        {
            return Errno.Negative(NoDevice);
        }

        if (!from.Forwards && (flags & OutputFlag) == 0)
        {
            return ForwardingDisabled;
        }

        slot.ChargeSteps((ulong)network.Routes.Length);
        return Forward(network, parameters, parameters[0] == FamilyIp4 ? 4 : 16, flags);
    }

    public static ulong CheckMtu(ExecutionSlot slot, ulong* r)
    {
        const ulong Segments = 1;
        slot.ContextArgument(1);
        uint* length = (uint*)slot.WritableArgument(3, sizeof(uint));
        bool isXdp = slot.Program.Kind == ProgramKind.Xdp;
        ulong flags = r[5];
        if ((flags & ~(isXdp ? 0 : Segments)) != 0 || (flags != 0 && ((int)r[4] != 0 || *length != 0)))
        {
            return Errno.Negative(Errno.Invalid);
        }

        uint index = (uint)r[2] == 0 ? slot.InterfaceIndex : (uint)r[2];
        if (slot.Engine.Options.Network.Interface(index) is not { } device)
        {
            return Errno.Negative(NoDevice);
        }

        int size = *length != 0 ? (int)*length + HardHeader : slot.PacketLength;
        size += (int)r[4];
        *length = (uint)device.Mtu;
        return size <= device.Mtu + HardHeader ? 0u : 1u;
    }

    /// <summary>bpf_redirect_neigh(ifindex, params, plen, flags).</summary>
    public static ulong RedirectToNeighbor(ExecutionSlot slot, ulong* r)
    {
        const int NeighborSize = 20;
        int size = slot.LengthArgument(3);
        _ = slot.ReadableArgument(2, (ulong)size);
        return r[4] != 0 || (size != 0 && size < NeighborSize) ? RedirectHelpers.TcShot : RedirectHelpers.Send(slot, (uint)r[1], 0);
    }

    public static ulong RedirectToPeer(ExecutionSlot slot, ulong* r) => r[2] != 0 ? RedirectHelpers.TcShot : RedirectHelpers.Send(slot, (uint)r[1], 0);

    public static ulong CloneAndRedirect(ExecutionSlot slot, ulong* r)
    {
        const ulong Ingress = 1;
        slot.ContextArgument(1);
        if ((r[3] & ~Ingress) != 0 || slot.Engine.Options.Network.Interface((uint)r[2]) is null)
        {
            return Errno.Negative(Errno.Invalid);
        }

        slot.Charge((ulong)slot.PacketLength);
        slot.Engine.Options.Cloned?.Invoke((uint)r[2], r[3] != 0, slot.Packet);
        return 0;
    }

    private static ulong Forward(VmNetwork network, Span<byte> parameters, int addressLength, ulong flags)
    {
        Span<byte> destination = parameters.Slice(DestinationField, addressLength);
        if (network.Route(destination) is not { } route)
        {
            return NotForwarded;
        }

        switch (route.Kind)
        {
            case VmRouteKind.Blackhole:
                return Blackhole;
            case VmRouteKind.Unreachable:
                return Unreachable;
            case VmRouteKind.Prohibit:
                return Prohibit;
            case VmRouteKind.Local:
                return NotForwarded;
        }

        if (network.Interface(route.InterfaceIndex) is not { } device)
        {
            return NotForwarded;
        }

        int mtu = route.Mtu != 0 ? route.Mtu : device.Mtu;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(parameters[LengthField..]);
        if (length > mtu)
        {
            BinaryPrimitives.WriteUInt16LittleEndian(parameters[LengthField..], (ushort)mtu);
            return FragmentNeeded;
        }

        BinaryPrimitives.WriteUInt16LittleEndian(parameters[LengthField..], (ushort)Math.Min(mtu, ushort.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(parameters[MetricField..], route.Metric);
        BinaryPrimitives.WriteUInt32LittleEndian(parameters[InterfaceField..], route.InterfaceIndex);
        if (route.Gateway is { } gateway)
        {
            WriteNextHop(parameters, gateway, ref addressLength);
        }

        if ((flags & SourceFlag) != 0)
        {
            if (route.Source is null || !route.Source.TryWriteBytes(parameters.Slice(SourceField, 16), out _))
            {
                return NoSource;
            }
        }

        if ((flags & SkipNeighborFlag) == 0)
        {
            if (network.Neighbor(route.InterfaceIndex, parameters.Slice(DestinationField, addressLength)) is not { } neighbor)
            {
                return NoNeighbor;
            }

            Write(neighbor, parameters[DestinationLinkField..]);
            Write(device.Address, parameters[SourceLinkField..]);
        }

        parameters.Slice(VlanField, sizeof(uint)).Clear();
        return Success;
    }

    // A route of IPv4 may have a next hop of IPv6; the family tells the program.
    private static void WriteNextHop(Span<byte> parameters, IPAddress gateway, ref int addressLength)
    {
        Span<byte> bytes = stackalloc byte[16];
        gateway.TryWriteBytes(bytes, out addressLength);
        bytes[..addressLength].CopyTo(parameters[DestinationField..]);
        parameters[0] = addressLength == 4 ? FamilyIp4 : FamilyIp6;
    }

    private static void Write(PhysicalAddress address, Span<byte> target)
    {
        // An address gives its bytes as a copy only; one for all packets is enough.
        byte[] bytes = s_bytes.GetValue(address, static address => address.GetAddressBytes());
        bytes.AsSpan(0, Math.Min(bytes.Length, AddressSize)).CopyTo(target);
    }
}
