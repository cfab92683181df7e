using Osmia.Bytecode;
using static Osmia.Bytecode.HelperId;

namespace Osmia.Vm.Helpers;

/// <summary>Why the VM has not a helper that Linux has: what it would need that a process has not.</summary>
internal static class HelperAbsence
{
    private sealed record Row(string Why, HelperId[] Helpers);

    private static readonly Row[] s_rows =
    [
        new("it reads hardware or kernel counters, which a process has not", [PerfEventRead, PerfEventReadValue, PerfProgReadValue, ReadBranchRecords, GetBranchSnapshot]),
        new("it asks below which cgroup something is, and a process sees its own cgroup alone", [SkbUnderCgroup, CurrentTaskUnderCgroup, SkbCgroupId, SkbAncestorCgroupId, SkCgroupId, SkAncestorCgroupId]),
        new("it writes memory of a task, and programs here reach their own memory alone", [ProbeWriteUser, CopyFromUserTask]),
        new("it changes a connection of the kernel", [HelperId.Setsockopt, Getsockopt, SockOpsCbFlagsSet, LoadHdrOpt, StoreHdrOpt, ReserveHdrOpt, TcpSendAck, Bind, SockMapUpdate, SockHashUpdate]),
        new("it looks into a socket of the kernel", [TcpSock, TcpCheckSyncookie, TcpGenSyncookie, SkcToTcp6Sock, SkcToTcpSock, SkcToTcpTimewaitSock, SkcToTcpRequestSock, SkcToUdp6Sock, SkcToUnixSock, SkcToMptcpSock, SockFromFile]),
        new("it changes the data of a socket's message, and sk_msg programs run in the kernel alone", [MsgApplyBytes, MsgCorkBytes, MsgPullData, MsgPushData, MsgPopData]),
        new("it belongs to lightweight tunnels, whose hooks are in the kernel", [LwtPushEncap, LwtSeg6StoreBytes, LwtSeg6AdjustSrh, LwtSeg6Action]),
        new("it belongs to infrared receivers", [RcRepeat, RcKeydown, RcPointerRel]),
        new("it changes what a kernel function returns", [OverrideReturn, GetRetval, SetRetval]),
        new("it reads the call of a kernel function that the program is attached to", [GetFuncIp, GetFuncArg, GetFuncRet, GetFuncArgCnt, GetAttachCookie]),
        new("it belongs to sysctls of the kernel", [SysctlGetName, SysctlGetCurrentValue, SysctlGetNewValue, SysctlSetNewValue]),
        new("it sends a signal to the task under the program, which here is the host itself", [SendSignal, SendSignalThread]),
        new("it reads kernel structures through types of a running kernel", [SnprintfBtf, SeqPrintfBtf, SeqPrintf, SeqWrite, KallsymsLookupName, BtfFindByNameKind, TaskPtRegs, GetTaskStack, FindVma, DPath, SkbOutput, XdpOutput, GetNsCurrentPidTgid]),
        new("it makes system calls for the kernel's loader programs", [SysBpf, SysClose]),
        new("it belongs to security modules of the kernel", [BprmOptsSet, ImaInodeHash, ImaFileHash]),
    ];

    private static readonly Dictionary<HelperId, string> s_reasons = s_rows.SelectMany(row => row.Helpers.Select(helper => (helper, row.Why))).ToDictionary(pair => pair.helper, pair => pair.Why);

    /// <summary>Every helper that is left out on purpose.</summary>
    public static IReadOnlyDictionary<HelperId, string> Reasons => s_reasons;

    public static string Of(int id) => s_reasons.GetValueOrDefault((HelperId)id) ?? (HelperTable.IsKnown(id) ? "the VM has not got it" : "there is no such helper as of Linux 6.18");
}
