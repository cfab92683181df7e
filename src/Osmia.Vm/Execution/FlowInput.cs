using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Runtime;

namespace Osmia.Vm.Execution;

/// <summary>Test runs of flow dissectors and socket lookups, as the kernel's: the one fills in flow keys, the other sees a context alone.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    /// <summary>sizeof(struct bpf_flow_keys).</summary>
    private const int FlowKeysSize = 56;

    private const int KeyNetworkOffset = 0;
    private const int KeyTransportOffset = 2;
    private const int KeyProtocol = 10;
    private const int KeyFlags = 48;
    private static readonly int s_flowKeysField = ContextLayout.SocketBuffer.Field("flow_keys").Offset;

    /// <summary>The frame from its Ethernet header on; a context given is flow keys, of which the flags count.</summary>
    private void PrepareFlow(in ProgramRun run)
    {
        if (run.Data.Length < EthernetHeader)
        {
            throw new ArgumentException($"a flow dissector sees frames with an Ethernet header of {EthernetHeader} bytes, and this one has {run.Data.Length}", nameof(run));
        }

        ClearContext();
        FillPacket(run.Data, Headroom, DefaultTailroom);
        var keys = new Span<byte>(_flowKeys, FlowKeysSize);
        keys.Clear();
        if (!run.Context.IsEmpty)
        {
            for (int i = 0; i < run.Context.Length; i++)
            {
                if (run.Context[i] != 0 && i is < KeyFlags or >= KeyFlags + sizeof(uint))
                {
                    throw new ArgumentException($"bpf_flow_keys: a run takes flags (bytes {KeyFlags} to {KeyFlags + sizeof(uint) - 1}), and byte {i} is set", nameof(run));
                }
            }

            run.Context[..Math.Min(run.Context.Length, FlowKeysSize)].CopyTo(keys);
        }

        MemoryMarshal.Write(keys[KeyNetworkOffset..], (ushort)EthernetHeader);
        MemoryMarshal.Write(keys[KeyTransportOffset..], (ushort)EthernetHeader);
        run.Data.Slice(EthernetHeader - 2, 2).CopyTo(keys[KeyProtocol..]);
        ContextAt<ulong>(s_flowKeysField) = (ulong)_flowKeys;
    }

    private int FinishFlow(in ProgramRun run, out int contextLength)
    {
        var keys = new Span<byte>(_flowKeys, FlowKeysSize);

        // Offsets that lead out of the packet are put right.
        ref ushort network = ref MemoryMarshal.AsRef<ushort>(keys[KeyNetworkOffset..]);
        network = (ushort)Math.Clamp((int)network, EthernetHeader, Math.Max(EthernetHeader, (int)(ushort)PacketLength));
        ref ushort transport = ref MemoryMarshal.AsRef<ushort>(keys[KeyTransportOffset..]);
        transport = (ushort)Math.Clamp((int)transport, network, Math.Max(network, (int)(ushort)PacketLength));
        keys[..Math.Min(FlowKeysSize, run.DataOut.Length)].CopyTo(run.DataOut);
        contextLength = Math.Min(run.ContextOut.Length, run.Context.Length);
        run.Context[..contextLength].CopyTo(run.ContextOut);
        return FlowKeysSize;
    }

    private void PrepareLookup(in ProgramRun run)
    {
        if (!run.Data.IsEmpty)
        {
            throw new ArgumentException("sk_lookup programs take a context (bpf_sk_lookup), no packet", nameof(run));
        }

        if (run.Context.IsEmpty)
        {
            throw new ArgumentException("sk_lookup programs take a context (bpf_sk_lookup)", nameof(run));
        }

        ClearContext();
        _dataMeta = _dataStart = _dataEnd = 0;
        CheckContextInput(run.Context);
        run.Context[..Math.Min(run.Context.Length, _layout!.Size)].CopyTo(new Span<byte>(_context, _layout.Size));
    }
}
