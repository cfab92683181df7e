using Osmia.Btf;
using Osmia.Bytecode;

namespace Osmia.Objects;

/// <summary>What kind of section a map holds; <see cref="None"/> for maps of <c>.maps</c>.</summary>
public enum DataSectionKind
{
    None,
    ReadOnly,
    Data,
    ZeroInitialised,
    Kconfig,

    /// <summary>One variable of <c>.struct_ops</c>: a struct of the kernel's callbacks.</summary>
    StructOps,
}

/// <summary>A map definition, inert. Sizes are in bytes; flags are the kernel's <c>BPF_F_*</c> of BPF_MAP_CREATE.</summary>
public sealed class BpfMap(string name)
{
    private byte[]? _initialData;

    public string Name { get; } = name;

    public MapType Type { get; set; }

    public uint KeySize { get; set; }

    public uint ValueSize { get; set; }

    public uint MaxEntries { get; set; }

    public uint Flags { get; set; }

    /// <summary>Passed to the kernel as <c>map_extra</c>: hash functions of a bloom filter, the address of an arena.</summary>
    public ulong Extra { get; set; }

    /// <summary>The BTF variable of <c>.maps</c> that defines the map; void for data sections and maps made in other ways.</summary>
    public TypeId Declaration { get; init; }

    /// <summary>False for a <c>static</c> map, which other objects cannot see when they are linked.</summary>
    public bool IsGlobal { get; init; } = true;

    /// <summary>A definition that gives way to another object's when objects are linked.</summary>
    public bool IsWeak { get; init; }

    public TypeId KeyType { get; set; }

    public TypeId ValueType { get; set; }

    /// <summary>LIBBPF_PIN_BY_NAME: the map is shared under bpffs by its name.</summary>
    public bool PinByName { get; set; }

    /// <summary>Where it is pinned, below the directory of pins; iproute2 shares maps in <c>tc/globals</c>.</summary>
    public string PinFolder { get; set; } = "";

    /// <summary>False leaves the map out when the object is loaded; starts false for <c>?.struct_ops</c>. Programs that can reach its use are refused.</summary>
    public bool AutoCreate { get; set; } = true;

    /// <summary>The NUMA node of its memory, with flag BPF_F_NUMA_NODE.</summary>
    public uint NumaNode { get; set; }

    /// <summary>The definition of the maps a map-in-map holds.</summary>
    public BpfMap? InnerMap { get; set; }

    /// <summary>Static initialisation: of a prog array or map-in-map by index, the programs of a struct_ops map by member of its struct.</summary>
    public IReadOnlyList<MapSlot> Slots { get; set; } = [];

    public DataSectionKind DataSection { get; init; }

    /// <summary>The ELF section name of a data section map.</summary>
    public string? SectionName { get; init; }

    /// <summary>Alignment of a data section in bytes, a power of two; sections of one name are joined at it when objects are linked.</summary>
    public int Alignment { get; init; } = 8;

    /// <summary>A section of variables: <c>.rodata</c>, <c>.data</c> or <c>.bss</c>, or one of their names with a suffix (<c>.data.config</c>).</summary>
    /// <param name="data">The first value; kept, not copied. It must be zero for <c>.bss</c>.</param>
    public static BpfMap OfSection(string sectionName, byte[] data)
    {
        ArgumentNullException.ThrowIfNull(data);
        DataSectionKind kind = DataSections.KindOf(sectionName) ?? throw new ArgumentException($"'{sectionName}' is no section of variables (.rodata, .data, .bss)", nameof(sectionName));
        return new BpfMap(sectionName)
        {
            Type = MapType.Array,
            KeySize = 4,
            ValueSize = (uint)data.Length,
            MaxEntries = 1,
            Flags = DataSections.FlagsOf(kind),
            DataSection = kind,
            SectionName = sectionName,
            InitialData = data,
        };
    }

    /// <summary>
    /// Initial value of a data section or of a struct_ops map (in the object's layout), or the first bytes of an arena; writable until the object is linked. A section without bytes in the file gets them when somebody asks
    /// for them first: a small file may claim a large one.
    /// </summary>
    public byte[] InitialData
    {
        get => _initialData ??= DataSection == DataSectionKind.None ? [] : new byte[ValueSize];
        set => _initialData = value;
    }

    /// <summary>False while nobody has asked for the bytes: they are all zero.</summary>
    internal bool HasInitialData => _initialData is not null;

    /// <summary>Values of BTF declaration tags on the map's variable.</summary>
    public IReadOnlyList<string> Tags { get; set; } = [];

    public override string ToString() => $"{Name} ({Type.ToKernelName()})";
}

/// <summary>One statically initialised element: the name of a program (prog array) or a map.</summary>
public sealed record MapSlot(int Index, string Name);
