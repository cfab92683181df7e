using System.Runtime.InteropServices;

namespace Osmia.Kernel.Syscalls;

// What BPF_OBJ_GET_INFO_BY_FD fills (include/uapi/linux/bpf.h, Linux 6.18). An older kernel fills fewer bytes and says how many.

[StructLayout(LayoutKind.Explicit, Size = 232)]
internal struct ProgramInfoData
{
    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint Id;
    [FieldOffset(8)] public ulong Tag;
    [FieldOffset(16)] public uint JitedLength;
    [FieldOffset(20)] public uint TranslatedLength;
    [FieldOffset(24)] public ulong JitedInstructions;
    [FieldOffset(32)] public ulong TranslatedInstructions;
    [FieldOffset(40)] public ulong LoadTime;
    [FieldOffset(48)] public uint CreatedByUid;
    [FieldOffset(52)] public uint MapIdCount;
    [FieldOffset(56)] public ulong MapIds;
    [FieldOffset(64)] public ObjectName Name;
    [FieldOffset(80)] public uint InterfaceIndex;
    [FieldOffset(84)] public uint GplCompatible;
    [FieldOffset(104)] public uint JitedSymbolCount;
    [FieldOffset(108)] public uint JitedLengthCount;
    [FieldOffset(112)] public ulong JitedSymbols;
    [FieldOffset(120)] public ulong JitedLengths;
    [FieldOffset(128)] public uint BtfId;
    [FieldOffset(132)] public uint FunctionInfoSize;
    [FieldOffset(136)] public ulong FunctionInfo;
    [FieldOffset(144)] public uint FunctionInfoCount;
    [FieldOffset(148)] public uint LineInfoCount;
    [FieldOffset(152)] public ulong LineInfo;
    [FieldOffset(160)] public ulong JitedLineInfo;
    [FieldOffset(168)] public uint JitedLineInfoCount;
    [FieldOffset(172)] public uint LineInfoSize;
    [FieldOffset(176)] public uint JitedLineInfoSize;
    [FieldOffset(180)] public uint TagCount;
    [FieldOffset(184)] public ulong Tags;
    [FieldOffset(192)] public ulong RunTimeNs;
    [FieldOffset(200)] public ulong RunCount;
    [FieldOffset(208)] public ulong RecursionMisses;
    [FieldOffset(216)] public uint VerifiedInstructions;
    [FieldOffset(220)] public uint AttachBtfObjectId;
    [FieldOffset(224)] public uint AttachBtfId;
}

[StructLayout(LayoutKind.Explicit, Size = 104)]
internal struct MapInfoData
{
    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint Id;
    [FieldOffset(8)] public uint KeySize;
    [FieldOffset(12)] public uint ValueSize;
    [FieldOffset(16)] public uint MaxEntries;
    [FieldOffset(20)] public uint Flags;
    [FieldOffset(24)] public ObjectName Name;
    [FieldOffset(40)] public uint InterfaceIndex;
    [FieldOffset(44)] public uint BtfKernelValueType;
    [FieldOffset(48)] public ulong NetnsDevice;
    [FieldOffset(56)] public ulong NetnsInode;
    [FieldOffset(64)] public uint BtfId;
    [FieldOffset(68)] public uint BtfKeyType;
    [FieldOffset(72)] public uint BtfValueType;
    [FieldOffset(76)] public uint BtfKernelId;
    [FieldOffset(80)] public ulong Extra;
    [FieldOffset(88)] public ulong Hash;
    [FieldOffset(96)] public uint HashSize;
}

[StructLayout(LayoutKind.Explicit, Size = 32)]
internal struct BtfInfoData
{
    [FieldOffset(0)] public ulong Data;
    [FieldOffset(8)] public uint Size;
    [FieldOffset(12)] public uint Id;
    [FieldOffset(16)] public ulong Name;
    [FieldOffset(24)] public uint NameLength;
    [FieldOffset(28)] public uint IsKernel;
}

/// <summary>The part common to all link types, and the device of those that have one.</summary>
[StructLayout(LayoutKind.Explicit, Size = 64)]
internal struct LinkInfoData
{
    [FieldOffset(0)] public uint Type;
    [FieldOffset(4)] public uint Id;
    [FieldOffset(8)] public uint ProgramId;

    /// <summary>XDP and TCX links only.</summary>
    [FieldOffset(16)] public int DeviceIndex;
}
