using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Osmia.Kernel;
using Osmia.Kernel.Links;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Runtime;

namespace Osmia.Tests.Kernel;

/// <summary>Opens the engine or skips by name, and waits for what the kernel does a moment later.</summary>
[SupportedOSPlatform("linux")]
internal static partial class KernelTest
{
    public static KernelEngine OpenOrSkip()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Skip("needs Linux");
        }

        try
        {
            return KernelEngine.Open();
        }
        catch (BpfException e) when (e.Id is "OSM5001" or "OSM5002")
        {
            Assert.Skip($"needs CAP_BPF: {e.Diagnostic.Why}");
            throw;
        }
    }

    public static LoadedObject Load(this KernelEngine engine, LinkedObject linked) => engine.Load(linked, LoadOptions.Default);

    /// <summary>Loads, or skips when the kernel does not offer that program type at all.</summary>
    public static LoadedObject LoadOrSkip(this KernelEngine engine, LinkedObject linked, string feature)
    {
        try
        {
            return engine.Load(linked, LoadOptions.Default);
        }
        catch (KernelException e) when (e.Id == "OSM5021")
        {
            Assert.Skip($"needs {feature}: {e.Diagnostic.Why}");
            throw;
        }
    }

    /// <summary>Loads; an older kernel in a guest (eng/vmtest) that lacks a map type or a kernel function is skipped by what it lacks.</summary>
    public static T OrSkip<T>(Func<T> load)
    {
        try
        {
            return load();
        }
        catch (BpfException e) when (Environment.GetEnvironmentVariable("OSMIA_GUEST") is not null && (e is KernelException { Id: "OSM5011", Errno: 22 } or RelocationException { Id: "OSM2004" }))
        {
            Assert.Skip($"needs a newer kernel: {e.Diagnostic.What}");
            throw;
        }
    }

    /// <summary>Null when the kernel refuses the kind of program before it looks at it.</summary>
    public static LoadedObject? LoadUnlessRefused(KernelEngine engine, LinkedObject linked)
    {
        try
        {
            return engine.Load(linked, LoadOptions.Default);
        }
        catch (KernelException e) when (e.Id == "OSM5021")
        {
            return null;
        }
    }

    public static Link AttachOrSkip(this KernelEngine engine, LoadedProgram program, AttachTarget target, string feature)
    {
        try
        {
            return engine.Attach(program, target);
        }
        catch (KernelException e) when (e.Id is "OSM5031" or "OSM5034")
        {
            Assert.Skip($"needs {feature}: {e.Diagnostic.Why}");
            throw;
        }
    }

    public static ulong Counter(this LoadedObject loaded, string map = "counter")
    {
        loaded.Map<uint, ulong>(map).TryLookup(0, out ulong value);
        return value;
    }

    /// <summary>The kernel frees some objects only after a grace period.</summary>
    public static void Eventually(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10), $"still not after 10 s: {what}");
            Thread.Sleep(5);
        }
    }

    public static string SamplesFolder { get; } = RepositoryFiles.PathOf("samples");

    public static string SamplePath(string name) => Path.Combine(SamplesFolder, name, $"{name}.bpf.o");

    public static string CgroupRootOrSkip()
    {
        string? mount = CgroupMount.Find();
        if (mount is null)
        {
            Assert.Skip("needs a mounted cgroup v2 hierarchy");
        }

        return mount;
    }

    /// <summary>A cheap system call nothing else in this process makes.</summary>
    [LibraryImport("libc", EntryPoint = "getpgid")]
    public static partial int GetProcessGroup(int pid);
}
