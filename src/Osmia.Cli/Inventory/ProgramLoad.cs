using System.Runtime.Versioning;
using Osmia.Kernel.Inventory;

namespace Osmia.Cli.Inventory;

/// <summary>What a program did in a span of time.</summary>
/// <param name="Missed">Runs left out because it was running on that CPU already.</param>
[SupportedOSPlatform("linux")]
internal sealed record ProgramLoad(ProgramInfo Program, ulong Runs, ulong TimeInNanoseconds, ulong Missed, TimeSpan Elapsed)
{
    public double RunsPerSecond => Runs / Elapsed.TotalSeconds;

    public double NanosecondsPerRun => Runs == 0 ? 0 : (double)TimeInNanoseconds / Runs;

    /// <summary>Of one CPU: 1 is a CPU that does nothing else.</summary>
    public double CpuShare => TimeInNanoseconds / Elapsed.TotalNanoseconds;

    /// <param name="all">Those that did not run too.</param>
    /// <param name="order">What stands first: time, runs, ns, id or name.</param>
    public static List<ProgramLoad> Between(Dictionary<uint, ProgramInfo> before, Dictionary<uint, ProgramInfo> now, TimeSpan elapsed, bool all, string order)
    {
        IEnumerable<ProgramLoad> loads = now.Values.Select(program =>
        {
            // A program that was loaded meanwhile began at zero.
            ProgramInfo? old = before.GetValueOrDefault(program.Id);
            return new ProgramLoad(program, program.RunCount - (old?.RunCount ?? 0), program.RunTimeInNanoseconds - (old?.RunTimeInNanoseconds ?? 0), program.RecursionMisses - (old?.RecursionMisses ?? 0), elapsed);
        }).Where(load => all || load.Runs > 0);
        return
        [
            .. order switch
            {
                "runs" => loads.OrderByDescending(load => load.Runs),
                "ns" => loads.OrderByDescending(load => load.NanosecondsPerRun),
                "id" => loads.OrderBy(load => load.Program.Id),
                "name" => loads.OrderBy(load => load.Program.FullName, StringComparer.Ordinal),
                _ => loads.OrderByDescending(load => load.TimeInNanoseconds),
            },
        ];
    }
}
