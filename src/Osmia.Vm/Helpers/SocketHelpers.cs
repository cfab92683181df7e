using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>Helpers on sockets. The VM has none: what finds a socket gives null, and null may be assigned, which takes a choice back.</summary>
internal static unsafe class SocketHelpers
{
    public static ulong Assign(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        NoSocket(slot, 2, r[2]);
        return r[3] is 0 or Replace or NoReuseport or (Replace | NoReuseport) ? 0 : Errno.Negative(Errno.Invalid);
    }

    public static ulong Release(ExecutionSlot slot, ulong* r)
    {
        NoSocket(slot, 1, r[1]);
        slot.TrapArgument(1, "is null", "there is no socket to be released");
        return 0;
    }

    private const ulong Replace = 1;
    private const ulong NoReuseport = 2;

    private static void NoSocket(ExecutionSlot slot, int argument, ulong value)
    {
        if (value != 0)
        {
            slot.TrapArgument(argument, "is no socket", "the virtual machine has no sockets");
        }
    }
}
