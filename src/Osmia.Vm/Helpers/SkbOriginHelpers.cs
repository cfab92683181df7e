using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>
/// What helpers say of a packet's origin. A packet here was handed in: it came through no tunnel and no IPsec policy, belongs to no socket, class or
/// realm, and the answers are the kernel's for such a packet.
/// </summary>
/// <remarks>Results tried on Linux 6.18.</remarks>
internal static unsafe class SkbOriginHelpers
{

    public static ulong None(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return 0;
    }

    public static ulong ProcessClass(ExecutionSlot slot, ulong* r) => 0;

    /// <summary>The user of the host, who handed the packet in.</summary>
    public static ulong SocketUser(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return (uint)HostIdentity.UidGid;
    }

    /// <summary>The process is one network namespace.</summary>
    public static ulong NetworkCookie(ExecutionSlot slot, ulong* r)
    {
        if (r[1] != 0)
        {
            slot.ContextArgument(1);
        }

        return 1;
    }

    public static ulong SecurityState(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(4);
        new Span<byte>(slot.WritableArgument(3, (ulong)size), size).Clear();
        return Errno.Negative(Errno.Invalid);
    }
}
