using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Runtime;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>Laying out a run's packet and context as the kernel's BPF_PROG_TEST_RUN does, and handing them back.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const int LoopbackIndex = 1;
    private const int XdpInterfaceOffset = 12;

    private uint _givenInterface;

    /// <returns>r1 and r2 of the entry point.</returns>
    public (ulong R1, ulong R2) Prepare(VmProgram program, in ProgramRun run)
    {
        _kind = program.Kind;
        _layout = program.ContextLayout;
        _users = program.ContextUsers;
        switch (_kind)
        {
            case ProgramKind.Memory:
                if (!run.Context.IsEmpty && !run.Data.IsEmpty)
                {
                    throw new ArgumentException($"program '{program.Name}' is handed memory: give it as data, or as its context as the kernel takes it, not both", nameof(run));
                }

                ReadOnlySpan<byte> memory = run.Context.IsEmpty ? run.Data : run.Context;
                FillPacket(memory, 0, 64);
                UpdatePacketRegion();
                return ((ulong)_packet, (ulong)memory.Length);
            case ProgramKind.Hook:
                PrepareHook(run);
                break;
            case ProgramKind.FlowDissector:
                PrepareFlow(run);
                break;
            case ProgramKind.SocketLookup:
                PrepareLookup(run);
                break;
            case ProgramKind.Xdp:
                PrepareXdp(run);
                break;
            default:
                PrepareSkb(run);
                break;
        }

        UpdatePacketRegion();
        return ((ulong)_context, 0);
    }

    /// <summary>For a packet program that is given nothing but a frame.</summary>
    public void PreparePacket(VmProgram program, ReadOnlySpan<byte> frame)
    {
        _kind = program.Kind;
        _users = program.ContextUsers;
        if (_layout != program.ContextLayout)
        {
            _layout = program.ContextLayout;
        }

        if (_kind != ProgramKind.Xdp || !TryPlaceFrame(frame))
        {
            PrepareFrame(frame);
        }
    }

    // Apart: what it makes room for on the stack is cleared whenever it is entered.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PrepareFrame(ReadOnlySpan<byte> frame)
    {
        var run = new ProgramRun { Data = frame };
        if (_kind == ProgramKind.Xdp)
        {
            PrepareXdp(run);
        }
        else
        {
            PrepareSkb(run);
        }

        UpdatePacketRegion();
    }

    /// <summary>
    /// <see cref="PrepareXdp"/> of a frame without a context, in the buffer and the place of the one before. Of what it leaves out nothing is
    /// an XDP program's: what an skb has beside its bytes. False when there is no such buffer yet, or the room in front of it was written to.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryPlaceFrame(ReadOnlySpan<byte> frame)
    {
        int end = Headroom + frame.Length;
        if (_touchedFrom != Headroom || Math.Max(XdpHardEnd, end + 64) > _packetCapacity)
        {
            return false;
        }

        byte* data = _packet + Headroom;
        frame.CopyTo(new Span<byte>(data, frame.Length));
        ((ulong*)_context)[0] = 0;
        ((ulong*)_context)[1] = (ulong)LoopbackIndex << 32;
        ((ulong*)_context)[2] = 0;
        _givenInterface = 0;
        _hardEnd = Math.Max(XdpHardEnd, end);
        MacHeader = NetworkHeader = _dataMeta = _dataStart = Headroom;
        _dataEnd = end;
        MachineState* s = State;
        s->PacketLow = s->PacketData = (ulong)data;
        s->PacketLength = s->PacketWriteLength = (uint)frame.Length;
        return true;
    }

    public int Finish(in ProgramRun run, out int contextLength)
    {
        if (_kind == ProgramKind.FlowDissector)
        {
            return FinishFlow(run, out contextLength);
        }

        if (_kind == ProgramKind.Memory && !run.Context.IsEmpty)
        {
            // Given as the context, it comes back as the context.
            contextLength = PacketLength;
            Packet[..Math.Min(PacketLength, run.ContextOut.Length)].CopyTo(run.ContextOut);
            return 0;
        }

        int from = _dataMeta;
        if (_kind is ProgramKind.SocketFilter or ProgramKind.CgroupSkb)
        {
            // The kernel gives these packets back with a link-layer header of zeros in front.
            int header = Math.Min(EthernetHeader, _dataStart);
            from = _dataStart - header;
            NativeMemory.Clear(_packet + from, (nuint)header);
        }

        Span<byte> data = Span(from);
        data[..Math.Min(data.Length, run.DataOut.Length)].CopyTo(run.DataOut);
        contextLength = _layout?.Size ?? 0;
        if (_layout is not null && !run.ContextOut.IsEmpty)
        {
            WriteContextOut(run.ContextOut[..Math.Min(run.ContextOut.Length, _layout.Size)]);
        }

        return data.Length;
    }

    /// <summary>For programs of one hook: nothing but the context, which is the caller's to fill.</summary>
    public void PrepareHook(Hooks.HookType type)
    {
        _kind = ProgramKind.Hook;
        _layout = type.Context;
        _users = ContextUsers.Owner;
        _dataMeta = _dataStart = _dataEnd = 0;
        UpdatePacketRegion();
    }

    private void PrepareHook(in ProgramRun run)
    {
        if (!run.Data.IsEmpty)
        {
            throw new ArgumentException($"programs of hook '{_layout!.Name}' take a context, no packet", nameof(run));
        }

        if (run.Context.Length != _layout!.Size)
        {
            throw new ArgumentException($"context {_layout.Name} has {_layout.Size} bytes, and {run.Context.Length} were given", nameof(run));
        }

        _dataMeta = _dataStart = _dataEnd = 0;
        run.Context.CopyTo(new Span<byte>(_context, _layout.Size));
    }

    private void PrepareXdp(in ProgramRun run)
    {
        ClearContext();
        int metadata = 0;
        uint interfaceIndex = LoopbackIndex;
        _givenInterface = 0;
        if (!run.Context.IsEmpty)
        {
            CheckContextInput(run.Context);
            Span<byte> padded = stackalloc byte[ContextLayout.Xdp.Size];
            padded.Clear();
            run.Context[..Math.Min(run.Context.Length, padded.Length)].CopyTo(padded);
            ReadOnlySpan<uint> words = MemoryMarshal.Cast<byte, uint>(padded);
            if (words[1] != (uint)run.Data.Length || words[0] > words[1] || !IsMetadataLengthValid((int)words[0]))
            {
                throw new ArgumentException(
                    $"xdp_md: data is the length of the metadata in front of the packet (0 to 252, a multiple of 4) and data_end all {run.Data.Length} bytes; got data {words[0]}, data_end {words[1]}", nameof(run));
            }

            if (words[3] == 0 && words[4] != 0)
            {
                throw new ArgumentException($"xdp_md: rx_queue_index {words[4]} without an ingress_ifindex", nameof(run));
            }

            metadata = (int)words[0];
            _givenInterface = words[3];
            interfaceIndex = words[3] == 0 ? LoopbackIndex : words[3];
            ContextAt<uint>(16) = words[4];
        }

        ContextAt<uint>(XdpInterfaceOffset) = interfaceIndex;
        _hardEnd = Math.Max(XdpHardEnd, Headroom - metadata + run.Data.Length);
        FillPacket(run.Data, Headroom - metadata, Math.Max(64, _hardEnd - (Headroom - metadata + run.Data.Length)));
        _dataStart = _dataMeta + metadata;
    }

    private void PrepareSkb(in ProgramRun run)
    {
        ClearContext();
        ContextAt<uint>(SkbOffsets.InterfaceIndex) = LoopbackIndex;

        // The kernel fills it in for callers that give or take a context.
        bool isLengthOnWire = !run.Context.IsEmpty || !run.ContextOut.IsEmpty;
        if (!run.Context.IsEmpty)
        {
            CheckContextInput(run.Context);
            run.Context[..Math.Min(run.Context.Length, _layout!.Size)].CopyTo(new Span<byte>(_context, _layout.Size));
            ref uint index = ref ContextAt<uint>(SkbOffsets.InterfaceIndex);
            index = index == 0 ? LoopbackIndex : index;
        }

        FillPacket(run.Data, Headroom, DefaultTailroom);
        int header = Math.Min(EthernetHeader, run.Data.Length);
        NetworkHeader = MacHeader + header;
        if (header == EthernetHeader)
        {
            ReadEthernet(run.Data);
        }

        if (_kind != ProgramKind.TrafficControl)
        {
            _dataStart += header;
            _dataMeta = _dataStart;
        }

        ContextAt<uint>(SkbOffsets.Length) = (uint)PacketLength;
        ref uint wire = ref ContextAt<uint>(SkbOffsets.WireLength);
        wire = isLengthOnWire && wire == 0 ? (uint)PacketLength : wire;
        if (_kind == ProgramKind.CgroupSkb)
        {
            ReadAddresses();
        }
    }

    private void ReadEthernet(ReadOnlySpan<byte> frame)
    {
        ContextAt<uint>(SkbOffsets.PacketType) = PacketTypeOf(frame[..6]);
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(frame[12..]);
        if (type < 0x600)
        {
            // A length: raw 802.3 when the payload begins with ff ff, else 802.2.
            type = frame.Length >= 16 && frame[14] == 0xff && frame[15] == 0xff ? (ushort)1 : (ushort)4;
        }

        ContextAt<uint>(SkbOffsets.Protocol) = BinaryPrimitives.ReverseEndianness(type);
    }

    /// <summary>
    /// PACKET_HOST, MULTICAST or OTHERHOST for loopback, where test runs take place: its own address and its broadcast address are
    /// 00:00:00:00:00:00, so that ff:ff:ff:ff:ff:ff is but a multicast address.
    /// </summary>
    private static uint PacketTypeOf(ReadOnlySpan<byte> destination) =>
        destination.IndexOfAnyExcept((byte)0) < 0 ? 0u : (destination[0] & 1) != 0 ? 2u : 3u;

    /// <summary>The socket's addresses: test runs take the source as the local and the destination as the remote one.</summary>
    private void ReadAddresses()
    {
        const uint FamilyIp4 = 2;
        const uint FamilyIp6 = 10;
        ReadOnlySpan<byte> packet = Packet;
        switch (ContextAt<uint>(SkbOffsets.Protocol))
        {
            case 0x0008 when packet.Length >= 20:
                ContextAt<uint>(SkbOffsets.Family) = FamilyIp4;
                packet.Slice(12, 4).CopyTo(new Span<byte>(_context + SkbOffsets.LocalIp4, 4));
                packet.Slice(16, 4).CopyTo(new Span<byte>(_context + SkbOffsets.RemoteIp4, 4));
                break;
            case 0xdd86 when packet.Length >= 40:
                ContextAt<uint>(SkbOffsets.Family) = FamilyIp6;
                packet.Slice(8, 16).CopyTo(new Span<byte>(_context + SkbOffsets.LocalIp6, 16));
                packet.Slice(24, 16).CopyTo(new Span<byte>(_context + SkbOffsets.RemoteIp6, 16));
                break;
        }
    }

    private void ClearContext() => new Span<byte>(_context, _layout!.Size).Clear();

    private void CheckContextInput(ReadOnlySpan<byte> context)
    {
        for (int offset = 0; offset < context.Length; offset++)
        {
            if (context[offset] != 0 && _layout!.FieldAt(offset) is not { TestRunInput: true })
            {
                string name = _layout.FieldAt(offset)?.Name ?? $"offset {offset}";
                throw new ArgumentException($"{_layout.Name}: {name} cannot be given; a run takes {string.Join(", ", _layout.Fields.Where(f => f.TestRunInput).Select(f => f.Name))}", nameof(context));
            }
        }
    }

    private void WriteContextOut(Span<byte> output)
    {
        output.Clear();
        foreach (ContextField field in _layout!.Fields)
        {
            if (!field.TestRunInput || field.End > output.Length)
            {
                continue;
            }

            Span<byte> target = output.Slice(field.Offset, field.Size);
            if (field.Kind == ContextFieldKind.PacketData)
            {
                BinaryPrimitives.WriteInt32LittleEndian(target, _dataStart - _dataMeta);
            }
            else if (field.Kind == ContextFieldKind.PacketEnd)
            {
                BinaryPrimitives.WriteInt32LittleEndian(target, _dataEnd - _dataMeta);
            }
            else if (_kind == ProgramKind.Xdp && field.Offset == XdpInterfaceOffset)
            {
                // The kernel hands back what it was given, not what the program saw.
                BinaryPrimitives.WriteUInt32LittleEndian(target, _givenInterface);
            }
            else
            {
                new ReadOnlySpan<byte>(_context + field.Offset, field.Size).CopyTo(target);
            }
        }
    }
}
