using System.Collections.Immutable;
using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Helpers;
using Osmia.Vm.Kfuncs;
using Osmia.Vm.Loading;

namespace Osmia.Vm;

/// <summary>One helper the VM has.</summary>
/// <param name="Kinds">Programs that may call it.</param>
public sealed unsafe class VmHelper
{
    internal VmHelper(HelperId id, ProgramKind kinds, delegate*<ExecutionSlot, ulong*, ulong> function)
    {
        Id = id;
        Kinds = kinds;
        Function = function;
    }

    public HelperId Id { get; }

    /// <summary>The programs that may call it.</summary>
    public ProgramKind Kinds { get; }

    /// <summary>Takes the registers: r1 to r5 are the arguments. The result is r0.</summary>
    internal delegate*<ExecutionSlot, ulong*, ulong> Function { get; }

    public override string ToString() => $"{VmHelpers.NameOf((int)Id)} ({Kinds})";
}

/// <summary>The helpers of the VM: one row each. Loading checks against it, documents are printed from it.</summary>
public static unsafe class VmHelpers
{
    private const ProgramKind Tc = ProgramKind.TrafficControl;
    private const ProgramKind Skb = ProgramKind.Skb;
    private const ProgramKind Xdp = ProgramKind.Xdp;
    private const ProgramKind Cgroup = ProgramKind.CgroupSkb;
    private const ProgramKind Memory = ProgramKind.Memory;
    private const ProgramKind All = ProgramKind.All;

    private static readonly VmHelper?[] s_byId = Build();

    /// <summary>In the order of their ids.</summary>
    public static ImmutableArray<VmHelper> Supported { get; } = [.. s_byId.OfType<VmHelper>()];

    internal static VmHelper? Find(int id) => (uint)id < (uint)s_byId.Length ? s_byId[id] : null;

    /// <summary>The name of a helper, or of a kernel function by its number here.</summary>
    internal static string NameOf(int id) => VmKfuncs.Find(id)?.Name ?? HelperTable.NameOf(id);

    /// <summary>Whether the packet's memory may be elsewhere after a call: the helper moves it, or runs a callback that may. Of helpers and kernel functions.</summary>
    internal static bool MovesPacket(int id) => VmKfuncs.Find(id) is { } function
        ? function.CallsBack
        : HelperTable.Find(id) is { } known && known.Signatures.Any(s => (s.Traits & (HelperTraits.ChangesPacket | HelperTraits.CallsCallback)) != 0);

