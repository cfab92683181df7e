namespace Osmia.Kernel.Syscalls;

/// <summary><c>enum bpf_cmd</c> of include/uapi/linux/bpf.h: the commands this room uses.</summary>
internal enum BpfCommand
{
    MapCreate = 0,
    MapLookup = 1,
    MapUpdate = 2,
    MapDelete = 3,
    MapNextKey = 4,
    ProgramLoad = 5,
    ObjectPin = 6,
    ObjectGet = 7,
    ProgramAttach = 8,
    ProgramDetach = 9,
    ProgramTestRun = 10,
    ProgramNextId = 11,
    MapNextId = 12,
    ProgramFromId = 13,
    MapFromId = 14,
    ObjectInfo = 15,
    RawTracepointOpen = 17,
    BtfLoad = 18,
    BtfFromId = 19,
    MapLookupAndDelete = 21,
    MapFreeze = 22,
    BtfNextId = 23,
    LinkCreate = 28,
    LinkFromId = 30,
    LinkNextId = 31,
    IteratorCreate = 33,
}
