using static Osmia.Bytecode.HelperId;

namespace Osmia.Bytecode;

/// <summary>Which helpers take which maps. A map type without a row takes every helper that is not tied to other types.</summary>
/// <remarks>Source: <c>check_map_func_compatibility</c> of kernel/bpf/verifier.c; every pair tried on Linux 6.18.</remarks>
public static class MapHelperTable
{
    private sealed record Row(MapType[] Types, HelperId[] Helpers);

    // Both ways: these map types take these helpers alone, and a helper named here takes the types of its rows alone, unless it is
    // one of the element helpers every other map takes too.
    private static readonly Row[] s_rows =
    [
        new([MapType.ProgArray], [TailCall]),
        new([MapType.PerfEventArray], [PerfEventRead, PerfEventOutput, PerfEventReadValue, SkbOutput, XdpOutput]),
        new([MapType.Ringbuf], [RingbufOutput, RingbufReserve, RingbufQuery, RingbufReserveDynptr]),
        new([MapType.UserRingbuf], [UserRingbufDrain]),
        new([MapType.StackTrace], [GetStackid]),
        new([MapType.CgroupArray], [SkbUnderCgroup, CurrentTaskUnderCgroup]),
        new([MapType.CgroupStorage, MapType.PercpuCgroupStorage], [GetLocalStorage]),
        new([MapType.Devmap, MapType.DevmapHash, MapType.Xskmap], [RedirectMap, MapLookupElem]),
        new([MapType.Cpumap], [RedirectMap]),
        new([MapType.ArrayOfMaps, MapType.HashOfMaps], [MapLookupElem]),
        new([MapType.Sockmap], [SkRedirectMap, SockMapUpdate, MsgRedirectMap, SkSelectReuseport, MapLookupElem, MapUpdateElem, MapDeleteElem]),
        new([MapType.Sockhash], [SkRedirectHash, SockHashUpdate, MsgRedirectHash, SkSelectReuseport, MapLookupElem, MapUpdateElem, MapDeleteElem]),
        new([MapType.ReuseportSockarray], [SkSelectReuseport]),
        new([MapType.Queue, MapType.Stack], [MapPeekElem, MapPopElem, MapPushElem]),
        new([MapType.BloomFilter], [MapPeekElem, MapPushElem]),
        new([MapType.SkStorage], [SkStorageGet, SkStorageDelete, KptrXchg]),
        new([MapType.InodeStorage], [InodeStorageGet, InodeStorageDelete, KptrXchg]),
        new([MapType.TaskStorage], [TaskStorageGet, TaskStorageDelete, KptrXchg]),
        new([MapType.CgrpStorage], [CgrpStorageGet, CgrpStorageDelete, KptrXchg]),
        new([MapType.InsnArray], []),
    ];

    private static readonly HelperId[] s_elementHelpers = [MapLookupElem, MapUpdateElem, MapDeleteElem, KptrXchg];

    // Tied to types that also take the element helpers.
    private static readonly MapType[] s_perCpu = [MapType.PercpuArray, MapType.PercpuHash, MapType.LruPercpuHash];

    // Those whose elements can be walked.
    private static readonly MapType[] s_walked = [.. s_perCpu, MapType.Array, MapType.Hash, MapType.LruHash];

    // Programs that may change a sockmap or sockhash by the element helpers; iterators are a case of tracing.
    private static readonly ProgramType[] s_sockmapUpdaters =
    [
        ProgramType.SocketFilter, ProgramType.SchedCls, ProgramType.SchedAct, ProgramType.Xdp, ProgramType.SkReuseport, ProgramType.FlowDissector, ProgramType.SkLookup,
    ];

    /// <summary>Whether the verifier passes a map of that type to the helper, whatever program calls it.</summary>
    public static bool Allows(MapType type, HelperId helper)
    {
        if (helper == MapLookupPercpuElem)
        {
            return s_perCpu.Contains(type);
        }

        if (helper == ForEachMapElem)
        {
            return s_walked.Contains(type);
        }

        bool isTied = false;
        foreach (Row row in s_rows)
        {
            bool names = row.Helpers.Contains(helper);
            if (row.Types.Contains(type))
            {
                return names;
            }

            isTied |= names;
        }

        return !isTied || s_elementHelpers.Contains(helper);
    }

    /// <summary>
    /// Whether a program may change a sockmap or sockhash with map_update_elem and map_delete_elem. sock_ops programs may delete, and
    /// update by helpers of their own.
    /// </summary>
    public static bool MayChangeSockmap(ProgramType type, AttachType? attachType, HelperId helper) => type switch
    {
        ProgramType.SockOps => helper == MapDeleteElem,
        ProgramType.Tracing => attachType == AttachType.TraceIter,
        _ => s_sockmapUpdaters.Contains(type),
    };
}
