using System.Runtime.CompilerServices;
using Osmia.Vm.Execution;

namespace Osmia.Vm.Helpers;

/// <summary>bpf_csum_diff, bpf_l3_csum_replace, bpf_l4_csum_replace.</summary>
internal static unsafe class ChecksumHelpers
{
    private const ulong SizeMask = 0xf;
    private const ulong PseudoHeader = 0x10;
    private const ulong ZeroMeansNone = 0x20;
    private const ulong Enforce = 0x40;
    private const ulong Ip6 = 0x80;

    public static ulong Difference(ExecutionSlot slot, ulong* r)
    {
        int fromSize = slot.LengthArgument(2);
        int toSize = slot.LengthArgument(4);
        var from = new ReadOnlySpan<byte>(slot.ReadableArgument(1, (ulong)fromSize), fromSize);
        var to = new ReadOnlySpan<byte>(slot.ReadableArgument(3, (ulong)toSize), toSize);
        uint seed = (uint)r[5];
        uint sum = (fromSize, toSize) switch
        {
            (0, 0) => seed,
            (0, _) => Checksum.Partial(to, seed),
            (_, 0) => ~Checksum.Partial(from, ~seed),
            _ => Checksum.Subtract(Checksum.Partial(to, seed), Checksum.Partial(from, 0)),
        };
        return Checksum.To16(sum);
    }

    /// <summary>Only packets whose whole checksum the device computed have one to update; a replayed packet has none.</summary>
    public static ulong Update(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        return Errno.Negative(524);
    }

    public static ulong ReplaceL3(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        ulong flags = r[5];
        if ((flags & ~SizeMask) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ushort* checksum = ChecksumAt(slot, r[2]);
        return checksum == null ? Errno.Negative(Errno.Fault) : Replace(checksum, flags & SizeMask, r[3], r[4]);
    }

    public static ulong ReplaceL4(ExecutionSlot slot, ulong* r)
    {
        slot.ContextArgument(1);
        ulong flags = r[5];
        if ((flags & ~(SizeMask | PseudoHeader | ZeroMeansNone | Enforce | Ip6)) != 0)
        {
            return Errno.Negative(Errno.Invalid);
        }

        ushort* checksum = ChecksumAt(slot, r[2]);
        if (checksum == null)
        {
            return Errno.Negative(Errno.Fault);
        }

        bool isOptional = (flags & ZeroMeansNone) != 0;
        ushort value = Unsafe.ReadUnaligned<ushort>(checksum);
        if (isOptional && (flags & Enforce) == 0 && value == 0)
        {
            return 0;
        }

        ulong result = Replace(checksum, flags & SizeMask, r[3], r[4]);
        if (result == 0 && isOptional && Unsafe.ReadUnaligned<ushort>(checksum) == 0)
        {
            Unsafe.WriteUnaligned(checksum, (ushort)0xffff);
        }

        return result;
    }

    private static ushort* ChecksumAt(ExecutionSlot slot, ulong offset) =>
        (uint)offset > 0xffff || (offset & 1) != 0 ? null : (ushort*)slot.PacketAt((uint)offset, sizeof(ushort), slot.PacketDataOffset);

    private static ulong Replace(ushort* location, ulong size, ulong from, ulong to)
    {
        ushort checksum = Unsafe.ReadUnaligned<ushort>(location);
        switch (size)
        {
            case 0 when from == 0:
                checksum = Checksum.ReplaceDifference(checksum, (uint)to);
                break;
            case 2:
                checksum = Checksum.Replace16(checksum, (ushort)from, (ushort)to);
                break;
            case 4:
                checksum = Checksum.Replace32(checksum, (uint)from, (uint)to);
                break;
            default:
                return Errno.Negative(Errno.Invalid);
        }

        Unsafe.WriteUnaligned(location, checksum);
        return 0;
    }
}
