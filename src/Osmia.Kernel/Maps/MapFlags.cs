namespace Osmia.Kernel.Maps;

/// <summary><c>BPF_F_*</c> of BPF_MAP_CREATE (include/uapi/linux/bpf.h).</summary>
[Flags]
internal enum MapFlags : uint
{
    None = 0,
    NoPrealloc = 1,
    NoCommonLru = 1 << 1,
    NumaNode = 1 << 2,
    StackBuildId = 1 << 5,
    ReadOnlyForPrograms = 1 << 7,
    InnerMap = 1 << 12,
}
