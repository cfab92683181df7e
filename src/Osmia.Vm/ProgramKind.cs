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
    Skb = TrafficControl | SocketFilter | CgroupSkb,
    Packet = Xdp | Skb,
    All = Memory | Packet | Hook,
}
