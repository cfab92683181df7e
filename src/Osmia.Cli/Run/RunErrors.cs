using Osmia.Objects.Diagnostics;

namespace Osmia.Cli.Run;

/// <summary>A request that the command cannot carry out although its words are right (OSM7xxx).</summary>
internal sealed class RunException(Diagnostic diagnostic) : BpfException(diagnostic);

internal static class RunErrors
{
    public static RunException BadVariable(string name, string value, string problem) => new(new Diagnostic("OSM7001", $"variable '{name}' cannot be set to '{value}'")
    {
        Why = problem,
        Try = "osmia run FILE --help lists the variables with their types",
    });

    public static RunException NoVariable(string name, IReadOnlyList<string> nearest, IEnumerable<string> all) => new(new Diagnostic("OSM7002", $"the object has no variable '{name}'")
    {
        Why = nearest.Count > 0 ? $"the closest are {string.Join(", ", nearest)}" : $"it has {string.Join(", ", all.DefaultIfEmpty("none"))}",
        Try = "osmia run FILE --help lists the variables with their types",
    });

    public static RunException BadMapEntry(string map, string text, string problem) => new(new Diagnostic("OSM7003", $"map '{map}' cannot be filled with '{text}'")
    {
        Why = problem,
        Try = "write --map NAME:KEY=VALUE, such as --map denylist:10.0.0.0/8=1",
    });

    public static RunException FilterExpression(string words) => new(new Diagnostic("OSM7012", $"'{words}' is no file, and filter expressions are not compiled")
    {
        Why = "osmia reads classic BPF; expressions are the language of libpcap",
        Try = $"tcpdump -ddd '{words}' | osmia filter -",
    });

    public static RunException NoPacketProgram(string file, IReadOnlyList<string> candidates) => new(new Diagnostic("OSM7004", candidates.Count == 0
        ? $"'{file}' has no program that judges packets"
        : $"'{file}' has {candidates.Count} programs that judge packets")
    {
        Why = candidates.Count == 0 ? "packets can be given to XDP, TC, socket filter and cgroup_skb programs" : $"they are {string.Join(", ", candidates)}",
        Try = candidates.Count == 0 ? "leave --packets out to attach the programs to live events" : "choose one with --program NAME",
    });

    public static RunException NoProgram(string name, IEnumerable<string> all) => new(new Diagnostic("OSM7005", $"the object has no program '{name}'")
    {
        Why = $"it has {string.Join(", ", all)}",
        Try = "osmia show FILE lists the programs",
    });

    public static RunException NothingToAttach(string file) => new(new Diagnostic("OSM7006", $"no program of '{file}' says where to attach")
    {
        Why = "their section names name no place",
        Try = "give packets with --packets FILE, or use a section name such as tp/sched/sched_switch",
    });

    public static RunException VmNeedsPackets(string file) => new(new Diagnostic("OSM7007", $"'{file}' cannot be run on live events in the virtual machine")
    {
        Why = "the in-process engine has no kernel to attach to; it judges packets of a capture",
        Try = "add --packets FILE, or leave --engine vm out to use the kernel",
    });

    public static RunException KernelNeedsLinux() => new(new Diagnostic("OSM7008", "the kernel engine needs Linux")
    {
        Why = $"this is {System.Runtime.InteropServices.RuntimeInformation.OSDescription}",
        Try = "run packet programs in the virtual machine: --packets FILE",
    });

    public static RunException CannotWrite(IOException e) => new(new Diagnostic("OSM7010", "the output cannot be written")
    {
        Why = e.Message,
        Try = "look at what standard output goes to; everything that was attached is detached",
    });

    public static RunException NoKernelMap(string name) => new(new Diagnostic("OSM7009", $"the kernel has no map named '{name}'")
    {
        Why = "names are cut to 15 characters, and maps go when the last program and process that use them go",
        Try = "osmia map list",
    });

    public static RunException NoKernelObject(string kind, string id) => new(new Diagnostic("OSM7011", $"the kernel has no {kind} with id {id}")
    {
        Why = "it has ended meanwhile, or never existed",
        Try = $"osmia {kind} list",
    });
}
