namespace Osmia.Runtime;

/// <summary>A netkit device (Linux 6.7): what its own end sends, or what the other end sends.</summary>
/// <param name="Device">The primary device of the pair.</param>
/// <param name="IsPeer">At the peer's end, which usually stands in another namespace.</param>
public sealed record NetkitTarget(string Device, bool IsPeer = false) : AttachTarget
{
    public override string Describe() => $"netkit {Device} {(IsPeer ? "peer" : "primary")}";
}

/// <summary>
/// A route with a program: lwt_in, lwt_out, lwt_xmit and lwt_seg6local run for the packets that take it. The route is made with the link and goes with it.
/// </summary>
/// <param name="Prefix">Destinations, such as <c>10.0.0.0/24</c> or <c>fc00:1::/64</c>.</param>
public sealed record RouteTarget(string Prefix, string Device) : AttachTarget
{
    public override string Describe() => $"route {Prefix} dev {Device}";
}

/// <summary>An element of a devmap or devmap_hash: the program of type xdp/devmap runs for the packets redirected through it.</summary>
public sealed record DevmapTarget(Map Map, uint Key, string Device) : AttachTarget
{
    public override string Describe() => $"element {Key} of devmap {Map.Name} for {Device}";
}

/// <summary>An element of a cpumap: the program of type xdp/cpumap runs on that CPU for the packets redirected to it.</summary>
/// <param name="QueueSize">Packets that may wait for the CPU.</param>
public sealed record CpumapTarget(Map Map, uint Cpu, uint QueueSize = 192) : AttachTarget
{
    public override string Describe() => $"CPU {Cpu} of cpumap {Map.Name}";
}

/// <summary>A sockmap or sockhash by its name in the object; whoever attaches finds the loaded map (<see cref="SockmapTarget"/>).</summary>
public sealed record SockmapNameTarget(string Map) : AttachTarget
{
    public override string Describe() => $"sockmap {Map}";
}

/// <summary>An infrared receiver, by its file <c>/dev/lircN</c>.</summary>
public sealed record LircTarget(string Path) : AttachTarget
{
    public override string Describe() => $"lirc {Path}";
}
