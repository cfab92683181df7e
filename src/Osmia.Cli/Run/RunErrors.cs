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

    public static RunException NoPacketProgram(string file, IReadOnlyList<string> candidates) => new(new Diagnostic("OSM7004", candidates.Count == 0
        ? $"'{file}' has no program that judges packets"
        : $"'{file}' has {candidates.Count} programs that judge packets")
    {
        Why = candidates.Count == 0 ? "packets can be given to XDP, TC, socket filter and cgroup_skb programs" : $"they are {string.Join(", ", candidates)}",
        Try = candidates.Count == 0 ? "leave --packets out to attach the programs to live events" : "choose one with --program NAME",
    });

    public static RunException NoProgram(string name, IEnumerable<string> all) => new(new Diagnostic("OSM7005", $"the object has no program '{name}'")
    {
        Why = Similarity.Nearest(name, all, 3) is { Count: > 0 } nearest ? $"the closest are {string.Join(", ", nearest)}" : $"it has {string.Join(", ", all)}",
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

    public static RunException CannotWrite(Exception e) => new(new Diagnostic("OSM7010", "the output cannot be written")
    {
        Why = e.Message,
        Try = "look at what standard output goes to; everything that was attached is detached",
    });

    public static RunException NoneOfThat(string kind, string how, string value, IEnumerable<string> all) => new(new Diagnostic("OSM7009", $"the kernel has no {kind} with {how} '{value}'")
    {
        Why = Similarity.Nearest(value, all.Where(name => name.Length > 0).Distinct(), 3) is { Count: > 0 } nearest ? $"the closest are {string.Join(", ", nearest)}"
            : "names are cut to 15 characters without types, and objects go when the last program, link, pin and process that hold them go",
        Try = $"osmia {(kind == "program" ? "prog" : kind)} list",
    });

    public static RunException SeveralOfThat(string kind, string name, IEnumerable<uint> ids) => new(new Diagnostic("OSM7012", $"more than one {kind} is named like '{name}'")
    {
        Why = $"their numbers are {string.Join(", ", ids)}",
        Try = "name it by its number: id N",
    });

    public static RunException OtherKind(string path, string wanted, string found) => new(new Diagnostic("OSM7013", $"'{path}' is no pinned {wanted}")
    {
        Why = found == "other" ? "it is another kind of file" : $"it is a pinned {found}",
        Try = "osmia tree shows what is pinned where",
    });

    public static RunException BadElement(string map, string what, string problem) => new(new Diagnostic("OSM7014", $"the {what} does not fit map '{map}'")
    {
        Why = problem,
        Try = "give as many bytes as the map wants (decimal, 0x.., or 'hex' and pairs of digits), or a value of its type: 17, 10.0.0.1, FIELD=VALUE,...",
    });

    public static RunException NoElement(string map, string key) => new(new Diagnostic("OSM7015", $"map '{map}' has no element of key {key}")
    {
        Try = $"osmia map dump name {map}",
    });

    public static RunException NoLinkToPin(string target, int links) => new(new Diagnostic("OSM7016", $"what holds a program at {target} cannot be pinned")
    {
        Why = links == 0 ? "no bpf_link holds it there: a socket, a perf event or the target itself does" : $"{links} links hold it there, and a file stands for one",
        Try = "leave the pin out and let this command hold it, or use osmia run",
    });

    public static RunException NoCode(string program, bool isJited) => new(new Diagnostic("OSM7017", $"the kernel shows no {(isJited ? "machine code" : "instructions")} of program {program}")
    {
        Why = isJited ? "it is interpreted, or this process may not see it (CAP_PERFMON, kernel.kptr_restrict)" : "this process may not see them (CAP_SYS_ADMIN, kernel.kptr_restrict, net.core.bpf_jit_harden)",
        Try = "run as root, and look at sysctl kernel.kptr_restrict net.core.bpf_jit_enable net.core.bpf_jit_harden",
    });

    public static RunException NoTracefs() => new(new Diagnostic("OSM7018", "what programs print cannot be read")
    {
        Why = "tracefs is not mounted",
        Try = "mount -t tracefs nodev /sys/kernel/tracing",
    });

    public static RunException TracefsClosed(string path, string problem) => new(new Diagnostic("OSM7018", "what programs print cannot be read")
    {
        Why = $"{path}: {problem}",
        Try = "run as root, or give your group the right: mount -o remount,gid=GROUP /sys/kernel/tracing",
    });

    public static RunException NoHardwareMetric(string metric) => new(new Diagnostic("OSM7019", $"metric '{metric}' cannot be counted")
    {
        Why = "counting events of the processor for each run needs programs at the entry and exit of the program, which this command does not make yet",
        Try = "leave it out: run_cnt and run_time_ns come from the kernel's own statistics",
    });

    public static RunException NoCgroups() => new(new Diagnostic("OSM7020", "there are no cgroups to look at")
    {
        Why = "no cgroup v2 hierarchy is mounted",
        Try = "mount -t cgroup2 none /sys/fs/cgroup",
    });

    public static RunException NothingAttached(string device, string what) => new(new Diagnostic("OSM7021", $"device {device} has no program at {what}")
    {
        Try = $"osmia net show dev {device}",
    });

    public static RunException NoIterator(string file, IEnumerable<string> programs) => new(new Diagnostic("OSM7022", $"'{file}' has no iterator")
    {
        Why = $"its programs are {string.Join(", ", programs)}",
        Try = "write SEC(\"iter/task\")",
    });

    public static RunException NoStructOps(string file) => new(new Diagnostic("OSM7023", $"'{file}' has no struct of callbacks")
    {
        Why = "none of its maps is of .struct_ops or .struct_ops.link",
        Try = "osmia show FILE lists the maps",
    });

    public static RunException NotStructOps(string map, string type) => new(new Diagnostic("OSM7024", $"map '{map}' is no struct of callbacks")
    {
        Why = $"it is of type {type}",
        Try = "osmia struct_ops list",
    });

    public static RunException LinkNeedsPin(string map) => new(new Diagnostic("OSM7025", $"the link of '{map}' would go as soon as this command ends")
    {
        Why = "a map of .struct_ops.link is registered for as long as its link lives",
        Try = "say where to pin it: osmia struct_ops register OBJ LINK_DIR",
    });

    public static RunException NoKernelTypes(string? why) => new(new Diagnostic("OSM7026", "the kernel's types are not known")
    {
        Why = why,
        Try = "use a kernel with CONFIG_DEBUG_INFO_BTF",
    });

    public static RunException NoKernelObject(string kind, string id) => new(new Diagnostic("OSM7011", $"the kernel has no {kind} with id {id}")
    {
        Why = "it has ended meanwhile, or never existed",
        Try = $"osmia {kind} list",
    });
}
