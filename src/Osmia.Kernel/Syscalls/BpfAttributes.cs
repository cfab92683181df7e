using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Osmia.Kernel.Syscalls;

// The members of `union bpf_attr` (include/uapi/linux/bpf.h, Linux 6.18), one struct a command. A kernel older than a field accepts
// the larger size as long as the bytes it does not know are zero, so the whole struct is always passed.

/// <summary>16 bytes of a kernel object's name, zero-terminated.</summary>
[InlineArray(16)]
internal struct ObjectName
{
    private byte _first;
}

[StructLayout(LayoutKind.Explicit, Size = 96)]
internal struct MapCreateAttributes
{
    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint KeySize;
    [FieldOffset(8)] public uint ValueSize;
    [FieldOffset(12)] public uint MaxEntries;
    [FieldOffset(16)] public uint Flags;
    [FieldOffset(20)] public int InnerMapFd;
    [FieldOffset(24)] public uint NumaNode;
    [FieldOffset(28)] public ObjectName Name;
    [FieldOffset(44)] public uint InterfaceIndex;
    [FieldOffset(48)] public int BtfFd;
    [FieldOffset(52)] public int BtfKeyType;
    [FieldOffset(56)] public int BtfValueType;
    [FieldOffset(60)] public int BtfKernelValueType;
    [FieldOffset(64)] public ulong Extra;
    [FieldOffset(72)] public int ValueTypeBtfFd;
    [FieldOffset(76)] public int TokenFd;

    /// <summary>The only program that may use the map, by its SHA-256; Linux 6.18.</summary>
    [FieldOffset(80)] public ulong ExclusiveHash;
    [FieldOffset(88)] public uint ExclusiveHashSize;
}

