using System.Runtime.InteropServices;
using Osmia.Vm.Loading;

namespace Osmia.Vm.Execution;

/// <summary>The native part of an execution slot: what the interpreter touches at every instruction.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct MachineState
{
    public fixed ulong Registers[12];

    /// <summary>Lowest address of the running function's 512 bytes of stack.</summary>
    public ulong FrameLow;

    /// <summary>The packet with its metadata, or the memory of a memory program.</summary>
    public ulong PacketLow;
    public ulong PacketLength;
    public ulong PacketWriteLength;

    /// <summary>The map value or ring record touched last.</summary>
    public ulong ValueLow;
    public ulong ValueLength;
    public ulong ValueWriteLength;

    /// <summary>Where the packet begins behind its metadata.</summary>
    public ulong PacketData;

    /// <summary>Instructions this run may still execute before it must ask for more.</summary>
    public long Budget;

    /// <summary>What it may still ask for.</summary>
    public long Reserve;

    /// <summary>Set by another thread to stop the run when it next asks: negative, else 0.</summary>
    public long Cancel;

    /// <summary>Where the interpreter is to go on in place of the compiled code that returned just now; null when that came to its end.</summary>
    public DecodedInstruction* ResumeAt;

    /// <summary>The instruction under way when the interpreter leaves its loop; traps name it.</summary>
    public DecodedInstruction* Current;

    /// <summary>Index of the running function's frame.</summary>
    public int Depth;
    public int TailCalls;

    /// <summary>Frames that hold what this run wrote.</summary>
    public int DirtyFrames;
    public int MayGotos;

    /// <summary>The slot's <see cref="ExecutionSlot.Index"/>.</summary>
    public int Cpu;

    /// <summary>A call of native code threw; it returns at once.</summary>
    public int Fault;

    /// <summary>The slot, as a weak GCHandle.</summary>
    public nint Self;
}

/// <summary>What a local call saves. A null return address marks a frame that the host entered.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CallFrame
{
    public DecodedInstruction* Return;

    /// <summary>The call that made the frame; for stack traces.</summary>
    public DecodedInstruction* Caller;
    public ulong R6;
    public ulong R7;
    public ulong R8;
    public ulong R9;
}
