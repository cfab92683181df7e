using Osmia.Bytecode;

namespace Osmia.Runtime.Packets;

/// <summary>What the return value of a packet program means, by program type.</summary>
/// <remarks>Source: <c>enum xdp_action</c> and <c>TC_ACT_*</c> of the kernel's UAPI; a socket filter returns how many bytes to keep.</remarks>
public static class Verdicts
{
    private static readonly string[] s_xdp = ["XDP_ABORTED", "XDP_DROP", "XDP_PASS", "XDP_TX", "XDP_REDIRECT"];
    private static readonly string[] s_tc = ["TC_ACT_OK", "TC_ACT_RECLASSIFY", "TC_ACT_SHOT", "TC_ACT_PIPE", "TC_ACT_STOLEN", "TC_ACT_QUEUED", "TC_ACT_REPEAT", "TC_ACT_REDIRECT"];

    /// <summary>Program types whose input is a packet.</summary>
    public static bool JudgesPackets(ProgramType type) =>
        type is ProgramType.Xdp or ProgramType.SchedCls or ProgramType.SchedAct or ProgramType.SocketFilter or ProgramType.CgroupSkb;

    public static string NameOf(ProgramType type, ulong value) => type switch
    {
        ProgramType.Xdp => Name(s_xdp, (uint)value),
        ProgramType.SchedCls or ProgramType.SchedAct when (uint)value == uint.MaxValue => "TC_ACT_UNSPEC",
        ProgramType.SchedCls or ProgramType.SchedAct => Name(s_tc, (uint)value),
        ProgramType.SocketFilter => (uint)value == 0 ? "drop" : "accept",
        ProgramType.CgroupSkb => (value & 1) == 0 ? "deny" : "allow",
        _ => $"{value}",
    };

    private static string Name(string[] names, uint value) => value < names.Length ? names[value] : $"{value}";
}
