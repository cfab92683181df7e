using Osmia.Bytecode;
using Osmia.Btf;

namespace Osmia.Kernel.Inventory;

/// <summary>A program that lives in the kernel, whoever loaded it.</summary>
/// <param name="Name">At most 15 characters: the kernel keeps no more.</param>
/// <param name="Tag">Hash over the instructions, as 16 hexadecimal digits.</param>
public sealed record ProgramInfo(uint Id, ProgramType Type, string Name, string Tag)
{
    public bool IsGplCompatible { get; init; }

    public DateTimeOffset LoadedAt { get; init; }

    public uint Uid { get; init; }

    /// <summary>Bytes of verified instructions.</summary>
    public uint TranslatedSize { get; init; }

    /// <summary>Bytes of machine code; 0 when the kernel interprets.</summary>
    public uint JitedSize { get; init; }

    /// <summary>Instructions the verifier walked; Linux 5.16.</summary>
    public uint VerifiedInstructions { get; init; }

    /// <summary>0 when the program has no types.</summary>
    public uint BtfId { get; init; }

    /// <summary><see cref="Name"/> as the program's types know it, which is not cut.</summary>
    public string FullName { get; init; } = "";

    /// <summary>Time spent in the program while statistics were on (kernel.bpf_stats_enabled, <see cref="RunStatistics"/>), else zero.</summary>
    public ulong RunTimeInNanoseconds { get; init; }

    /// <summary>Runs left out because the program was running on that CPU already; Linux 5.12.</summary>
    public ulong RecursionMisses { get; init; }

    /// <summary>Whose type <see cref="AttachBtfId"/> is: id of a BTF object, 0 when the program is bound to none.</summary>
    public uint AttachBtfObjectId { get; init; }

    public uint AttachBtfId { get; init; }

    /// <summary>The device a program was loaded for, else 0.</summary>
    public uint DeviceIndex { get; init; }

    public ulong RunCount { get; init; }

    public IReadOnlyList<uint> MapIds { get; init; } = [];

    /// <summary>Memory the kernel accounts for the program, in bytes.</summary>
    public long MemoryInBytes { get; init; }
}

/// <summary>Type information that lives in the kernel: of the kernel itself, of its modules, of what was loaded.</summary>
/// <param name="Name"><c>vmlinux</c> or a module's name; empty for what user space loaded.</param>
public sealed record BtfInfo(uint Id, string Name, uint Size, bool IsKernel);

/// <summary>A map that lives in the kernel. Key and value types are ids in the BTF object <see cref="BtfId"/> (0: untyped).</summary>
public sealed record MapInfo(uint Id, MapType Type, string Name, uint KeySize, uint ValueSize, uint MaxEntries, uint Flags)
{
    public ulong Extra { get; init; }

    public uint BtfId { get; init; }

    public TypeId KeyType { get; init; }

    public TypeId ValueType { get; init; }

    /// <summary>Memory the kernel accounts for the map, in bytes.</summary>
    public long MemoryInBytes { get; init; }

    public bool IsFrozen { get; init; }

    /// <summary>A struct_ops map: the kernel's type of its value.</summary>
    public TypeId KernelValueType { get; init; }

    /// <summary>The device a map was made for, else 0.</summary>
    public uint DeviceIndex { get; init; }

    /// <summary>A prog array: the type of the programs it takes, once there was one.</summary>
    public ProgramType? OwnerType { get; init; }

    public bool IsOwnerJited { get; init; }
}

/// <summary>A bpf_link. <see cref="DeviceIndex"/> is set for XDP and TCX.</summary>
public sealed record LinkInfo(uint Id, LinkType Type, uint ProgramId, int? DeviceIndex)
{
    /// <summary>What it is attached to and how, in bpftool's order; read only when asked for.</summary>
    public IReadOnlyList<LinkDetail> Details { get; init; } = [];
}
