using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Vm.Helpers;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>
/// The packet of a run: native memory with room in front and behind, so that programs can grow it at both ends.
/// Positions are byte offsets in the buffer; moving an end moves the region that programs may touch.
/// </summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>XDP_PACKET_HEADROOM.</summary>
    public const int Headroom = 256;
    public const int EthernetHeader = 14;

    /// <summary>Bytes in front that the kernel keeps for its own frame record (sizeof(struct xdp_frame)).</summary>
    private const int XdpFrameSize = 40;

    /// <summary>A page less the kernel's record at its end: how far a tail may grow in BPF_PROG_TEST_RUN.</summary>
    private const int XdpHardEnd = 4096 - 320;
    private const int DefaultTailroom = 4096;

    /// <summary>SKB_MAX_ALLOC, four pages less the kernel's record at their end: how far helpers let an skb grow.</summary>
    private const int MaxSkbLength = (4 * 4096) - 320;

    private byte[]? _tunnelOption;
    private byte* _packet;
    private int _packetCapacity;

    // What lies in front of it in the buffer is zero.
    private int _touchedFrom;
    private int _dataMeta;
    private int _dataStart;
    private int _dataEnd;
    private int _hardEnd;

    /// <summary>Offset of the Ethernet header of an skb.</summary>
    public int MacHeader { get; private set; }

    /// <summary>Offset of what follows the Ethernet header.</summary>
    public int NetworkHeader { get; private set; }

    /// <summary>The program has put the packet into a tunnel (bpf_skb_adjust_room).</summary>
    public bool IsEncapsulated { get; set; }

    /// <summary>The tunnel the program has set (bpf_skb_set_tunnel_key).</summary>
    public TunnelKey Tunnel { get; set; }

    public Span<byte> TunnelOption => _tunnelOption ??= new byte[TunnelHelpers.MaxOption + 1];

    /// <summary>The device the packet came in by.</summary>
    public uint InterfaceIndex => ContextAt<uint>(_kind == ProgramKind.Xdp ? XdpInterfaceOffset : SkbOffsets.InterfaceIndex);

    public int PacketDataOffset => _dataStart;

    public int PacketLength => _dataEnd - _dataStart;

    private ulong PacketData => (ulong)(_packet + _dataStart);

    public Span<byte> Packet => new(_packet + _dataStart, _dataEnd - _dataStart);

    /// <summary>The bytes from the metadata or link-layer header to the end.</summary>
    private Span<byte> Span(int from) => new(_packet + from, _dataEnd - from);

    /// <summary>A pointer into the packet, or null when the range leaves it.</summary>
    public byte* PacketAt(long offset, long length, int from) =>
        offset < 0 || length < 0 || from + offset + length > _dataEnd ? null : _packet + from + offset;

    public bool TryAdjustHead(int offset)
    {
        int metadata = _dataStart - _dataMeta;
        long start = (long)_dataStart + offset;
        if (start < XdpFrameSize + metadata || start > _dataEnd - EthernetHeader)
        {
            return false;
        }

        Buffer.MemoryCopy(_packet + _dataMeta, _packet + _dataMeta + offset, metadata, metadata);
        _dataMeta += offset;
        _dataStart += offset;
        UpdatePacketRegion();
        return true;
    }

    public bool TryAdjustTail(int offset)
    {
        long end = (long)_dataEnd + offset;
        if (end > _hardEnd || end < _dataStart + EthernetHeader)
        {
            return false;
        }

        if (offset > 0)
        {
            Charge((ulong)offset);
            NativeMemory.Clear(_packet + _dataEnd, (nuint)offset);
        }

        _dataEnd = (int)end;
        UpdatePacketRegion();
        return true;
    }

    /// <returns>0 or a negative error number.</returns>
    public int AdjustMeta(int offset)
    {
        long meta = (long)_dataMeta + offset;
        if (meta < XdpFrameSize || meta > _dataStart)
        {
            return -Errno.Invalid;
        }

        if (!IsMetadataLengthValid(_dataStart - (int)meta))
        {
            return -Errno.Access;
        }

        _dataMeta = (int)meta;
        UpdatePacketRegion();
        return 0;
    }

    /// <summary>Sets the length of an skb, filling with zeros; 0 or a negative error number.</summary>
    public int ChangeTail(long length)
    {
        int minimum = Math.Max(NetworkHeader - _dataStart, 0);
        if (length > MaxSkbLength || length < minimum)
        {
            return -Errno.Invalid;
        }

        int end = _dataStart + (int)length;
        if (end > _packetCapacity)
        {
            Grow(0, end - _dataEnd);
            end = _dataStart + (int)length;
        }

        Charge((ulong)length);

        if (end > _dataEnd)
        {
            NativeMemory.Clear(_packet + _dataEnd, (nuint)(end - _dataEnd));
            Charge((ulong)(end - _dataEnd));
        }

        _dataEnd = end;
        UpdateSkbLength();
        return 0;
    }

    /// <summary>Puts zeroed bytes in front of an skb; 0 or a negative error number.</summary>
    public int ChangeHead(long room)
    {
        if (room < 0 || PacketLength + room > MaxSkbLength)
        {
            return -Errno.Invalid;
        }

        Charge((ulong)(PacketLength + room));
        OpenGap(0, (int)room);
        NativeMemory.Clear(_packet + _dataStart, (nuint)room);
        MacHeader = _dataStart;
        UpdateSkbLength();
        return 0;
    }

    /// <summary>Inserts bytes after the first <paramref name="keep"/> bytes of the packet, which move to the front.</summary>
    public void OpenGap(int keep, int size)
    {
        if (_dataStart < size)
        {
            Grow(size, 0);
        }

        Buffer.MemoryCopy(_packet + _dataStart, _packet + _dataStart - size, keep, keep);
        _dataStart -= size;
        _dataMeta = _dataStart;
        MacHeader -= size;
        UpdateSkbLength();
    }

    /// <summary>Removes bytes after the first <paramref name="keep"/> bytes of the packet.</summary>
    public void CloseGap(int keep, int size)
    {
        Buffer.MemoryCopy(_packet + _dataStart, _packet + _dataStart + size, keep, keep);
        _dataStart += size;
        _dataMeta = _dataStart;
        MacHeader += size;
        NetworkHeader = Math.Max(NetworkHeader, MacHeader + EthernetHeader);
        UpdateSkbLength();
    }

    /// <summary>Inserts zeroed bytes behind the first <paramref name="keep"/>; the network header then begins at or before them.</summary>
    public void OpenRoom(int keep, int size)
    {
        Charge((ulong)(keep + size));
        OpenGap(keep, size);
        NativeMemory.Clear(_packet + _dataStart + keep, (nuint)size);
        NetworkHeader -= size;
    }

    /// <summary>Removes bytes behind the first <paramref name="keep"/>; the headers keep their distance.</summary>
    public void CloseRoom(int keep, int size)
    {
        int distance = NetworkHeader - MacHeader;
        CloseGap(keep, size);
        NetworkHeader = MacHeader + distance;
    }

    private static bool IsMetadataLengthValid(int length) => length % 4 == 0 && length <= 255;

    /// <summary>Copies the run's data to an offset with the given room behind.</summary>
    private void FillPacket(ReadOnlySpan<byte> data, int offset, int tailroom)
    {
        int needed = checked(offset + data.Length + tailroom);
        if (needed > _packetCapacity)
        {
            FreePacketBuffer();
            _packet = (byte*)NativeMemory.AlignedAlloc((nuint)needed, 64);
            _packetCapacity = needed;
            _touchedFrom = 0;
        }

        // Programs can move into the room in front: it holds nothing of other runs or of the host.
        if (_touchedFrom < offset)
        {
            NativeMemory.Clear(_packet + _touchedFrom, (nuint)(offset - _touchedFrom));
        }

        _touchedFrom = offset;
        data.CopyTo(new Span<byte>(_packet + offset, data.Length));
        IsEncapsulated = false;
        Tunnel = default;
        _dataMeta = offset;
        _dataStart = offset;
        _dataEnd = offset + data.Length;
        MacHeader = offset;
        NetworkHeader = offset;
    }

    /// <summary>
    /// Moves the packet to a new buffer with at least so much room in front of it and behind it. Room that cutting left over is
    /// given up, so that a program that grows and cuts by turns takes no more memory than the largest packet.
    /// </summary>
    private void Grow(int front, int back)
    {
        int first = Math.Min(Math.Min(_dataMeta, _dataStart), MacHeader);
        int length = _dataEnd - first;
        int start = front + Headroom;
        int capacity = checked(start + length + back + DefaultTailroom);
        Charge((ulong)capacity);
        var grown = (byte*)NativeMemory.AlignedAlloc((nuint)capacity, 64);
        NativeMemory.Clear(grown, (nuint)capacity);
        Buffer.MemoryCopy(_packet + first, grown + start, length, length);
        FreePacketBuffer();
        _packet = grown;
        _packetCapacity = capacity;
        _touchedFrom = start;
        int shift = start - first;
        _dataMeta += shift;
        _dataStart += shift;
        _dataEnd += shift;
        MacHeader += shift;
        NetworkHeader += shift;
    }

    private void UpdateSkbLength()
    {
        ContextAt<uint>(SkbOffsets.Length) = (uint)PacketLength;
        UpdatePacketRegion();
    }

    /// <summary>Tells the checks where the packet is now. A program without direct access sees none of it.</summary>
    private void UpdatePacketRegion()
    {
        MachineState* s = State;
        _touchedFrom = Math.Min(_touchedFrom, _dataMeta);
        bool isReadable = _kind is not (ProgramKind.SocketFilter or ProgramKind.SocketLookup);
        s->PacketLow = (ulong)(_packet + _dataMeta);
        s->PacketData = PacketData;
        s->PacketLength = isReadable ? (ulong)(_dataEnd - _dataMeta) : 0;
        s->PacketWriteLength = _kind is ProgramKind.Xdp or ProgramKind.TrafficControl or ProgramKind.Memory ? s->PacketLength : 0;
    }

    private void FreePacketBuffer()
    {
        NativeMemory.AlignedFree(_packet);
        _packet = null;
        _packetCapacity = 0;
    }
}

/// <summary>Offsets of __sk_buff fields that the VM itself fills, from the layout table.</summary>
internal static class SkbOffsets
{
    public static readonly int Length = Of("len");
    public static readonly int PacketType = Of("pkt_type");
    public static readonly int Protocol = Of("protocol");
    public static readonly int VlanPresent = Of("vlan_present");
    public static readonly int VlanTci = Of("vlan_tci");
    public static readonly int VlanProtocol = Of("vlan_proto");
    public static readonly int InterfaceIndex = Of("ifindex");
    public static readonly int Hash = Of("hash");
    public static readonly int Family = Of("family");
    public static readonly int RemoteIp4 = Of("remote_ip4");
    public static readonly int LocalIp4 = Of("local_ip4");
    public static readonly int RemoteIp6 = Of("remote_ip6[0]");
    public static readonly int LocalIp6 = Of("local_ip6[0]");
    public static readonly int WireLength = Of("wire_len");
    public static readonly int Time = Of("tstamp");
    public static readonly int TimeType = Of("tstamp_type");

    private static int Of(string name) => ContextLayout.SocketBuffer.Field(name).Offset;
}
