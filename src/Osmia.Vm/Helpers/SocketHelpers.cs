using Osmia.Bytecode;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>Sockets the host described (<see cref="VmEngine.AddSocket"/>): finding, giving back, redirecting to them.</summary>
internal static unsafe class SocketHelpers
{
    private const int Ip4Tuple = 12;
    private const int Ip6Tuple = 36;
    private const ulong Drop = 0;
    private const ulong Pass = 1;
    private const ulong Ingress = 1;
    private const ulong Replace = 1;
    private const ulong NoReuseport = 2;

    public static ulong LookupTcp(ExecutionSlot slot, ulong* r) => Find(slot, r, VmSocket.Tcp);

    public static ulong LookupUdp(ExecutionSlot slot, ulong* r) => Find(slot, r, VmSocket.Udp);

    public static ulong Release(ExecutionSlot slot, ulong* r)
    {
        _ = Argument(slot, 1);
        if (!slot.TryReleaseSocket())
        {
            slot.TrapArgument(1, "is a socket, and the program holds none");
        }

        return 0;
    }

    /// <summary>bpf_sk_assign of a socket lookup: the socket that takes the packet. Null takes a choice back; a second choice must say that it replaces the first.</summary>
    public static ulong Assign(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        uint id = r[2] == 0 ? 0 : Argument(slot, 2);
        if ((r[3] & ~(Replace | NoReuseport)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (slot.Redirect != default && (r[3] & Replace) == 0)
        {
            return Errno.Negative(Errno.Exists);
        }

        slot.Redirect = id == 0 ? default : new(id, "", 0, r[3]);
        return 0;
    }

    /// <summary>Every socket here is a full one.</summary>
    public static ulong Full(ExecutionSlot slot, ulong* r) => r[1] == 0 ? 0 : slot.Engine.Sockets.AddressOf(Argument(slot, 1));

    public static ulong Listener(ExecutionSlot slot, ulong* r)
    {
        uint id = Argument(slot, 1);
        return slot.Engine.Sockets.IsListening(id) ? slot.Engine.Sockets.AddressOf(id) : 0;
    }

    /// <summary>bpf_sk_redirect_map, bpf_msg_redirect_map, bpf_sk_redirect_hash, bpf_msg_redirect_hash: a verdict, and a note which socket it is for.</summary>
    public static ulong RedirectToMap(ExecutionSlot slot, ulong* r)
    {
        RedirectMap map = MapOf(slot);
        uint key = (uint)r[3];
        return Send(slot, map, (byte*)&key, key, r[4]);
    }

    public static ulong RedirectToHash(ExecutionSlot slot, ulong* r)
    {
        RedirectMap map = MapOf(slot);
        byte* key = slot.ReadableArgument(3, map.KeyBytes);
        return Send(slot, map, key, map.KeyBytes >= sizeof(uint) ? *(uint*)key : 0, r[4]);
    }

    /// <summary>bpf_sk_select_reuseport: the socket that takes the packet.</summary>
    public static ulong Select(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        RedirectMap map = MapOf(slot);
        byte* key = slot.ReadableArgument(3, map.KeyBytes);
        if (r[4] != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        uint target = map.TargetAt(key);
        if (target == 0)
        {
            return Errno.Negative(Errno.NoEntry);
        }

        slot.Redirect = new(target, map.Name, map.KeyBytes >= sizeof(uint) ? *(uint*)key : 0, 0);
        return 0;
    }

    /// <summary>The number of the socket an argument points to.</summary>
    public static uint Argument(ExecutionSlot slot, int argument)
    {
        uint id = slot.Engine.Sockets.IdAt(slot.State->Registers[argument]);
        if (id == 0)
        {
            slot.TrapArgument(argument, "is no socket");
        }

        return id;
    }

    private static ulong Find(ExecutionSlot slot, ulong* r, int protocol)
    {
        slot.ContextArgument(1);
        int length = slot.LengthArgument(3);
        byte* tuple = slot.ReadableArgument(2, (ulong)length);
        ulong network = r[4];
        bool isNetwork = (int)network < 0 || network <= int.MaxValue;
        if (length is not (Ip4Tuple or Ip6Tuple) || r[5] != 0 || !isNetwork)
        {
            return 0;
        }

        uint id = slot.Engine.Sockets.Find(protocol, new ReadOnlySpan<byte>(tuple, length));
        if (id == 0)
        {
            return 0;
        }

        slot.HoldSocket();
        return slot.Engine.Sockets.AddressOf(id);
    }

    private static RedirectMap MapOf(ExecutionSlot slot)
    {
        RedirectMap map = slot.MapArgument<RedirectMap>(2, "map of sockets");
        if (!map.HoldsSockets)
        {
            slot.TrapArgument(2, $"is map '{map.Name}' of type {map.Type.ToKernelName()}, which holds no sockets");
        }

        return map;
    }

    private static ulong Send(ExecutionSlot slot, RedirectMap map, byte* key, uint shown, ulong flags)
    {
        slot.ContextArgument(1);
        uint target = (flags & ~Ingress) != 0 ? 0 : map.TargetAt(key);
        if (target == 0)
        {
            return Drop;
        }

        slot.Redirect = new(target, map.Name, shown, flags);
        return Pass;
    }
}