[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct MapElementAttributes
{
    [FieldOffset(0)] public int MapFd;
    [FieldOffset(8)] public ulong Key;
    [FieldOffset(16)] public ulong Value;
    [FieldOffset(24)] public ulong Flags;
}

[StructLayout(LayoutKind.Explicit, Size = 152)]
internal struct ProgramLoadAttributes
{
    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint InstructionCount;
    [FieldOffset(8)] public ulong Instructions;
    [FieldOffset(16)] public ulong License;
    [FieldOffset(24)] public uint LogLevel;
    [FieldOffset(28)] public uint LogSize;
    [FieldOffset(32)] public ulong LogBuffer;
    [FieldOffset(40)] public uint KernelVersion;
    [FieldOffset(44)] public uint Flags;
    [FieldOffset(48)] public ObjectName Name;
    [FieldOffset(64)] public uint InterfaceIndex;
    [FieldOffset(68)] public uint ExpectedAttachType;
    [FieldOffset(72)] public int BtfFd;
    [FieldOffset(76)] public uint FunctionInfoSize;
    [FieldOffset(80)] public ulong FunctionInfo;
    [FieldOffset(88)] public uint FunctionInfoCount;
    [FieldOffset(92)] public uint LineInfoSize;
    [FieldOffset(96)] public ulong LineInfo;
    [FieldOffset(104)] public uint LineInfoCount;
    [FieldOffset(108)] public int AttachBtfId;
    [FieldOffset(112)] public int AttachFd;
    [FieldOffset(116)] public uint CoreRelocationCount;
    [FieldOffset(120)] public ulong FdArray;
    [FieldOffset(128)] public ulong CoreRelocations;
    [FieldOffset(136)] public uint CoreRelocationSize;
    [FieldOffset(140)] public uint LogTrueSize;
    [FieldOffset(144)] public int TokenFd;
    [FieldOffset(148)] public uint FdArrayCount;
}

[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct PinAttributes
{
    [FieldOffset(0)] public ulong Path;
    [FieldOffset(8)] public int Fd;
    [FieldOffset(12)] public uint FileFlags;
    [FieldOffset(16)] public int PathFd;
}

[StructLayout(LayoutKind.Explicit, Size = 80)]
internal struct TestRunAttributes
{
    [FieldOffset(0)] public int ProgramFd;
    [FieldOffset(4)] public uint ReturnValue;
    [FieldOffset(8)] public uint DataSizeIn;
    [FieldOffset(12)] public uint DataSizeOut;
    [FieldOffset(16)] public ulong DataIn;
    [FieldOffset(24)] public ulong DataOut;
    [FieldOffset(32)] public uint Repeat;
    [FieldOffset(36)] public uint Duration;
    [FieldOffset(40)] public uint ContextSizeIn;
    [FieldOffset(44)] public uint ContextSizeOut;
    [FieldOffset(48)] public ulong ContextIn;
    [FieldOffset(56)] public ulong ContextOut;
    [FieldOffset(64)] public uint Flags;
    [FieldOffset(68)] public uint Cpu;
    [FieldOffset(72)] public uint BatchSize;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct IdAttributes
{
    [FieldOffset(0)] public uint Id;
    [FieldOffset(4)] public uint NextId;
    [FieldOffset(8)] public uint OpenFlags;
    [FieldOffset(12)] public int TokenFd;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct InfoAttributes
{
    [FieldOffset(0)] public int Fd;
    [FieldOffset(4)] public uint Length;
    [FieldOffset(8)] public ulong Info;
}

[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct RawTracepointAttributes
{
    [FieldOffset(0)] public ulong Name;
    [FieldOffset(8)] public int ProgramFd;
    [FieldOffset(16)] public ulong Cookie;
}

[StructLayout(LayoutKind.Explicit, Size = 40)]
internal struct BtfLoadAttributes
{
    [FieldOffset(0)] public ulong Data;
    [FieldOffset(8)] public ulong LogBuffer;
    [FieldOffset(16)] public uint Size;
    [FieldOffset(20)] public uint LogSize;
    [FieldOffset(24)] public uint LogLevel;
    [FieldOffset(28)] public uint LogTrueSize;
    [FieldOffset(32)] public uint Flags;
    [FieldOffset(36)] public int TokenFd;
}

/// <summary>What follows the flags depends on the attach type: members of one group only are set.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct LinkCreateAttributes
{
    /// <summary>A program, or a struct_ops map.</summary>
    [FieldOffset(0)] public int ProgramFd;

    /// <summary>A descriptor (perf event, cgroup, network namespace, map) or an interface index, by attach type.</summary>
    [FieldOffset(4)] public int Target;
    [FieldOffset(8)] public uint AttachType;
    [FieldOffset(12)] public uint Flags;

    /// <summary>Perf events only: the value of bpf_get_attach_cookie.</summary>
    [FieldOffset(16)] public ulong Cookie;

    /// <summary>Iterators: a <see cref="IteratorInfo"/>.</summary>
    [FieldOffset(16)] public ulong IteratorInfo;
    [FieldOffset(24)] public uint IteratorInfoLength;

    [FieldOffset(16)] public uint KprobeFlags;
    [FieldOffset(20)] public uint KprobeCount;

    /// <summary>Addresses of zero-terminated names.</summary>
    [FieldOffset(24)] public ulong KprobeSymbols;
    [FieldOffset(32)] public ulong KprobeAddresses;
    [FieldOffset(40)] public ulong KprobeCookies;

    [FieldOffset(16)] public ulong UprobePath;
    [FieldOffset(24)] public ulong UprobeOffsets;
    [FieldOffset(32)] public ulong UprobeSemaphores;
    [FieldOffset(40)] public ulong UprobeCookies;
    [FieldOffset(48)] public uint UprobeCount;
    [FieldOffset(52)] public uint UprobeFlags;
    [FieldOffset(56)] public int UprobePid;

    [FieldOffset(16)] public uint NetfilterFamily;
    [FieldOffset(20)] public uint NetfilterHook;
    [FieldOffset(24)] public int NetfilterPriority;
    [FieldOffset(28)] public uint NetfilterFlags;
}

/// <summary><c>union bpf_iter_link_info</c>.</summary>
[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct IteratorInfo
{
    [FieldOffset(0)] public int MapFd;

    [FieldOffset(0)] public uint CgroupOrder;
    [FieldOffset(4)] public int CgroupFd;

    [FieldOffset(0)] public int Thread;
    [FieldOffset(4)] public int Process;
}

/// <summary>BPF_PROG_ATTACH and BPF_PROG_DETACH.</summary>
[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct ProgramAttachAttributes
{
    [FieldOffset(0)] public int Target;
    [FieldOffset(4)] public int ProgramFd;
    [FieldOffset(8)] public uint AttachType;
    [FieldOffset(12)] public uint Flags;
}

/// <summary>BPF_PROG_QUERY: the programs of a cgroup, a network namespace or a device.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct ProgramQueryAttributes
{
    [FieldOffset(0)] public int Target;
    [FieldOffset(4)] public uint AttachType;
    [FieldOffset(8)] public uint QueryFlags;
    [FieldOffset(12)] public uint AttachFlags;
    [FieldOffset(16)] public ulong ProgramIds;
    [FieldOffset(24)] public uint Count;
    [FieldOffset(32)] public ulong ProgramAttachFlags;
    [FieldOffset(40)] public ulong LinkIds;
    [FieldOffset(48)] public ulong LinkAttachFlags;
    [FieldOffset(56)] public ulong Revision;
}

/// <summary>BPF_TASK_FD_QUERY: what a perf event or raw tracepoint of another process runs.</summary>
[StructLayout(LayoutKind.Explicit, Size = 48)]
internal struct TaskFdQueryAttributes
{
    [FieldOffset(0)] public int Pid;
    [FieldOffset(4)] public int Fd;
    [FieldOffset(8)] public uint Flags;
    [FieldOffset(12)] public uint Length;
    [FieldOffset(16)] public ulong Buffer;
    [FieldOffset(24)] public uint ProgramId;
    [FieldOffset(28)] public uint Kind;
    [FieldOffset(32)] public ulong Offset;
    [FieldOffset(40)] public ulong Address;
}

/// <summary>BPF_ENABLE_STATS (0: run time) and BPF_LINK_DETACH take one number.</summary>
[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct SingleAttribute
{
    [FieldOffset(0)] public int Value;
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct IteratorCreateAttributes
{
    [FieldOffset(0)] public int LinkFd;
    [FieldOffset(4)] public uint Flags;
}

/// <summary>BPF_MAP_LOOKUP_BATCH and its neighbours.</summary>
[StructLayout(LayoutKind.Explicit, Size = 56)]
internal struct BatchAttributes
{
    /// <summary>Where to go on; 0 for the start.</summary>
    [FieldOffset(0)] public ulong InBatch;

    /// <summary>Receives where the next batch goes on.</summary>
    [FieldOffset(8)] public ulong OutBatch;
    [FieldOffset(16)] public ulong Keys;
    [FieldOffset(24)] public ulong Values;

    /// <summary>Elements there is room for; then those done.</summary>
    [FieldOffset(32)] public uint Count;
    [FieldOffset(36)] public int MapFd;
    [FieldOffset(40)] public ulong ElementFlags;
    [FieldOffset(48)] public ulong Flags;
}

[StructLayout(LayoutKind.Explicit, Size = 16)]
internal struct LinkUpdateAttributes
{
    [FieldOffset(0)] public int LinkFd;

    /// <summary>A program, or a struct_ops map.</summary>
    [FieldOffset(4)] public int NewFd;
    [FieldOffset(8)] public uint Flags;

    /// <summary>With BPF_F_REPLACE: what must be there now.</summary>
    [FieldOffset(12)] public int OldFd;
}

[StructLayout(LayoutKind.Explicit, Size = 8)]
internal struct TokenCreateAttributes
{
    [FieldOffset(0)] public uint Flags;
    [FieldOffset(4)] public int FileSystemFd;
}

[StructLayout(LayoutKind.Explicit, Size = 24)]
internal struct StreamReadAttributes
{
    [FieldOffset(0)] public ulong Buffer;
    [FieldOffset(8)] public uint Length;
    [FieldOffset(12)] public uint Stream;
    [FieldOffset(16)] public int ProgramFd;
}

[StructLayout(LayoutKind.Explicit, Size = 12)]
internal struct ProgramBindMapAttributes
{
    [FieldOffset(0)] public int ProgramFd;
    [FieldOffset(4)] public int MapFd;
    [FieldOffset(8)] public uint Flags;
}
