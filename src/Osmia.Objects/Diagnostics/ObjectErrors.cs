namespace Osmia.Objects.Diagnostics;

/// <summary>The OSM1xxx family: one method a diagnostic, so that ids and texts stand in one place.</summary>
internal static class ObjectErrors
{
    public static ObjectFormatException NotElf(string file, long length) => new(new Diagnostic("OSM1001", $"'{file}' is not an ELF file")
    {
        Why = $"it has {length} bytes and does not begin with 7f 45 4c 46",
        Try = "compile the program with: clang -g -O2 -target bpf -c FILE.bpf.c -o FILE.bpf.o",
    });

    public static ObjectFormatException NotBpf(string file, int machine, int elfClass) => new(new Diagnostic("OSM1002", $"'{file}' is an ELF file, but not a BPF object")
    {
        Why = elfClass == 2
            ? $"its machine is {machine}; BPF objects have 247 (EM_BPF)"
            : $"its ELF class is {elfClass}; BPF objects are 64-bit (class 2)",
        Try = "give clang the option -target bpf; a program that embeds a BPF object is not one itself",
    });

    public static ObjectFormatException Damaged(string file, string what, string? section, long offset, Exception? inner = null) => new(
        new Diagnostic("OSM1003", $"'{file}' is damaged: {what}")
        {
            Where = section is null ? $"byte {offset}" : $"section {section}, byte {offset}",
            Why = "a part of the file points outside of it or contradicts another part",
            Try = "compile it again, or fetch it again if it was copied",
        },
        section,
        offset,
        inner);

    public static ObjectFormatException BadTypes(string file, string section, string problem, Exception? inner = null) => new(
        new Diagnostic("OSM1005", $"the type information of '{file}' cannot be read: {problem}")
        {
            Where = $"section {section}",
            Try = "compile with -g and without post-processing of the .BTF sections",
        },
        section,
        inner: inner);

    public static ObjectFormatException BadTypeFile(string file, Btf.BtfFormatException inner) => new(
        new Diagnostic("OSM1005", $"the type information of '{file}' cannot be read: {inner.Problem}")
        {
            Where = $"byte {inner.Offset}",
            Try = "give an ELF file with a .BTF section, such as an object compiled with -g, or a raw BTF file",
        },
        inner: inner);

    public static ObjectFormatException NoTypes(string file) => new(new Diagnostic("OSM1005", $"'{file}' has no BTF")
    {
        Why = "it is an ELF file without a section .BTF",
        Try = "for a BPF object: compile with -g; for another program: pahole -J, which makes BTF of its DWARF",
    });

    public static ObjectFormatException CompressedTypes(string file, string tool) => new(new Diagnostic("OSM1005", $"'{file}' is compressed")
    {
        Why = "distributions compress kernel modules and images; their types are read from the unpacked file",
        Try = $"unpack it first: {tool} {file} > FILE",
    });

    public static ObjectFormatException MissingBase(string file, string? section) => new(
        new Diagnostic("OSM1005", $"the types of '{file}' continue those of another file, which is not given")
        {
            Where = section is null ? null : $"section {section}",
            Why = "this is split BTF, as of kernel modules: its numbers and names go on where those of its base end",
            Try = "name the base, for a module the types of the kernel it was built for: -B /sys/kernel/btf/vmlinux",
        },
        section);

    public static ObjectFormatException MissingMapTypes(string file) => new(
        new Diagnostic("OSM1009", $"'{file}' defines maps but has no BTF that describes them")
        {
            Where = "section .maps",
            Why = "a map of a .maps section is described by its BTF type only",
            Try = "compile with -g, and do not strip the .BTF section",
        },
        ".maps");

    public static ObjectFormatException BadMap(string file, string map, string problem, string? remedy = null) => new(
        new Diagnostic("OSM1010", $"map '{map}' of '{file}' cannot be read: {problem}")
        {
            Where = "section .maps",
            Try = remedy ?? "define it with __uint(), __type(), __array() as in the samples",
        },
        ".maps");

