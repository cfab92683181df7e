using Osmia.Bytecode;

namespace Osmia.Runtime.Decoding;

/// <summary>Map types whose elements are not values to print, and what is said instead.</summary>
internal static class MapNotes
{
    public static string? Of(MapType type) => type switch
    {
        MapType.ProgArray => "holds programs to tail call",
        MapType.PerfEventArray => "a buffer of records for each CPU; records are read as they come",
        MapType.Ringbuf => "a buffer of records, read as they come",
        MapType.UserRingbuf => "a buffer of records from user space to the program",
        MapType.ArrayOfMaps => "holds maps",
        MapType.HashOfMaps => "holds maps",
        MapType.CgroupArray => "holds cgroups",
        MapType.StackTrace => "holds stacks, which are printed where their ids are used",
        MapType.Devmap => "holds devices to redirect to",
        MapType.DevmapHash => "holds devices to redirect to",
        MapType.Cpumap => "holds CPUs to redirect to",
        MapType.Xskmap => "holds AF_XDP sockets",
        MapType.Sockmap => "holds sockets",
        MapType.Sockhash => "holds sockets",
        MapType.ReuseportSockarray => "holds sockets",
        MapType.Queue => "has no keys; its elements can only be taken out",
        MapType.Stack => "has no keys; its elements can only be taken out",
        MapType.BloomFilter => "can only be asked for a value, not listed",
        MapType.SkStorage => "its values belong to sockets",
        MapType.InodeStorage => "its values belong to inodes",
        MapType.TaskStorage => "its values belong to tasks",
        MapType.CgrpStorage => "its values belong to cgroups",
        MapType.StructOps => "holds functions of a kernel structure",
        MapType.Arena => "memory that the program lays out itself",
        _ => null,
    };
}