    private static VmHelper?[] Build()
    {
        VmHelper[] rows =
        [
            new(HelperId.MapLookupElem, All, &MapHelpers.Lookup),
            new(HelperId.MapUpdateElem, All, &MapHelpers.Update),
            new(HelperId.MapDeleteElem, All, &MapHelpers.Delete),
            new(HelperId.MapPushElem, All, &MapHelpers.Push),
            new(HelperId.MapPopElem, All, &MapHelpers.Pop),
            new(HelperId.MapPeekElem, All, &MapHelpers.Peek),
            new(HelperId.MapLookupPercpuElem, All, &MapHelpers.LookupPerCpu),
            new(HelperId.ForEachMapElem, All, &LoopHelpers.ForEachMapElement),
            new(HelperId.Loop, All, &LoopHelpers.Loop),

            // The interpreter makes the call itself; the row says who may ask for it.
            new(HelperId.TailCall, All, null),
            new(HelperId.SpinLock, All, &MapHelpers.SpinLock),
            new(HelperId.SpinUnlock, All, &MapHelpers.SpinUnlock),

            new(HelperId.KtimeGetNs, All, &HostHelpers.MonotonicTime),
            new(HelperId.KtimeGetBootNs, All, &HostHelpers.MonotonicTime),
            new(HelperId.KtimeGetCoarseNs, All, &HostHelpers.MonotonicTime),
            new(HelperId.KtimeGetTaiNs, All, &HostHelpers.AtomicTime),
            new(HelperId.Jiffies64, All, &HostHelpers.Jiffies),
            new(HelperId.GetPrandomU32, All, &HostHelpers.Random),
            new(HelperId.GetSmpProcessorId, All, &HostHelpers.ProcessorId),
            new(HelperId.GetNumaNodeId, All, &HostHelpers.NumaNode),
            new(HelperId.GetCurrentPidTgid, All, &HostHelpers.PidTgid),
            new(HelperId.GetCurrentUidGid, All, &HostHelpers.UidGid),
            new(HelperId.GetCurrentComm, All, &HostHelpers.Comm),

            new(HelperId.ProbeRead, All, &ProbeHelpers.Read),
            new(HelperId.ProbeReadKernel, All, &ProbeHelpers.Read),
            new(HelperId.ProbeReadUser, All, &ProbeHelpers.Read),
            new(HelperId.ProbeReadStr, All, &ProbeHelpers.ReadString),
            new(HelperId.ProbeReadKernelStr, All, &ProbeHelpers.ReadString),
            new(HelperId.ProbeReadUserStr, All, &ProbeHelpers.ReadString),

            new(HelperId.Strtol, All, &TextHelpers.ParseSigned),
            new(HelperId.Strtoul, All, &TextHelpers.ParseUnsigned),
            new(HelperId.Strncmp, All, &TextHelpers.Compare),
            new(HelperId.Snprintf, All, &TextHelpers.Format),
            new(HelperId.TracePrintk, All, &TextHelpers.Trace),
            new(HelperId.TraceVprintk, All, &TextHelpers.TraceArray),

            new(HelperId.PerfEventOutput, All, &RecordHelpers.PerfOutput),
            new(HelperId.RingbufOutput, All, &RecordHelpers.RingOutput),
            new(HelperId.RingbufReserve, All, &RecordHelpers.RingReserve),
            new(HelperId.RingbufSubmit, All, &RecordHelpers.RingSubmit),
            new(HelperId.RingbufDiscard, All, &RecordHelpers.RingDiscard),
            new(HelperId.RingbufQuery, All, &RecordHelpers.RingQuery),

            new(HelperId.CsumDiff, All, &ChecksumHelpers.Difference),
            new(HelperId.CsumUpdate, Tc, &ChecksumHelpers.Update),
            new(HelperId.L3CsumReplace, Tc, &ChecksumHelpers.ReplaceL3),
            new(HelperId.L4CsumReplace, Tc, &ChecksumHelpers.ReplaceL4),

            new(HelperId.SkbLoadBytes, Skb | ProgramKind.FlowDissector, &SkbHelpers.LoadBytes),
            new(HelperId.SkbLoadBytesRelative, Skb, &SkbHelpers.LoadBytesRelative),
            new(HelperId.SkbStoreBytes, Tc, &SkbHelpers.StoreBytes),
            new(HelperId.SkbPullData, Tc, &SkbHelpers.PullData),
            new(HelperId.SkbChangeTail, Tc, &SkbHelpers.ChangeTail),
            new(HelperId.SkbChangeHead, Tc, &SkbHelpers.ChangeHead),
            new(HelperId.SkbChangeType, Tc, &SkbHelpers.ChangeType),
            new(HelperId.SkbVlanPush, Tc, &SkbHelpers.VlanPush),
            new(HelperId.SkbVlanPop, Tc, &SkbHelpers.VlanPop),
            new(HelperId.GetHashRecalc, Tc, &SkbHelpers.Hash),
            new(HelperId.SetHashInvalid, Tc, &SkbHelpers.InvalidateHash),
            new(HelperId.SkAssign, ProgramKind.SocketLookup, &SocketHelpers.Assign),
            new(HelperId.Redirect, Tc | Xdp, &RedirectHelpers.Redirect),
            new(HelperId.RedirectMap, Xdp, &RedirectHelpers.RedirectMap),

            new(HelperId.XdpAdjustHead, Xdp, &XdpHelpers.AdjustHead),
            new(HelperId.XdpAdjustTail, Xdp, &XdpHelpers.AdjustTail),
            new(HelperId.XdpAdjustMeta, Xdp, &XdpHelpers.AdjustMeta),
            new(HelperId.XdpGetBuffLen, Xdp, &XdpHelpers.Length),
            new(HelperId.XdpLoadBytes, Xdp, &XdpHelpers.LoadBytes),
            new(HelperId.XdpStoreBytes, Xdp, &XdpHelpers.StoreBytes),

            new(HelperId.PerCpuPtr, All, &PerCpuKfuncs.Of),
            new(HelperId.ThisCpuPtr, All, &PerCpuKfuncs.Own),
            new(HelperId.KptrXchg, All, &ObjectKfuncs.Exchange),
            new(HelperId.TimerInit, All, &TimerHelpers.Init),
            new(HelperId.TimerSetCallback, All, &TimerHelpers.SetCallback),
            new(HelperId.TimerStart, All, &TimerHelpers.Start),
            new(HelperId.TimerCancel, All, &TimerHelpers.Cancel),

            new(HelperId.GetCurrentTask, All, &StorageHelpers.CurrentTask),
            new(HelperId.GetCurrentTaskBtf, All, &StorageHelpers.CurrentTask),
            new(HelperId.GetCurrentCgroupId, All, &StorageHelpers.CurrentCgroup),
            new(HelperId.GetCurrentAncestorCgroupId, All, &StorageHelpers.AncestorCgroup),
            new(HelperId.GetCgroupClassid, All, &SkbOriginHelpers.ProcessClass),
            new(HelperId.TaskStorageGet, All, &StorageHelpers.TaskGet),
            new(HelperId.TaskStorageDelete, All, &StorageHelpers.TaskDelete),
            new(HelperId.InodeStorageGet, All, &StorageHelpers.InodeGet),
            new(HelperId.InodeStorageDelete, All, &StorageHelpers.InodeDelete),
            new(HelperId.CgrpStorageGet, All, &StorageHelpers.CgroupGet),
            new(HelperId.CgrpStorageDelete, All, &StorageHelpers.CgroupDelete),
            new(HelperId.SkStorageGet, All, &StorageHelpers.SocketGet),
            new(HelperId.SkStorageDelete, All, &StorageHelpers.SocketDelete),
            new(HelperId.GetLocalStorage, Memory | Cgroup, &StorageHelpers.Local),

            new(HelperId.GetStackid, Memory, &StackHelpers.Id),
            new(HelperId.GetStack, Memory, &StackHelpers.Write),
            new(HelperId.CopyFromUser, Memory, &ProbeHelpers.Read),

            new(HelperId.DynptrFromMem, All, &DynptrHelpers.FromMemory),
            new(HelperId.DynptrRead, All, &DynptrHelpers.Read),
            new(HelperId.DynptrWrite, All, &DynptrHelpers.Write),
            new(HelperId.DynptrData, All, &DynptrHelpers.Data),
            new(HelperId.RingbufReserveDynptr, All, &DynptrHelpers.ReserveRecord),
            new(HelperId.RingbufSubmitDynptr, All, &DynptrHelpers.SubmitRecord),
            new(HelperId.RingbufDiscardDynptr, All, &DynptrHelpers.DiscardRecord),
            new(HelperId.UserRingbufDrain, All, &DynptrHelpers.Drain),

            new(HelperId.SkLookupTcp, Tc | Xdp | Cgroup | Memory, &SocketHelpers.LookupTcp),
            new(HelperId.SkLookupUdp, Tc | Xdp | Cgroup | Memory, &SocketHelpers.LookupUdp),
            new(HelperId.SkcLookupTcp, Tc | Xdp | Cgroup | Memory, &SocketHelpers.LookupTcp),
            new(HelperId.SkRelease, Tc | Xdp | Cgroup | Memory | ProgramKind.SocketLookup, &SocketHelpers.Release),
            new(HelperId.SkFullsock, Tc | Cgroup, &SocketHelpers.Full),
            new(HelperId.GetListenerSock, Tc | Cgroup, &SocketHelpers.Listener),
            new(HelperId.SkRedirectMap, Memory, &SocketHelpers.RedirectToMap),
            new(HelperId.MsgRedirectMap, Memory, &SocketHelpers.RedirectToMap),
            new(HelperId.SkRedirectHash, Memory, &SocketHelpers.RedirectToHash),
            new(HelperId.MsgRedirectHash, Memory, &SocketHelpers.RedirectToHash),
            new(HelperId.SkSelectReuseport, Memory, &SocketHelpers.Select),

            new(HelperId.FibLookup, Tc | Xdp, &RouteHelpers.Lookup),
            new(HelperId.CheckMtu, Tc | Xdp, &RouteHelpers.CheckMtu),
            new(HelperId.RedirectNeigh, Tc, &RouteHelpers.RedirectToNeighbor),
            new(HelperId.RedirectPeer, Tc, &RouteHelpers.RedirectToPeer),
            new(HelperId.CloneRedirect, Tc, &RouteHelpers.CloneAndRedirect),

            new(HelperId.SkbAdjustRoom, Tc, &SkbRoomHelpers.AdjustRoom),
            new(HelperId.SkbChangeProto, Tc, &SkbRoomHelpers.ChangeProtocol),
            new(HelperId.SetHash, Tc, &SkbRoomHelpers.SetHash),
            new(HelperId.SkbSetTstamp, Tc, &SkbRoomHelpers.SetTime),
            new(HelperId.CsumLevel, Tc, &SkbRoomHelpers.ChecksumLevel),
            new(HelperId.SkbEcnSetCe, Tc | Cgroup, &SkbRoomHelpers.MarkCongestion),

            new(HelperId.GetRouteRealm, Tc, &SkbOriginHelpers.None),
            new(HelperId.SkbCgroupClassid, Tc, &SkbOriginHelpers.None),
            new(HelperId.GetSocketCookie, Skb, &SkbOriginHelpers.None),
            new(HelperId.GetSocketUid, Skb, &SkbOriginHelpers.SocketUser),
            new(HelperId.GetNetnsCookie, Skb, &SkbOriginHelpers.NetworkCookie),
            new(HelperId.SkbGetTunnelKey, Tc, &TunnelHelpers.GetKey),
            new(HelperId.SkbSetTunnelKey, Tc, &TunnelHelpers.SetKey),
            new(HelperId.SkbGetTunnelOpt, Tc, &TunnelHelpers.GetOption),
            new(HelperId.SkbSetTunnelOpt, Tc, &TunnelHelpers.SetOption),
            new(HelperId.SkbGetXfrmState, Tc, &SkbOriginHelpers.SecurityState),

            new(HelperId.TcpRawGenSyncookieIpv4, Tc | Xdp, &SynCookieHelpers.Make4),
            new(HelperId.TcpRawGenSyncookieIpv6, Tc | Xdp, &SynCookieHelpers.Make6),
            new(HelperId.TcpRawCheckSyncookieIpv4, Tc | Xdp, &SynCookieHelpers.Check4),
            new(HelperId.TcpRawCheckSyncookieIpv6, Tc | Xdp, &SynCookieHelpers.Check6),
        ];
        var byId = new VmHelper?[rows.Max(row => (int)row.Id) + 1];
        foreach (VmHelper row in rows)
        {
            byId[(int)row.Id] = row;
        }

        return byId;
    }
}
