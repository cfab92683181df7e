using Osmia.Objects.Diagnostics;

namespace Osmia.Bench;

/// <summary>Runs benchmarks by name; see bench/README.md.</summary>
internal static class Program
{
    private static readonly Benchmark[] s_benchmarks =
    [
        new("startup", "the command's wall and CPU time, beside bpftool", StartupBenchmark.Run),
        new("btf", "the kernel's types opened, searched and written as C, beside libbpf and bpftool", BtfBenchmark.Run),
        new("ring", "records read from ring and perf buffers, beside libbpf", BufferBenchmark.Run),
        new("kernel", "elements read, a small object loaded and attached, tracepoints detached, beside libbpf", KernelCallBenchmark.Run),
        new("vm", "small kernels in every tier of the VM, beside the same C compiled natively", VmBenchmark.Run),
        new("packets", "the firewall sample on 64-byte frames in memory, in every tier and by several threads, beside the kernel", PacketBenchmark.Run),
        new("compile", "what compiling programs costs in a warm process, as .NET code and as machine code", CompileTimes.Run),
        new("interp", "the VM's interpreter, checked and verified; --ubpf LIBRARY adds ubpf's", InterpreterBenchmark.Run),
        new("link", "read an object and resolve its CO-RE relocations, beside libbpf", LinkBenchmark.Run),
        new("load", "read, link and load an object, beside bpftool", LoadBenchmark.Run),
        new("verify", "programs judged, beside the kernel's own verification time", VerifyBenchmark.Run),
        new("records", "records printed as columns and as JSON", RecordBenchmark.Run),
    ];

    private static int Main(string[] arguments)
    {
        try
        {
            BenchOptions options = BenchOptions.Parse(arguments);
            Benchmark[] chosen = [.. options.Names.Select(Find)];
            if (chosen.Length == 0)
            {
                return Usage(Console.Out, 0);
            }

            foreach (Benchmark benchmark in chosen)
            {
                Console.WriteLine($"{benchmark.Name}: {benchmark.Description}");
                benchmark.Run(options);
                Console.WriteLine();
            }

            return 0;
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine($"bench: {e.Message}");
            return Usage(Console.Error, 64);
        }
        catch (BpfException e)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static Benchmark Find(string name) =>
        Array.Find(s_benchmarks, benchmark => benchmark.Name == name) ?? throw new ArgumentException($"no benchmark '{name}'");

    private static int Usage(TextWriter output, int code)
    {
        output.WriteLine("usage: Osmia.Bench NAME... [--rounds N] [--ubpf LIBRARY] [--objects FOLDER] [--only KERNEL]...");
        foreach (Benchmark benchmark in s_benchmarks)
        {
            output.WriteLine($"  {benchmark.Name,-8} {benchmark.Description}");
        }

        return code;
    }

    private sealed record Benchmark(string Name, string Description, Action<BenchOptions> Run);
}

/// <param name="Rounds">0 for what the benchmark takes by itself.</param>
/// <param name="UbpfLibrary">A shared library of ubpf to compare the interpreter with.</param>
/// <param name="Objects">A folder of BPF objects to judge, instead of those at hand.</param>
/// <param name="Only">Of the kernels these alone; empty for all.</param>
internal sealed record BenchOptions(IReadOnlyList<string> Names, int Rounds, string? UbpfLibrary, string? Objects, IReadOnlyList<string> Only)
{
    public int RoundsOr(int standard) => Rounds > 0 ? Rounds : standard;

    public static BenchOptions Parse(string[] arguments)
    {
        var names = new List<string>();
        int rounds = 0;
        string? ubpf = null;
        string? objects = null;
        var only = new List<string>();
        for (int i = 0; i < arguments.Length; i++)
        {
            switch (arguments[i])
            {
                case "--rounds" when i + 1 < arguments.Length && int.TryParse(arguments[i + 1], out int number) && number > 0:
                    rounds = number;
                    i++;
                    break;
                case "--ubpf" when i + 1 < arguments.Length:
                    ubpf = arguments[++i];
                    break;
                case "--objects" when i + 1 < arguments.Length:
                    objects = arguments[++i];
                    break;
                case "--only" when i + 1 < arguments.Length:
                    only.Add(arguments[++i]);
                    break;
                case var word when word.StartsWith('-'):
                    throw new ArgumentException($"'{word}' is no option, or its value is missing");
                default:
                    names.Add(arguments[i]);
                    break;
            }
        }

        return new BenchOptions(names, rounds, ubpf, objects, only);
    }
}
