using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>The tunnel a packet goes into: what a program sets, it reads back as the kernel shows it, seen from the other end.</summary>
internal struct TunnelKey
{
    public bool IsSet;
    public bool IsIp6;
    public uint Id;
    public byte TypeOfService;
    public byte TimeToLive;
    public uint Label;
    public TunnelAddress Remote;
    public TunnelAddress Local;

    /// <summary>What the kernel shows of the flags (in network order): checksum 1, key 4, sequence number 8, do not fragment 0x100, no cache 0x2000.</summary>
    public ushort Flags;
    public int OptionLength;
}

/// <summary>
/// 16 bytes of address in their order. Not <see cref="UInt128"/>: a type that has one, be it deep inside, and every method that takes that type
/// are left out of code compiled ahead of time, which for the slot is the interpreter and each helper.
/// </summary>
internal readonly record struct TunnelAddress(ulong First, ulong Last);

/// <summary>bpf_skb_{get,set}_tunnel_{key,opt}. A packet handed in came through no tunnel.</summary>
/// <remarks>Source: struct bpf_tunnel_key in include/uapi/linux/bpf.h; results tried on Linux 6.18.</remarks>
internal static unsafe class TunnelHelpers
{
    private const int KeySize = 44;
    public const int MaxOption = 255;
    private const int Protocol = 71;
    private const ulong Ip6 = 1;
    private const ulong ShowFlags = 16;
    private const ulong SetFlags = 0x1f;

    // Offsets in struct bpf_tunnel_key, which are also the sizes it once had.
    private const int RemoteField = 4;
    private const int RemoteEnd4 = 8;
    private const int TypeOfServiceField = 20;
    private const int TimeToLiveField = 21;
    private const int ExtensionField = 22;
    private const int LabelField = 24;
    private const int LocalField = 28;

    public static ulong GetKey(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(3);
        byte* target = slot.WritableArgument(2, (ulong)size);
        new Span<byte>(target, size).Clear();
        TunnelKey key = slot.Tunnel;
        if (!key.IsSet || (r[4] & ~(Ip6 | ShowFlags)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (key.IsIp6 != ((r[4] & Ip6) != 0))
        {
            return Errno.Negative(Protocol);
        }

        if (!IsSize(size) || (size == RemoteEnd4 && key.IsIp6))
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* whole = stackalloc byte[KeySize];
        new Span<byte>(whole, KeySize).Clear();
        *(uint*)whole = key.Id;
        Unsafe.WriteUnaligned(whole + RemoteField, key.Local);
        whole[TypeOfServiceField] = key.TypeOfService;
        whole[TimeToLiveField] = key.TimeToLive;
        if ((r[4] & ShowFlags) != 0)
        {
            BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(whole + ExtensionField, sizeof(ushort)), key.Flags);
        }

        *(uint*)(whole + LabelField) = key.Label;
        Unsafe.WriteUnaligned(whole + LocalField, key.Remote);
        new ReadOnlySpan<byte>(whole, size).CopyTo(new Span<byte>(target, size));
        return 0;
    }

    public static ulong SetKey(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(3);
        byte* source = slot.ReadableArgument(2, (ulong)size);
        if ((r[4] & ~SetFlags) != 0 || !IsSize(size))
        {
            return Errno.Negative(Errno.Invalid);
        }

        byte* whole = stackalloc byte[KeySize];
        new Span<byte>(whole, KeySize).Clear();
        new ReadOnlySpan<byte>(source, size).CopyTo(new Span<byte>(whole, KeySize));
        bool isIp6 = (r[4] & Ip6) != 0;
        uint label = *(uint*)(whole + LabelField);
        if (*(ushort*)(whole + ExtensionField) != 0 || (label != 0 && !isIp6))
        {
            return Errno.Negative(Errno.Invalid);
        }

        slot.Tunnel = new TunnelKey
        {
            IsSet = true,
            IsIp6 = isIp6,
            Id = *(uint*)whole,
            TypeOfService = whole[TypeOfServiceField],
            TimeToLive = whole[TimeToLiveField],
            Label = label,
            Flags = (ushort)(0x2000 | ((r[4] & 2) != 0 ? 0 : 1) | ((r[4] & 16) != 0 ? 0 : 4) | ((r[4] & 8) != 0 ? 8 : 0) | ((r[4] & 4) != 0 ? 0x100 : 0)),
            Remote = AddressAt(whole + RemoteField, isIp6),
            Local = AddressAt(whole + LocalField, isIp6),
        };
        return 0;
    }

    public static ulong GetOption(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(3);
        var target = new Span<byte>(slot.WritableArgument(2, (ulong)size), size);
        target.Clear();
        int length = slot.Tunnel.OptionLength;
        if (length == 0 || size < length)
        {
            return Errno.Negative(length == 0 ? Errno.NoEntry : Errno.NoMemory);
        }

        slot.TunnelOption[..length].CopyTo(target);
        return (ulong)length;
    }

    /// <summary>The options of the tunnel whose key the program has set.</summary>
    public static ulong SetOption(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        int size = slot.LengthArgument(3);
        var source = new ReadOnlySpan<byte>(slot.ReadableArgument(2, (ulong)size), size);
        TunnelKey key = slot.Tunnel;
        if (!key.IsSet || size % sizeof(uint) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        if (size > MaxOption)
        {
            return Errno.Negative(Errno.NoMemory);
        }

        source.CopyTo(slot.TunnelOption);
        slot.Tunnel = key with { OptionLength = size };
        return 0;
    }

    private static TunnelAddress AddressAt(byte* bytes, bool isIp6) => isIp6 ? Unsafe.ReadUnaligned<TunnelAddress>(bytes) : new(Unsafe.ReadUnaligned<uint>(bytes), 0);

    private static bool IsSize(int size) => size is KeySize or LocalField or LabelField or ExtensionField or RemoteEnd4;
}
