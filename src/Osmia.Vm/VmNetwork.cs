using System.Collections.Immutable;
using System.Net;
using System.Net.NetworkInformation;

namespace Osmia.Vm;

/// <summary>A device that packets of a program may leave by. The VM sends nothing: it is what helpers are told.</summary>
public sealed record VmInterface(uint Index)
{
    public PhysicalAddress Address { get; init; } = new(new byte[6]);

    /// <summary>Bytes of an IP packet.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Packets that come in by it may be sent on (net.ipv4.conf.DEV.forwarding).</summary>
    public bool Forwards { get; init; } = true;
}

/// <summary>What is done with packets that a route covers.</summary>
public enum VmRouteKind
{
    Unicast,

    /// <summary>To the host itself: nothing to forward.</summary>
    Local,
    Blackhole,
    Unreachable,
    Prohibit,
}

/// <summary>One route. The longest prefix wins, then the smallest metric.</summary>
public sealed record VmRoute(IPNetwork Destination, uint InterfaceIndex)
{
    public VmRouteKind Kind { get; init; }

    /// <summary>The next hop; null when the destination is on the link.</summary>
    public IPAddress? Gateway { get; init; }

    public uint Metric { get; init; }

    /// <summary>0 takes the device's.</summary>
    public int Mtu { get; init; }

    /// <summary>The source address of packets the host sends there (BPF_FIB_LOOKUP_SRC).</summary>
    public IPAddress? Source { get; init; }
}

/// <summary>The link-layer address of a host on a link.</summary>
public sealed record VmNeighbor(uint InterfaceIndex, IPAddress Address, PhysicalAddress LinkAddress);

/// <summary>The network that <c>bpf_fib_lookup</c>, <c>bpf_check_mtu</c> and <c>bpf_clone_redirect</c> know. By default a loopback device alone.</summary>
public sealed record VmNetwork
{
    public ImmutableArray<VmInterface> Interfaces { get; init; } = [new VmInterface(1) { Mtu = 65536 }];

    public ImmutableArray<VmRoute> Routes { get; init; } = [];

    public ImmutableArray<VmNeighbor> Neighbors { get; init; } = [];

    internal VmInterface? Interface(uint index)
    {
        foreach (VmInterface one in Interfaces)
        {
            if (one.Index == index)
            {
                return one;
            }
        }

        return null;
    }

    /// <summary>The route for an address in network order.</summary>
    internal VmRoute? Route(ReadOnlySpan<byte> destination)
    {
        Span<byte> prefix = stackalloc byte[16];
        VmRoute? best = null;
        foreach (VmRoute route in Routes)
        {
            bool isCandidate = route.Destination.BaseAddress.TryWriteBytes(prefix, out int length) && length == destination.Length
                && IsWithin(destination, prefix, route.Destination.PrefixLength);
            if (isCandidate && (best is null || route.Destination.PrefixLength > best.Destination.PrefixLength
                || (route.Destination.PrefixLength == best.Destination.PrefixLength && route.Metric < best.Metric)))
            {
                best = route;
            }
        }

        return best;
    }

    internal PhysicalAddress? Neighbor(uint index, ReadOnlySpan<byte> address)
    {
        Span<byte> bytes = stackalloc byte[16];
        foreach (VmNeighbor neighbor in Neighbors)
        {
            if (neighbor.InterfaceIndex == index && neighbor.Address.TryWriteBytes(bytes, out int length) && bytes[..length].SequenceEqual(address))
            {
                return neighbor.LinkAddress;
            }
        }

        return null;
    }

    private static bool IsWithin(ReadOnlySpan<byte> address, ReadOnlySpan<byte> prefix, int length)
    {
        int whole = length / 8;
        int rest = length % 8;
        return address[..whole].SequenceEqual(prefix[..whole]) && (rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0);
    }
}

/// <summary>Receives a copy of a packet that a program sent with <c>bpf_clone_redirect</c>. The span is valid only during the call.</summary>
/// <param name="isIngress">It shall come in by the device, not leave by it.</param>
public delegate void CloneHandler(uint interfaceIndex, bool isIngress, ReadOnlySpan<byte> packet);
