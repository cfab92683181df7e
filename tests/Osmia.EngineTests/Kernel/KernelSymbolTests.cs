using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;
using Osmia.Vm;

namespace Osmia.Tests.Kernel;

/// <summary>Programs that use functions and variables of the kernel, loaded and run.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class KernelSymbolTests
{
    private const string Source = "Linking/Sources/ksyms.c";

    [Fact]
    public void Kernel_functions_are_called_and_open_coded_iterators_run()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Toolchain.Read("clang-19", Source, "-mcpu=v3")));

        Assert.Empty(loaded.Warnings); // The object's types, symbols of the kernel among them, are in the kernel.
        Assert.Equal(0ul, loaded.Program("functions").Run(new ProgramRun()).ReturnValue);
        Assert.Equal(10ul, loaded.Program("iterator").Run(new ProgramRun()).ReturnValue);
        Assert.Equal(100ul, loaded.Program("cast").Run(new ProgramRun { Data = new byte[100] }).ReturnValue);
    }

    [Fact]
    public void Address_of_a_kernel_symbol_is_that_of_kallsyms_and_weak_ones_are_zero()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipWhen(engine.Target.SymbolAddresses!("__init_begin").Count != 1, "needs kernel addresses (kernel.kptr_restrict)");
        using LoadedObject loaded = KernelTest.OrSkip(() => engine.Load(Toolchain.Read("clang-19", Source, "-mcpu=v3")));

        Assert.Equal(3ul, loaded.Program("addresses").Run(new ProgramRun()).ReturnValue);
        string line = File.ReadLines("/proc/kallsyms").Single(text => text.EndsWith(" __init_begin", StringComparison.Ordinal));
        Assert.Equal(Convert.ToUInt64(line.Split(' ')[0], 16), loaded.ReadVariable<ulong>("address"));
    }

    [Fact]
    public void Typed_variables_of_the_kernel_load_where_it_lists_their_addresses()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        BpfObject source = Toolchain.Read("clang-19", "Linking/Sources/ksym-variables.c", "-mcpu=v3");
        source.Programs.ToList().ForEach(program => program.AutoLoad = true);
        if (engine.Target.SymbolAddresses!("runqueues").Count == 0)
        {
            // The kernel itself looks for the address, and says so.
            var refusal = Assert.Throws<KernelException>(() => engine.Load(source));
            Assert.Contains("runqueues", refusal.VerifierLog, StringComparison.Ordinal);
            Assert.Skip("needs CONFIG_KALLSYMS_ALL");
        }

        engine.Load(source).Dispose();
    }

    [Fact]
    public void Weak_function_that_is_missing_is_poisoned_and_dead()
    {
        using KernelEngine engine = KernelTest.OpenOrSkip();
        LinkedObject linked = KernelTest.OrSkip(() => Linker.Link(Toolchain.Read("clang-19", Source, "-mcpu=v3"), engine.Target));
        LinkedProgram guarded = linked.Programs.Single(program => program.Name == "guarded");
        Diagnostic missing = Assert.Single(guarded.Unresolved).Diagnostic;
        Assert.Equal("OSM2030", missing.Id);
        Assert.Contains("bpf_no_such_function", missing.What, StringComparison.Ordinal);
        Assert.Contains("ksyms.c:", missing.Where, StringComparison.Ordinal);
        using LoadedObject loaded = engine.Load(linked);
        Assert.Equal(5, loaded.Programs.Count);
    }

    [Fact]
    public void VM_refuses_kernel_functions_by_name()
    {
        using var engine = new VmEngine();
        BpfObject source = Toolchain.Read("clang-19", "../Osmia.EngineTests/Kernel/Sources/absent.bpf.c", "-mcpu=v3");
        var refusal = Assert.Throws<RelocationException>(() => engine.Load(source));
        Assert.Equal("OSM2004", refusal.Id);
        Assert.Contains("'bpf_key_put'", refusal.Diagnostic.What, StringComparison.Ordinal);
        Assert.Contains("target 'vm'", refusal.Diagnostic.Why, StringComparison.Ordinal);
    }
}
