using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>Types, functions and addresses of kernel modules. They run where modules are loaded: eng/vmtest brings a kernel that has some.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public partial class ModuleTests(ITestOutputHelper output)
{
    private const string Folder = "/sys/kernel/btf/";
    private const string Source = "Linking/Sources/modules.c";

    [Fact]
    public void Types_of_every_module_continue_the_kernels_and_are_written_as_C()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("veth");
        BtfTypes kernel = engine.Target.Types!;
        foreach (TargetModule module in engine.Target.Modules)
        {
            BtfTypes types = module.Types!;
            Assert.Equal(kernel.Count, types.FirstId);
            Assert.True(types.Count > types.FirstId && types.IsComplete, module.Name);
            output.WriteLine($"{module.Name}: {types.Count - types.FirstId} types");
        }

        BtfTypes veth = engine.Target.Modules.Single(module => module.Name == "veth").Types!;
        TypeId id = veth.Find(BtfKind.Struct, "veth_priv");
        Assert.True(id.Value >= veth.FirstId);
        using var text = new MemoryStream();
        CHeaderWriter.Write(veth, text, [id]);
        string header = Encoding.UTF8.GetString(text.ToArray());
        Assert.Contains("struct veth_priv {", header, StringComparison.Ordinal);
        Assert.Contains("struct net_device", header, StringComparison.Ordinal);
    }

    [Fact]
    public void Kernel_lists_the_modules_types_with_the_bytes_of_their_files()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("veth", "nf_conntrack");
        List<BtfInfo> listed = [.. KernelInventory.Btfs()];
        foreach (string name in (string[])["vmlinux", "veth", "nf_conntrack"])
        {
            BtfInfo info = Assert.Single(listed, info => info.IsKernel && info.Name == name);
            Assert.Equal(File.ReadAllBytes(Folder + name), KernelInventory.BtfBytes(info.Id));
        }
    }

    [Fact]
    public void Relocations_find_types_that_only_a_module_has()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("veth");
        BtfTypes veth = engine.Target.Modules.Single(module => module.Name == "veth").Types!;
        using LoadedObject loaded = engine.Load(Only("types"));
        ulong expected = veth[veth.Find(BtfKind.Struct, "veth_priv")].Size + 1000;
        Assert.Equal(expected, loaded.Program("types").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    [Fact]
    public void Functions_of_a_module_are_called()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("nf_conntrack");
        using LoadedObject loaded = engine.Load(Only("functions"));
        Assert.Equal(2ul, loaded.Program("functions").Run(new ProgramRun { Data = new byte[64] }).ReturnValue);
    }

    [Fact]
    public void Address_of_a_modules_function_is_that_of_kallsyms()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("veth");
        using LoadedObject loaded = engine.Load(Only("addresses"));
        loaded.Program("addresses").Run(new ProgramRun { Data = new byte[64] });
        string line = File.ReadLines("/proc/kallsyms").Single(text => text.EndsWith(" veth_xdp\t[veth]", StringComparison.Ordinal));
        Assert.Equal(Convert.ToUInt64(line.Split(' ')[0], 16), loaded.ReadVariable<ulong>("address"));
    }

    [Fact]
    public void Module_that_went_since_the_object_was_linked_is_named_OSM5050()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        RequireModules("nf_conntrack");
        Assert.SkipUnless(Environment.GetEnvironmentVariable("OSMIA_GUEST") == "1", "needs a kernel of its own, to unload a module of (eng/vmtest)");
        LinkedObject linked = Linker.Link(Only("functions"), engine.Target);
        byte[] file = File.ReadAllBytes("/modules/nf_conntrack.ko");
        KernelTest.Eventually(() => DeleteModule("nf_conntrack") == 0, "nf_conntrack is unloaded");
        try
        {
            var refusal = Assert.Throws<KernelException>(() => engine.Load(linked));
            Assert.Equal("OSM5050", refusal.Id);
            Assert.Contains("modprobe nf_conntrack", refusal.Diagnostic.Try, StringComparison.Ordinal);
            output.WriteLine(refusal.Message);

            // Linked again without it, the object says what is missing.
            using KernelEngine later = KernelTest.OpenOrSkip();
            Assert.Equal("OSM2004", Assert.Throws<RelocationException>(() => later.Load(Only("functions"))).Id);
        }
        finally
        {
            Assert.Equal(0, InitModule(file));
        }
    }

    private static BpfObject Only(string program)
    {
        BpfObject source = Toolchain.Read("clang-19", Source, "-mcpu=v3");
        source.Programs.ToList().ForEach(other => other.AutoLoad = other.Name == program);
        return source;
    }

    private static void RequireModules(params string[] names)
    {
        // Compiled in any case, so that a folder for guests has it.
        if (Toolchain.Has("clang-19"))
        {
            Toolchain.Read("clang-19", Source, "-mcpu=v3");
        }

        foreach (string name in names)
        {
            Assert.SkipUnless(File.Exists(Folder + name), $"needs kernel module {name} with types");
        }
    }

    // C libraries have no functions for these; the numbers are those of x86-64, as the guests are.
    private const long InitModuleCall = 175;
    private const long DeleteModuleCall = 176;

    private static int DeleteModule(string name) => (int)Call(DeleteModuleCall, Encoding.ASCII.GetBytes(name + '\0'), 0, "");

    private static int InitModule(byte[] image) => (int)Call(InitModuleCall, image, image.Length, "");

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long Call(long number, byte[] first, nint second, string third);
}
