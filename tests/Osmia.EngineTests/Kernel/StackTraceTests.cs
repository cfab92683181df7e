using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Symbols;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>Stacks of the kernel, of C programs and of .NET, taken by programs and named here.</summary>
[SupportedOSPlatform("linux")]
[Collection("kernel")]
public class StackTraceTests(ITestOutputHelper output)
{
    private const string Source = "../Osmia.EngineTests/Kernel/Sources/stacks.bpf.c";

    [Fact]
    public void Stack_through_methods_of_NET_is_named_from_its_perf_map()
    {
        Assert.SkipWhen(Environment.GetEnvironmentVariable("OSMIA_GUEST") is not null, "needs a machine that is not emulated: the child takes a minute to start there");
        using KernelEngine engine = KernelTest.OpenOrSkip();
        using LoadedObject loaded = engine.Load(Read());
        using var child = new SpinningChild(("DOTNET_PerfMapEnabled", "1"), ("DOTNET_TieredCompilation", "0"));
        using Link link = engine.AttachOrSkip(loaded.Program("on_clock"), new PerfEventTarget(SoftwareEvent.CpuClock, 999, child.Pid), "sampling");
        using var symbols = new KernelSymbolizer();
        using RecordReader reader = loaded.Map("samples").OpenReader();
        var stacks = new StackTraces((KernelMap)loaded.Map("stacks"), symbols);
        IReadOnlyList<string> found = [];
        IReadOnlyList<string> copied = [];
        KernelTest.Eventually(() =>
        {
            reader.Consume((record, _) =>
            {
                IReadOnlyList<string> names = stacks.User(MemoryMarshal.Read<int>(record), child.Pid);
                if (names.Any(name => name.Contains("::InnerOfTheSpin", StringComparison.Ordinal)))
                {
                    found = names;
                    copied = [.. StackTraces.Addresses(record.Slice(16, MemoryMarshal.Read<int>(record[12..]))).Select(address => symbols.User(child.Pid, address) ?? "")];
                }
            });
            return found.Any(name => name.Contains("::OuterOfTheSpin", StringComparison.Ordinal));
        }, "a stack through both methods");
        output.WriteLine(string.Join('\n', found));

        // From the inside out: the methods, and the runtime that called them. A small method keeps no frame pointer, which hides who called it.
        int inner = IndexOf(found, "SpinningChild::InnerOfTheSpin");
        int outer = IndexOf(found, "SpinningChild::OuterOfTheSpin");
        int whole = IndexOf(found, "<Module>::.cctor()");
        Assert.True(inner >= 0 && inner < outer && outer < whole, string.Join('\n', found));
        Assert.Equal(found, copied);
    }

    [Fact]
    public void Stacks_of_a_C_program_and_of_the_kernel_beneath_it_are_named()
    {
        Assert.SkipUnless(RuntimeInformation.ProcessArchitecture == Architecture.X64, "compares names of x86-64");
        using KernelEngine engine = KernelTest.OpenOrSkip();
        Assert.SkipWhen(new KernelSymbols().Count == 0, "needs kernel addresses (kernel.kptr_restrict)");
        using var folder = new TemporaryFolder();
        string binary = Path.Combine(folder.Path, "calls");
        Toolchain.Build(binary, "clang-19", "tests/Osmia.EngineTests/Kernel/Sources/calls.cpp", "-O1", "-fno-omit-frame-pointer", "-fno-optimize-sibling-calls", "-Wl,--build-id");
        using var workload = new Workload($"exec {binary}");
        BpfObject source = Read();
        source.Constants.Set("wanted", workload.Pid);
        using LoadedObject loaded = engine.Load(source);
        using Link link = engine.Attach(loaded.Program("on_call"), new RawTracepointTarget("sys_enter"));
        using var symbols = new KernelSymbolizer();
        var stacks = new StackTraces((KernelMap)loaded.Map("stacks"), symbols);
        var places = new StackTraces((KernelMap)loaded.Map("places"), symbols);
        using RecordReader reader = loaded.Map("samples").OpenReader();
        workload.Begin();
        Assert.Equal("in the middle", workload.ReadLine());

        // The program waits in the innermost function, so that it is still there to be asked.
        var user = new List<IReadOnlyList<string>>();
        var kernel = new List<IReadOnlyList<string>>();
        var files = new List<IReadOnlyList<string>>();
        KernelTest.Eventually(() =>
        {
            reader.Consume((record, _) =>
            {
                user.Add(stacks.User(MemoryMarshal.Read<int>(record), workload.Pid));
                kernel.Add(stacks.Kernel(MemoryMarshal.Read<int>(record[4..])));
                files.Add(places.User(MemoryMarshal.Read<int>(record[8..]), workload.Pid));
            });
            return user.Any(stack => IndexOf(stack, "innermost") >= 0);
        }, "a call from the innermost function");
        IReadOnlyList<string> seen = user.First(stack => IndexOf(stack, "innermost") >= 0);
        output.WriteLine(string.Join('\n', seen));
        Assert.True(IndexOf(seen, "innermost(") < IndexOf(seen, "shop::middle<int>(") && IndexOf(seen, "shop::middle<int>(") < IndexOf(seen, "main"), string.Join('\n', seen));
        Assert.Contains(kernel, stack => stack.Any(name => name.StartsWith("bpf_trace_run", StringComparison.Ordinal)) && stack.Any(name => name.Contains("syscall", StringComparison.Ordinal)));
        Assert.Contains(files, stack => IndexOf(stack, "innermost(") >= 0 && IndexOf(stack, "shop::middle<int>(") > IndexOf(stack, "innermost("));
        Assert.Equal("OSM5015", Assert.Throws<UnsupportedFeatureException>(() => new StackTraces((KernelMap)loaded.Map("samples"), symbols)).Id);
        Assert.Empty(stacks.Kernel(-14));
    }

    [Fact]
    public void Places_of_a_perf_map_are_those_written_last()
    {
        var map = new PerfMap(int.MaxValue);
        map.Read(["1000 20 void [app] App::Old()[Tier0]", "0x1020 10 second", "bad line", "1000 20 void [app] App::New()[Tier1]", "2000 zz broken", "3000 0 empty"]);
        Assert.Equal(("void [app] App::New()[Tier1]", 0x1ful), map.Find(0x101f));
        Assert.Equal(("second", 0ul), map.Find(0x1020));
        Assert.Null(map.Find(0x1030));
        Assert.Null(map.Find(0x3000));
        Assert.Null(map.Find(0xfff));
    }

    private static int IndexOf(IReadOnlyList<string> stack, string name) => stack.ToList().FindIndex(frame => frame.Contains(name, StringComparison.Ordinal));

    private static BpfObject Read() => Toolchain.Read("clang-19", Source, "-I/usr/include/x86_64-linux-gnu", "-Wno-everything");
}
