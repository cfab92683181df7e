using System.Net;

namespace Osmia.Vm;

/// <summary>A socket that programs find with <c>bpf_sk_lookup_*</c> and in socket maps. The VM opens none: it is a description.</summary>
/// <param name="Protocol">IPPROTO_TCP (6) or IPPROTO_UDP (17).</param>
/// <param name="Local">An unspecified address (0.0.0.0, ::) takes every one.</param>
/// <param name="Remote">Null for a socket that listens or is not connected.</param>
public sealed record VmSocket(int Protocol, IPEndPoint Local, IPEndPoint? Remote = null)
{
    /// <summary>The interface it is bound to, or 0.</summary>
    public uint BoundInterface { get; init; }

    public uint Mark { get; init; }

    public uint Priority { get; init; }

    public const int Tcp = 6;
    public const int Udp = 17;
}
