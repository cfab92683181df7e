using Osmia.Bytecode;

namespace Osmia.Runtime.Packets;

/// <summary>What the return value of a packet program means, by program type.</summary>
/// <remarks>Source: <c>enum xdp_action</c> and <c>TC_ACT_*</c> of the kernel's UAPI; a socket filter returns how many bytes to keep.</remarks>
public static class Verdicts
{
    private const uint XdpPass = 2;
    private const uint XdpTransmit = 3;
    private const uint XdpRedirect = 4;
    private const uint TcShot = 2;
    private const uint TcStolen = 4;
    private const uint TcQueued = 5;
    private const uint TcTrap = 8;
    private const uint TcRedirect = 7;
    private const uint FlowDrop = 2;

    private static readonly string[] s_xdp = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];
    private static readonly string[] s_tc = ["TC_ACT_OK", "TC_ACT_RECLASSIFY", "TC_ACT_SHOT", "TC_ACT_PIPE", "TC_ACT_STOLEN", "TC_ACT_QUEUED", "TC_ACT_REPEAT", "TC_ACT_REDIRECT", "TC_ACT_TRAP"];

    /// <summary>Program types whose input is a packet.</summary>
    public static bool JudgesPackets(ProgramType type) =>
        type is ProgramType.Xdp or ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb
            or ProgramType.FlowDissector or ProgramType.SkLookup;

    public static string NameOf(ProgramType type, ulong value) => type switch
    {
        ProgramType.Xdp => Name(s_xdp, (uint)value),
        ProgramType.SchedCls or ProgramType.SchedAct when (uint)value == uint.MaxValue => "TC_ACT_UNSPEC",
        ProgramType.SchedCls or ProgramType.SchedAct => Name(s_tc, (uint)value),
        ProgramType.SocketFilter => (uint)value == 0 ? "drop" : "accept",
        ProgramType.CgroupSkb => (value & 1) == 0 ? "deny" : "allow",
        ProgramType.FlowDissector => (uint)value switch { 0 => "BPF_OK", FlowDrop => "BPF_DROP", 129 => "BPF_FLOW_DISSECTOR_CONTINUE", _ => $"{value}" },
        ProgramType.SkLookup => (uint)value switch { 0 => "SK_DROP", 1 => "SK_PASS", _ => $"{value}" },
        _ => $"{value}",
    };

    /// <summary>Whether a packet goes on after the verdict, to its receiver or elsewhere.</summary>
    public static bool LetsThrough(ProgramType type, ulong value) => type switch
    {
        ProgramType.Xdp => (uint)value is XdpPass or XdpTransmit or XdpRedirect,
        ProgramType.SchedCls or ProgramType.SchedAct => (uint)value is not (TcShot or TcStolen or TcQueued or TcTrap),
        ProgramType.SocketFilter => (uint)value != 0,
        ProgramType.CgroupSkb => (value & 1) != 0,
        ProgramType.FlowDissector => (uint)value != FlowDrop,
        ProgramType.SkLookup => (uint)value != 0,
        _ => true,
    };

    internal static bool SendsBack(ProgramType type, ulong value) => type == ProgramType.Xdp && (uint)value == XdpTransmit;

    internal static bool Redirects(ProgramType type, ulong value) => type == ProgramType.Xdp ? (uint)value == XdpRedirect
        : type is ProgramType.SchedCls or ProgramType.SchedAct && (uint)value == TcRedirect;

    /// <summary>What a reader of the packet should know of a verdict that sends it elsewhere; null for one that does not.</summary>
    internal static string? CommentOf(ProgramType type, in ProgramRunResult result)
    {
        if (!Redirects(type, result.ReturnValue))
        {
            return SendsBack(type, result.ReturnValue) ? NameOf(type, result.ReturnValue) : null;
        }

        Redirection to = result.Redirect;
        string where = to.Map is { } map ? $" to {to.InterfaceIndex} (map {map}, key {to.Key})" : to.InterfaceIndex != 0 ? $" to interface {to.InterfaceIndex}" : "";
        return NameOf(type, result.ReturnValue) + where;
    }

    private static string Name(string[] names, uint value) => value < names.Length ? names[value] : $"{value}";
}