    public static ObjectFormatException BadLegacyMap(string file, string section, string map, string problem) => new(
        new Diagnostic("OSM1020", $"map '{map}' of '{file}' cannot be read: {problem}")
        {
            Where = $"section {section}",
            Why = "maps of this section are structs of numbers: type, key size, value size, max_entries, flags, and iproute2's id, pinning, inner id, inner index",
            Try = "define it in SEC(\".maps\") with __uint() and __type()",
        },
        section);

    public static Diagnostic PinForObject(string file, string map) => new("OSM1021", $"map '{map}' of '{file}' is not pinned")
    {
        Where = "section maps",
        Why = "iproute2's PIN_OBJECT_NS shares a map among the programs of one file under a name made of that file's path, which loaders other than tc do not use",
        Try = "ask for PIN_GLOBAL_NS, or for LIBBPF_PIN_BY_NAME in SEC(\".maps\")",
    };

    public static ObjectFormatException BadStructOps(string file, string section, string problem) => new(
        new Diagnostic("OSM1022", $"the callbacks of '{file}' cannot be read: {problem}")
        {
            Where = $"section {section}",
            Why = "each variable of the section is a struct of the kernel's callbacks, described by BTF",
            Try = "compile with -g, and give the variable the kernel's struct type: SEC(\".struct_ops.link\") struct tcp_congestion_ops mine = { ... };",
        },
        section);

    public static ObjectFormatException BadPackage(string file, string problem, long offset, Exception? inner = null) => new(
        new Diagnostic("OSM1023", $"package '{file}' cannot be read: {problem}")
        {
            Where = $"byte {offset}",
            Why = "a package of ecc is a JSON object whose 'bpf_object' is an ELF file, compressed by zlib, in base64",
            Try = "make it again with ecc, or read the .bpf.o file itself",
        },
        offset: offset,
        inner: inner);

    public static ObjectFormatException BadRelocation(string file, string section, long offset, string problem, string? remedy = null) => new(
        new Diagnostic("OSM1011", $"a relocation of '{file}' cannot be read: {problem}")
        {
            Where = $"section {section}, byte {offset}",
            Try = remedy ?? "compile it again with clang 14 to 19",
        },
        section,
        offset);

    public static ObjectFormatException MissingMapSection(string file, string section, long offset, string symbol) => new(
        new Diagnostic("OSM1012", $"'{file}' refers to map '{symbol}', which is not defined in a .maps section")
        {
            Where = $"section {section}, byte {offset}",
            Why = "the program loads the address of a map, but no section of the object defines it",
            Try = "define the map with SEC(\".maps\") or the older SEC(\"maps\")",
        },
        section,
        offset);

    public static ObjectFormatException NoPrograms(string file) => new(new Diagnostic("OSM1013", $"'{file}' holds no BPF program")
    {
        Why = "no section of it has executable instructions",
        Try = "mark an entry function with SEC(\"xdp\"), SEC(\"tp/...\"), ...",
    });

    public static Diagnostic InitialisedPointers(string file, string section, int count) => new("OSM1017", $"{count} initialised pointers of '{file}' stay zero")
    {
        Where = $"section {section}",
        Why = "addresses of maps, functions and strings in global data are known only in an engine, and no kernel takes them there",
        Try = "assign the pointer in the program, or keep an index instead",
    };

    public static ObjectFormatException Unreadable(string file, Exception inner) => new(
        new Diagnostic("OSM1015", $"'{file}' cannot be read: {inner.Message}")
        {
            Try = "check the path and your permission to read it",
        },
        inner: inner);

    public static ObjectFormatException BadCode(string file, string section, long offset, string problem) => new(
        new Diagnostic("OSM1016", $"the code of '{file}' cannot be read: {problem}")
        {
            Where = $"section {section}, byte {offset}",
            Try = "compile it again with clang 14 to 19",
        },
        section,
        offset);
}
