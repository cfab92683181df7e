using System.Globalization;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Kernel.Inventory;

/// <summary>What lives in the kernel now, by id: programs, maps, links and types of every process. Needs CAP_SYS_ADMIN.</summary>
public static unsafe partial class KernelInventory
{
    /// <summary>BPF_OBJ_NAME_LEN without its zero: a name that long may have been cut.</summary>
    private const int LongestName = 15;

    /// <exception cref="KernelException">OSM5040: the kernel does not let this process look.</exception>
    public static IEnumerable<ProgramInfo> Programs()
    {
        DateTimeOffset boot = BootTime();
        foreach (uint id in Ids(BpfCommand.ProgramNextId, "programs"))
        {
            if (Open(BpfCommand.ProgramFromId, id) is { } handle)
            {
                using (handle)
                {
                    yield return DescribeProgram(handle, boot);
                }
            }
        }
    }

    public static IEnumerable<MapInfo> Maps()
    {
        foreach (uint id in Ids(BpfCommand.MapNextId, "maps"))
        {
            if (Open(BpfCommand.MapFromId, id) is { } handle)
            {
                using (handle)
                {
                    yield return DescribeMap(handle);
                }
            }
        }
    }

    /// <param name="withDetails">Also what each is attached to.</param>
    public static IEnumerable<LinkInfo> Links(bool withDetails = false)
    {
        foreach (uint id in Ids(BpfCommand.LinkNextId, "links"))
        {
            if (Open(BpfCommand.LinkFromId, id) is { } handle)
            {
                using (handle)
                {
                    yield return DescribeLink(handle, withDetails);
                }
            }
        }
    }

    public static IEnumerable<BtfInfo> Btfs()
    {
        foreach (uint id in Ids(BpfCommand.BtfNextId, "BTF objects"))
        {
            if (Open(BpfCommand.BtfFromId, id) is { } handle)
            {
                using (handle)
                {
                    yield return DescribeBtf(handle);
                }
            }
        }
    }

    /// <summary>Opens a map of any process for reading and writing, unless its creator allowed less. The caller disposes it.</summary>
    /// <exception cref="KernelException">OSM5041: there is no such map.</exception>
    public static KernelMap OpenMap(uint id) => ToMap(Open(BpfCommand.MapFromId, id) ?? throw NoSuch("map", id));

    public static MapInfo Describe(KernelMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return DescribeMap(map.Handle);
    }

    /// <summary>The raw bytes of a BTF object, as <see cref="BtfTypes.Parse"/> reads them.</summary>
    /// <exception cref="KernelException">OSM5041: there is no such object.</exception>
    public static byte[] BtfBytes(uint id)
    {
        using BpfHandle handle = Open(BpfCommand.BtfFromId, id) ?? throw NoSuch("BTF object", id);
        var info = new BtfInfoData();
        Fill(handle, ref info);
        byte[] bytes = new byte[info.Size];
        fixed (byte* data = bytes)
        {
            info = new BtfInfoData { Data = (ulong)data, Size = (uint)bytes.Length };
            Fill(handle, ref info);
        }

        return bytes;
    }

    private static IEnumerable<uint> Ids(BpfCommand command, string what)
    {
        uint id = 0;
        while (true)
        {
            int result = BpfSyscall.NextId(command, id, out uint next);
            if (result < 0)
            {
                if (-result == Errno.ENOENT)
                {
                    yield break;
                }

                throw Refusal.Of("OSM5040", $"the {what} of the kernel cannot be listed", "bpf(BPF_*_GET_NEXT_ID)", result, needed: [Capability.SysAdmin]);
            }

            yield return id = next;
        }
    }

    /// <returns>Null when the object went away since its id was seen.</returns>
    private static BpfHandle? Open(BpfCommand command, uint id)
    {
        int fd = BpfSyscall.FromId(command, id);
        return fd >= 0 ? new BpfHandle(fd)
            : -fd == Errno.ENOENT ? null
            : throw Refusal.Of("OSM5040", $"object {id} of the kernel cannot be opened", "bpf(BPF_*_GET_FD_BY_ID)", fd, needed: [Capability.SysAdmin]);
    }

    internal static void Fill<T>(BpfHandle handle, ref T info)
        where T : unmanaged
    {
        int result = BpfSyscall.Info(handle.Descriptor, ref info);
        if (result < 0)
        {
            throw Refusal.Of("OSM5040", "an object of the kernel cannot be described", "bpf(BPF_OBJ_GET_INFO_BY_FD)", result, needed: [Capability.SysAdmin]);
        }
    }

    private static ProgramInfo DescribeProgram(BpfHandle handle, DateTimeOffset boot)
    {
        var info = new ProgramInfoData();
        Fill(handle, ref info);
        uint[] maps = new uint[info.MapIdCount];
        if (maps.Length > 0)
        {
            fixed (uint* ids = maps)
            {
                var again = new ProgramInfoData { MapIds = (ulong)ids, MapIdCount = (uint)maps.Length };
                Fill(handle, ref again);
            }
        }

        // The tag is a byte string; read as a number on a little-endian machine its first byte is the lowest.
        string tag = System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(info.Tag).ToString("x16", CultureInfo.InvariantCulture);
        return new ProgramInfo(info.Id, (ProgramType)info.Type, BpfSyscall.Text(info.Name), tag)
        {
            IsGplCompatible = (info.GplCompatible & 1) != 0,
            LoadedAt = boot + TimeSpan.FromTicks((long)(info.LoadTime / 100)),
            Uid = info.CreatedByUid,
            TranslatedSize = info.TranslatedLength,
            JitedSize = info.JitedLength,
            VerifiedInstructions = info.VerifiedInstructions,
            BtfId = info.BtfId,
            RunTimeInNanoseconds = info.RunTimeNs,
            RunCount = info.RunCount,
            RecursionMisses = info.RecursionMisses,
            AttachBtfObjectId = info.AttachBtfObjectId,
            AttachBtfId = info.AttachBtfId,
            DeviceIndex = info.InterfaceIndex,
            FullName = BpfSyscall.Text(info.Name) is { Length: LongestName } cut ? FunctionName(handle, info) ?? cut : BpfSyscall.Text(info.Name),
            MapIds = maps,
            MemoryInBytes = Detail(Details(handle), "memlock:"),
        };
    }

