namespace Osmia.Vm;

/// <summary>What the VM makes of a program type: which context a run has.</summary>
[Flags]
public enum ProgramKind
{
    None = 0,
    Memory = 1,
    Xdp = 2,
    TrafficControl = 4,
    SocketFilter = 8,
    CgroupSkb = 16,

    /// <summary>A program of a hook of the application's own.</summary>
    Hook = 32,

    /// <summary>Finds out what a packet's flow is.</summary>
    FlowDissector = 64,

    /// <summary>Chooses the socket for a connection or datagram that comes in.</summary>
    SocketLookup = 128,
    Skb = TrafficControl | SocketFilter | CgroupSkb,
    Packet = Xdp | Skb,
    All = Memory | Packet | Hook | FlowDissector | SocketLookup,
}
