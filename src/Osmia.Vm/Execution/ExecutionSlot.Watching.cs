using System.Diagnostics.CodeAnalysis;
using Osmia.Vm.Maps;

namespace Osmia.Vm.Execution;

// What a watcher may ask about the state between two instructions.
internal sealed unsafe partial class ExecutionSlot
{
    public ulong ContextStart => (ulong)_context;

    public ulong PacketStart => PacketData;

    public ulong PacketEnd => PacketData + (ulong)PacketLength;

    public ulong Register(int register) => State->Registers[register];

    /// <summary>The address behind a frame's stack: its r10.</summary>
    public ulong FrameTop(int depth) => State->Registers[10] + (ulong)((State->Depth - depth) * FrameSize);

    /// <summary>A byte of the stack below a frame's r10.</summary>
    public byte StackByte(int depth, int offset) => ((byte*)FrameTop(depth))[offset];

    public bool TryFindMap(ulong address, [NotNullWhen(true)] out VmMap? map, out MapRegion region)
    {
        region = default;
        return Engine.MapMemory.TryFind(address, Program, out map) && map.TryLocate(address, out region);
    }
}
