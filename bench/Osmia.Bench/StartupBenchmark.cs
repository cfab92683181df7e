namespace Osmia.Bench;

/// <summary>From the shell's point of view: the script, the runtime, and the work of a short command.</summary>
internal static class StartupBenchmark
{
    private const int Rounds = 40;

    public static void Run(BenchOptions options)
    {
        string osmia = Repository.File("osmia");
        var commands = new List<Command>
        {
            new("./osmia show samples/hello/hello.bpf.o", osmia, ["show", "samples/hello/hello.bpf.o"]),
            new("./osmia --version", osmia, ["--version"]),
            new("./osmia run ... --packets (1230 packets)", osmia, ["run", "samples/firewall/firewall.bpf.o", "--packets", "samples/firewall/traffic.pcapng"]),
        };
        if (ProcessTimes.Find("bpftool") is { } bpftool)
        {
            commands.Add(new("bpftool version", bpftool, ["version"]));
            commands.Add(new("bpftool btf dump file samples/hello/hello.bpf.o", bpftool, ["btf", "dump", "file", "samples/hello/hello.bpf.o"]));
        }

        // One process gives both figures: measured for the first contest, kept for the second.
        var wall = new Contest("start-up, wall time", "ms", Contest.Processes);
        var cpu = new Contest("start-up, user and system time", "ms", Contest.Processes);
        foreach (Command command in commands)
        {
            var kept = new Queue<double>();
            wall.Add(command.Name, _ =>
            {
                ProcessTimes times = ProcessTimes.Of(command.File, command.Arguments);
                kept.Enqueue(times.Cpu);
                return times.Wall;
            });
            cpu.Add(command.Name, _ => kept.Dequeue());
        }

        wall.Run(options.RoundsOr(Rounds), Console.Out);
        cpu.Run(options.RoundsOr(Rounds), Console.Out);
    }

    private sealed record Command(string Name, string File, string[] Arguments);
}
