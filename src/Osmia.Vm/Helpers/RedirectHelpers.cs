using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Loading;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_redirect and bpf_redirect_map: the verdict, and a note where the packet would go.</summary>
internal static unsafe class RedirectHelpers
{
    private const ulong XdpAborted = 0;
    private const ulong XdpRedirect = 4;
    public const ulong TcShot = 2;
    private const ulong TcRedirect = 7;
    private const ulong Ingress = 1;
    private const ulong ActionMask = 3;
    private const ulong Broadcast = 1 << 3;
    private const ulong ExcludeIngress = 1 << 4;

    public static ulong Redirect(ExecutionSlot slot, ulong* r)
    {
        bool isXdp = slot.Program.Kind == ProgramKind.Xdp;
        if ((r[2] & ~(isXdp ? 0 : Ingress)) != 0)
        {
            return isXdp ? XdpAborted : TcShot;
        }

        return Send(slot, (uint)r[1], r[2]);
    }

    /// <summary>Notes the device and gives the verdict that sends the packet there.</summary>
    public static ulong Send(ExecutionSlot slot, uint interfaceIndex, ulong flags)
    {
        slot.Redirect = new(interfaceIndex, null, 0, flags);
        return slot.Program.Kind == ProgramKind.Xdp ? XdpRedirect : TcRedirect;
    }

    public static ulong RedirectMap(ExecutionSlot slot, ulong* r)
    {
        RedirectMap map = slot.MapArgument<RedirectMap>(1, "map of devices, CPUs or sockets");
        if (map.HoldsSockets)
        {
            slot.TrapArgument(1, $"is map '{map.Name}' of type {map.Type.ToKernelName()}", "bpf_redirect_map takes maps of devices, CPUs and AF_XDP sockets");
        }

        uint key = (uint)r[2];
        ulong flags = r[3];
        bool mayBroadcast = map.Type is MapType.Devmap or MapType.DevmapHash;
        ulong known = ActionMask | (mayBroadcast ? Broadcast | ExcludeIngress : 0);
        if ((flags & ~known) != 0)
        {
            return XdpAborted;
        }

        uint target = map.TargetOf(key);
        bool isBroadcast = (flags & Broadcast) != 0;
        if (target == 0 && !isBroadcast)
        {
            return flags & ActionMask;
        }

        slot.Redirect = new(isBroadcast ? 0 : target, map.Name, key, flags);
        return XdpRedirect;
    }
}