    private static MapInfo DescribeMap(BpfHandle handle)
    {
        var info = new MapInfoData();
        Fill(handle, ref info);
        string[] details = Details(handle);
        return new MapInfo(info.Id, (MapType)info.Type, BpfSyscall.Text(info.Name), info.KeySize, info.ValueSize, info.MaxEntries, info.Flags)
        {
            DeviceIndex = info.InterfaceIndex,
            KernelValueType = new TypeId((int)info.BtfKernelValueType),
            OwnerType = (MapType)info.Type == MapType.ProgArray && Detail(details, "owner_prog_type:") is > 0 and var owner ? (ProgramType)owner : null,
            IsOwnerJited = Detail(details, "owner_jited:") != 0,
            Extra = info.Extra,
            BtfId = info.BtfId,
            KeyType = new TypeId((int)info.BtfKeyType),
            ValueType = new TypeId((int)info.BtfValueType),
            MemoryInBytes = Detail(details, "memlock:"),
            IsFrozen = Detail(details, "frozen:") != 0,
        };
    }

    private static BtfInfo DescribeBtf(BpfHandle handle)
    {
        Span<byte> name = stackalloc byte[64];
        fixed (byte* buffer = name)
        {
            var info = new BtfInfoData { Name = (ulong)buffer, NameLength = (uint)name.Length };
            Fill(handle, ref info);
            int end = name.IndexOf((byte)0);
            return new BtfInfo(info.Id, System.Text.Encoding.UTF8.GetString(end < 0 ? name : name[..end]), info.Size, info.IsKernel != 0);
        }
    }

    private static LinkInfo DescribeLink(BpfHandle handle, bool withDetails)
    {
        var info = new LinkInfoData();
        Fill(handle, ref info);
        var type = (LinkType)info.Type;
        uint program = info.ProgramId;
        return new LinkInfo(info.Id, type, program, type is LinkType.Xdp or LinkType.Tcx ? info.DeviceIndex : null)
        {
            Details = withDetails ? LinkDetails.Read(handle, type, () => TypeOf(program)) : [],
        };
    }

    private static ProgramType? TypeOf(uint id)
    {
        using BpfHandle? handle = Open(BpfCommand.ProgramFromId, id);
        if (handle is null)
        {
            return null;
        }

        var info = new ProgramInfoData();
        Fill(handle, ref info);
        return (ProgramType)info.Type;
    }

    private static string[] Details(BpfHandle handle) =>
        File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fdinfo/{handle.Descriptor}"));

    private static long Detail(string[] lines, string label)
    {
        string? line = Array.Find(lines, candidate => candidate.StartsWith(label, StringComparison.Ordinal));
        return line is not null && long.TryParse(line.AsSpan(label.Length).Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out long value) ? value : 0;
    }

    /// <summary>The name of a program's first function by its types, which are not cut; null without them.</summary>
    private static string? FunctionName(BpfHandle handle, in ProgramInfoData known)
    {
        if (known.BtfId == 0 || known.FunctionInfoCount == 0 || known.FunctionInfoSize < 8)
        {
            return null;
        }

        byte[] first = new byte[known.FunctionInfoSize];
        fixed (byte* record = first)
        {
            var info = new ProgramInfoData { FunctionInfo = (ulong)record, FunctionInfoCount = 1, FunctionInfoSize = known.FunctionInfoSize };
            Fill(handle, ref info);
        }

        var type = new TypeId(System.Buffers.Binary.BinaryPrimitives.ReadInt32LittleEndian(first.AsSpan(4)));
        BtfTypes types = BtfTypes.Parse(BtfBytes(known.BtfId));
        return type.Value > 0 && type.Value < types.Count ? types[type].Name : null;
    }

    /// <summary>Load times count from here: the clock that goes on while the machine sleeps.</summary>
    private static DateTimeOffset BootTime()
    {
        const int BootClock = 7;
        Span<long> time = stackalloc long[2];
        fixed (long* parts = time)
        {
            _ = Libc.ClockTime(BootClock, parts);
        }

        return DateTimeOffset.UtcNow - TimeSpan.FromTicks(time[0] * TimeSpan.TicksPerSecond + time[1] / 100);
    }

    private static KernelException NoSuch(string kind, uint id) =>
        new(new Diagnostic("OSM5041", $"the kernel has no {kind} with id {id}") { Why = "it was unloaded meanwhile, or never existed", Try = $"list what there is: osmia {(kind switch { "map" => "map", "program" => "prog", "link" => "link", _ => "btf" })} list" },
            "bpf(BPF_*_GET_FD_BY_ID)", Errno.ENOENT);
}
