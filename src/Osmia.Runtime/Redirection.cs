namespace Osmia.Runtime;

/// <summary>Where a packet was sent by bpf_redirect or bpf_redirect_map.</summary>
/// <param name="InterfaceIndex">The device, or what the map held at the key: an ifindex, a CPU queue, a socket.</param>
/// <param name="Map">The map, or null after bpf_redirect.</param>
/// <param name="Key">The key in the map.</param>
public readonly record struct Redirection(uint InterfaceIndex, string? Map, uint Key, ulong Flags);
