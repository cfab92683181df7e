using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Kernel;
using Osmia.Tests.Kernel;

namespace Osmia.Tests.Tables;

/// <summary>Numbers and names of the kernel's enumerations, as its BTF has them.</summary>
[Collection("kernel")]
[SupportedOSPlatform("linux")]
public class EnumTests
{
    [Fact]
    public void Program_types_are_the_kernels() =>
        Compare("bpf_prog_type", "BPF_PROG_TYPE_", ProgramTypeNames.Count, value => ((ProgramType)value).ToKernelName(), value => ((ProgramType)value).ToString());

    [Fact]
    public void Map_types_are_the_kernels() =>
        Compare("bpf_map_type", "BPF_MAP_TYPE_", MapTypeNames.Count, value => ((MapType)value).ToKernelName(), value => ((MapType)value).ToString());

    [Fact]
    public void Attach_types_are_the_kernels() =>
        Compare("bpf_attach_type", "BPF_", AttachTypeNames.Count, value => ((AttachType)value).ToKernelName(), value => ((AttachType)value).ToString());

    [Fact]
    public void Link_types_are_the_kernels() =>
        Compare("bpf_link_type", "BPF_LINK_TYPE_", LinkTypeNames.Count, value => ((LinkType)value).ToKernelName(), value => ((LinkType)value).ToString());

    [Fact]
    public void Helpers_are_the_kernels() =>
        Compare("bpf_func_id", "BPF_FUNC_", HelperTable.Count + 1, value => value == 0 ? "unspec" : HelperTable.NameOf(value)[4..], value => value == 0 ? "Unspec" : ((HelperId)value).ToString());

    [Fact]
    public void Map_flags_are_the_kernels()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BtfTypes types = TypesOrSkip(engine);
        var kernel = new List<string>();
        for (int id = 1; id < types.Count; id++)
        {
            BtfType type = types[id];
            if (type.Kind != BtfKind.Enum || type.Count == 0 || types.String(type.Enumerator(0).NameOffset) != "BPF_F_NO_PREALLOC")
            {
                continue;
            }

            kernel.AddRange(Enumerable.Range(0, type.Count).Select(i => $"{types.String(type.Enumerator(i).NameOffset)} {(uint)type.Enumerator(i).Value:x}"));
            break;
        }

        string[] ours =
        [
            "BPF_F_NO_PREALLOC", "BPF_F_NO_COMMON_LRU", "BPF_F_NUMA_NODE", "BPF_F_RDONLY", "BPF_F_WRONLY", "BPF_F_STACK_BUILD_ID", "BPF_F_ZERO_SEED", "BPF_F_RDONLY_PROG",
            "BPF_F_WRONLY_PROG", "BPF_F_CLONE", "BPF_F_MMAPABLE", "BPF_F_PRESERVE_ELEMS", "BPF_F_INNER_MAP", "BPF_F_LINK", "BPF_F_PATH_FD", "BPF_F_VTYPE_BTF_OBJ_FD", "BPF_F_TOKEN_FD",
            "BPF_F_SEGV_ON_FAULT", "BPF_F_NO_USER_CONV", "BPF_F_RB_OVERWRITE",
        ];
        MapCreateFlags[] values = [.. Enum.GetValues<MapCreateFlags>().Where(flag => flag != MapCreateFlags.None)];
        Assert.Equal(ours.Length, values.Length);
        Assert.NotEmpty(kernel);
        Assert.Equal(kernel, ours.Zip(values, (name, value) => $"{name} {(uint)value:x}").Take(kernel.Count));
    }

    // Every number of the kernel that the table knows has that name (or, where the kernel has two names for it, one of them).
    private static void Compare(string enumeration, string prefix, int known, Func<int, string> kernelName, Func<int, string> member)
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BtfTypes types = TypesOrSkip(engine);
        BtfType type = types[types.Find(BtfKind.Enum, enumeration)];
        Assert.False(type.IsVoid, $"no {enumeration} in the kernel's BTF");
        var names = new SortedDictionary<int, List<string>>();
        for (int i = 0; i < type.Count; i++)
        {
            BtfEnumerator enumerator = type.Enumerator(i);
            string name = types.String(enumerator.NameOffset);
            if (name.StartsWith(prefix, StringComparison.Ordinal))
            {
                int value = (int)enumerator.Value;
                (names.TryGetValue(value, out List<string>? list) ? list : names[value] = []).Add(name[prefix.Length..].ToLowerInvariant());
            }
        }

        List<string> wrong =
        [
            .. names.Where(pair => pair.Key >= known || !pair.Value.Contains(kernelName(pair.Key)) || Pascal(kernelName(pair.Key)) != member(pair.Key))
                .Select(pair => $"{pair.Key}: kernel {string.Join('/', pair.Value)}, table {kernelName(pair.Key)}, member {member(pair.Key)}"),
        ];
        Assert.True(wrong.Count == 0 && names.Count > 10, $"{enumeration}:\n{string.Join('\n', wrong)}");
    }

    private static BtfTypes TypesOrSkip(KernelEngine engine)
    {
        Assert.SkipWhen(engine.Target.Types is null, "needs the kernel's BTF");
        return engine.Target.Types!;
    }

    private static string Pascal(string name) =>
        string.Concat(name.Split('_').Select(word => word.Length == 0 ? "" : word[..1].ToUpper(CultureInfo.InvariantCulture) + word[1..]));
}
