using System.Buffers.Binary;
using System.Diagnostics;
using Osmia.Vm.Execution;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Helpers;

/// <summary>
/// bpf_tcp_raw_{gen,check}_syncookie_ipv{4,6}: sequence numbers that prove that a client has seen our answer. The secret is the engine's, so that only
/// cookies it made pass; the number's parts (client's number, minute, hash, index of the segment size) are where Linux has them.
/// </summary>
internal static unsafe class SynCookieHelpers
{
    private const int TcpHeader = 20;
    private const uint HashBits = 24;
    private const uint HashMask = (1u << (int)HashBits) - 1;
    private const uint MaxAge = 2;
    private const int DefaultSegment = 536;

    private static ReadOnlySpan<ushort> Sizes4 => [536, 1300, 1440, 1460];

    private static ReadOnlySpan<ushort> Sizes6 => [1280 - 60, 1480 - 60, 1500 - 60, 9000 - 60];

    public static ulong Make4(ExecutionSlot slot, ulong* r) => Make(slot, slot.ReadableArgument(1, 20) + 12, 8, Sizes4);

    public static ulong Make6(ExecutionSlot slot, ulong* r) => Make(slot, slot.ReadableArgument(1, 40) + 8, 32, Sizes6);

    public static ulong Check4(ExecutionSlot slot, ulong* r) => Check(slot, slot.ReadableArgument(1, 20) + 12, 8, Sizes4);

    public static ulong Check6(ExecutionSlot slot, ulong* r) => Check(slot, slot.ReadableArgument(1, 40) + 8, 32, Sizes6);

    private static ulong Make(ExecutionSlot slot, byte* addresses, int addressBytes, ReadOnlySpan<ushort> sizes)
    {
        int length = slot.LengthArgument(3);
        var header = new ReadOnlySpan<byte>(slot.ReadableArgument(2, (ulong)length), length);
        if (length < TcpHeader || length != (header[12] >> 4) * 4)
        {
            return Errno.Negative(Errno.Invalid);
        }

        int segment = SegmentSize(header);
        int index = sizes.Length - 1;
        while (index > 0 && segment < sizes[index])
        {
            index--;
        }

        uint minute = Minute();
        uint cookie = Cookie(slot, addresses, addressBytes, header, minute, BinaryPrimitives.ReadUInt32BigEndian(header[4..]), (uint)index);
        return cookie | ((ulong)sizes[index] << 32);
    }

    private static ulong Check(ExecutionSlot slot, byte* addresses, int addressBytes, ReadOnlySpan<ushort> sizes)
    {
        var header = new ReadOnlySpan<byte>(slot.ReadableArgument(2, TcpHeader), TcpHeader);
        uint cookie = BinaryPrimitives.ReadUInt32BigEndian(header[8..]) - 1;
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(header[4..]) - 1;
        uint now = Minute();
        for (uint age = 0; age < MaxAge; age++)
        {
            for (uint index = 0; index < sizes.Length; index++)
            {
                if (Cookie(slot, addresses, addressBytes, header, now - age, sequence, index) == cookie)
                {
                    return 0;
                }
            }
        }

        return Errno.Negative(Errno.Access);
    }

    private static uint Cookie(ExecutionSlot slot, byte* addresses, int addressBytes, ReadOnlySpan<byte> header, uint minute, uint sequence, uint index)
    {
        Span<byte> text = stackalloc byte[48];
        text.Clear();
        new ReadOnlySpan<byte>(addresses, addressBytes).CopyTo(text);
        header[..4].CopyTo(text[addressBytes..]);
        fixed (byte* bytes = text)
        {
            uint first = KeyHash.Of(bytes, (uint)text.Length, slot.Engine.CookieSecret);
            BinaryPrimitives.WriteUInt32LittleEndian(text[44..], minute + 1);
            uint second = KeyHash.Of(bytes, (uint)text.Length, ~slot.Engine.CookieSecret);
            return first + sequence + (minute << (int)HashBits) + ((second + index) & HashMask);
        }
    }

    /// <summary>The segment size the client offers (option 2), or the default.</summary>
    private static int SegmentSize(ReadOnlySpan<byte> header)
    {
        const byte End = 0;
        const byte Padding = 1;
        const byte MaximumSegment = 2;
        int at = TcpHeader;
        while (at < header.Length && header[at] != End)
        {
            if (header[at] == Padding)
            {
                at++;
                continue;
            }

            if (at + 1 >= header.Length || header[at + 1] < 2 || at + header[at + 1] > header.Length)
            {
                break;
            }

            if (header[at] == MaximumSegment && header[at + 1] == 4)
            {
                int size = BinaryPrimitives.ReadUInt16BigEndian(header[(at + 2)..]);
                return size == 0 ? DefaultSegment : size;
            }

            at += header[at + 1];
        }

        return DefaultSegment;
    }

    private static uint Minute() => (uint)(Stopwatch.GetTimestamp() / Stopwatch.Frequency / 60);
}
