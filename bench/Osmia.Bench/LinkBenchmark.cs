using System.Runtime.Versioning;
using Osmia.Btf;
using Osmia.Kernel;
using Osmia.Objects;
using Osmia.Objects.Linking;

namespace Osmia.Bench;

/// <summary>
/// Twenty programs with 240 CO-RE relocations on fourteen root types, from bytes to relocated instructions. libbpf reads the
/// kernel's types for every object; ours are read once for each target, so both ways are shown.
/// </summary>
internal static unsafe class LinkBenchmark
{
    private const int Rounds = 60;
    private const string ObjectFile = "bench/objects/relocations.bpf.o";
    private const string KernelTypes = "/sys/kernel/btf/vmlinux";

    public static void Run(BenchOptions options)
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(KernelTypes))
        {
            Console.WriteLine($"left out: it needs {KernelTypes}");
            return;
        }

        Measure(options.RoundsOr(Rounds));
    }

    [SupportedOSPlatform("linux")]
    private static void Measure(int rounds)
    {
        byte[] bytes = File.ReadAllBytes(Repository.File(ObjectFile));
        BpfObject source = BpfObject.Read(bytes, ObjectFile);
        Console.WriteLine($"{source.Programs.Count} programs, {source.Functions.Sum(function => function.CoreRelocations.Count)} CO-RE relocations on "
            + $"{source.Functions.SelectMany(function => function.CoreRelocations).Select(relocation => relocation.Type).Distinct().Count()} root types");
        using KernelEngine kernel = KernelEngine.Open();
        BtfTypes types = kernel.Target.Types!;

        var contest = new Contest(ObjectFile, "ms of the thread's CPU time", Contest.InProcess);
        contest.Add("read and link, target's types opened anew", _ => ThreadCpu.Milliseconds(() => Link(bytes, new Target("anew", () => BtfTypes.Parse(types.Data)))));
        contest.Add("read and link, target's types at hand", _ => ThreadCpu.Milliseconds(() => Link(bytes, kernel.Target)));
        contest.Add("  read", _ => ThreadCpu.Milliseconds(() => BpfObject.Read(bytes, ObjectFile)));
        using CompiledLibrary? libbpf = Environment.IsPrivilegedProcess ? CompiledLibrary.Build(Repository.File("bench/objects/relocator.c")) : null;
        if (libbpf is not null && ((delegate* unmanaged<int>)libbpf["relocator_prepare"])() == 0)
        {
            uint version = ((delegate* unmanaged<uint>)libbpf["relocator_version"])();
            var run = (delegate* unmanaged<byte*, ulong, int>)libbpf["relocator_run"];
            contest.Add($"libbpf {version >> 16}.{version & 0xffff}, open to the first program's load", _ => ThreadCpu.Milliseconds(() =>
            {
                fixed (byte* data = bytes)
                {
                    if (run(data, (ulong)bytes.Length) is not 0 and var result)
                    {
                        throw new InvalidOperationException($"libbpf ended with {result}");
                    }
                }
            }));
        }

        contest.Run(rounds, Console.Out);
    }

    private static void Link(byte[] bytes, Target target) => Linker.Link(BpfObject.Read(bytes, ObjectFile), target);
}
