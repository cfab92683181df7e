using System.CommandLine;
using System.Globalization;
using Osmia.Cli.Run;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Cli.Commands;

/// <summary>
/// <c>osmia run FILE</c>. The object's own variables are options too, so the object is read before the arguments are
/// parsed in full; built-in options win over variables of the same name, and --set reaches every variable.
/// </summary>
internal static class RunCommand
{
    private static readonly Argument<string> s_file = CommonOptions.ObjectFile();
    private static readonly Option<string> s_packets = new("--packets") { Description = "judge the packets of a pcap or pcapng capture", HelpName = "CAPTURE" };
    private static readonly Option<string> s_write = new("--write", "-w") { Description = "write the packets it lets through, as it left them, to a pcapng capture", HelpName = "CAPTURE" };
    private static readonly Option<string> s_engine = new("--engine") { Description = "auto: the VM with --packets, else the kernel", HelpName = "auto|kernel|vm", DefaultValueFactory = _ => "auto" };
    private static readonly Option<string> s_device = new("--dev") { Description = "network device of XDP, TC and socket filter programs", HelpName = "IF" };
    private static readonly Option<string> s_tap = new("--tap") { Description = "judge in the VM what the host sends into a TAP device, which is made for the run", HelpName = "IF" };
    private static readonly Option<string> s_mode = new("--xdp-mode") { Description = "how an XDP program attaches", HelpName = "default|generic|native", DefaultValueFactory = _ => "default" };
    private static readonly Option<string> s_cgroup = new("--cgroup") { Description = "cgroup v2 directory of cgroup programs", HelpName = "PATH" };
    private static readonly Option<string> s_pid = new("--pid") { Description = "process of perf events and uprobes (default: all)", HelpName = "PID" };
    private static readonly Option<string> s_path = new("--path") { Description = "binary of uprobes whose section names none", HelpName = "BINARY" };
    private static readonly Option<string> s_frequency = new("--frequency") { Description = "samples a second of perf events", HelpName = "HZ", DefaultValueFactory = _ => "99" };
    private static readonly Option<string[]> s_programs = new("--program") { Description = "only this program (repeatable)", HelpName = "NAME" };
    private static readonly Option<string> s_event = new("--event") { Description = "struct of the records, when the object does not say", HelpName = "STRUCT" };
    private static readonly Option<string[]> s_set = new("--set") { Description = SetDescription, HelpName = "NAME=VALUE" };
    private static readonly Option<string[]> s_map = new("--map") { Description = "write a map entry before the start (repeatable)", HelpName = "NAME:KEY=VALUE" };
    private static readonly Option<string> s_duration = new("--duration") { Description = "stop after this time: 500ms, 5s, 2m", HelpName = "TIME" };
    private static readonly Option<string> s_interval = new("--interval") { Description = "print the maps this often", HelpName = "TIME" };
    private static readonly Option<string> s_count = new("--count") { Description = "stop after this many records or packets", HelpName = "N" };
    private static readonly Option<bool> s_noMaps = new("--no-maps") { Description = "do not print the maps at the end" };
    private static readonly Option<bool> s_json = new("--json", "-j") { Description = "print JSON lines" };

    private const string SetDescription = "set a variable (repeatable)";
    private const int LongestDevice = 15;
    private const int LongestValue = 40;
    private static readonly string[] s_help = ["--help", "-h", "-?", "--version"];

    private static readonly Option[] s_options =
    [
        s_packets, s_write, s_engine, s_device, s_tap, s_mode, s_cgroup, s_pid, s_path, s_frequency, s_programs, s_event, s_set, s_map, s_duration, s_interval, s_count, s_noMaps, s_json,
    ];

    public static Command Build(string[] arguments)
    {
        var command = new Command("run", CommandTree.DescriptionOf("run")) { s_file };
        foreach (Option option in s_options)
        {
            command.Add(option);
        }

        s_engine.AcceptOnlyFromAmong("auto", "kernel", "vm");
        s_mode.AcceptOnlyFromAmong("default", "generic", "native");
        List<VariableOption> variables = AddVariables(command, arguments);
        command.SetAction(parsed => Execute(parsed, variables));
        return command;
    }

    private static int Execute(ParseResult parsed, List<VariableOption> variables)
    {
        RunSettings settings = Read(parsed, variables);
        bool inVm = settings.Engine == EngineChoice.Vm;
        if (settings.Packets is not null || settings.Tap is not null || (inVm && settings.Attach.Device is not null))
        {
            return PacketRun.Run(settings);
        }

        return inVm ? throw RunErrors.VmNeedsPackets(settings.File)
            : OperatingSystem.IsLinux() ? LiveRun.Run(settings)
            : throw RunErrors.KernelNeedsLinux();
    }

    private static RunSettings Read(ParseResult parsed, List<VariableOption> variables)
    {
        IEnumerable<VariableSetting> fromOptions = variables
            .Where(row => parsed.GetResult(row.Option) is { Implicit: false })
            .Select(row => new VariableSetting(row.Variable.Name, parsed.GetValue(row.Option) ?? "true"));
        string? tap = parsed.GetValue(s_tap);
        if (tap is not null && (parsed.GetValue(s_engine) == "kernel" || parsed.GetValue(s_packets) is not null || parsed.GetValue(s_device) is not null))
        {
            throw new UsageException($"--tap {tap}: its frames come to this process, and the VM judges them: leave out --engine kernel, --packets and --dev");
        }

        if (tap is not null && System.Text.Encoding.UTF8.GetByteCount(tap) is 0 or > LongestDevice)
        {
            throw new UsageException($"--tap '{tap}': the name of a device has 1 to {LongestDevice} bytes");
        }

        return new RunSettings(parsed.GetValue(s_file)!)
        {
            Tap = tap,
            Engine = parsed.GetValue(s_engine) switch { "kernel" => EngineChoice.Kernel, "vm" => EngineChoice.Vm, _ => EngineChoice.Auto },
            Packets = parsed.GetValue(s_packets),
            WriteTo = parsed.GetValue(s_write) is { } capture && parsed.GetValue(s_packets) is null && tap is null && parsed.GetValue(s_engine) != "vm"
                ? throw new UsageException($"--write {capture}: packets are written when they are read from a capture (--packets) or a device (--engine vm --dev NAME, --tap NAME)")
                : parsed.GetValue(s_write),
            Attach = new AttachOptions
            {
                Device = parsed.GetValue(s_device),
                Cgroup = parsed.GetValue(s_cgroup),
                Pid = (int)Positive(s_pid, parsed.GetValue(s_pid), -1, int.MaxValue),
                BinaryPath = parsed.GetValue(s_path),
                Frequency = (int)Positive(s_frequency, parsed.GetValue(s_frequency), 99, int.MaxValue),
                XdpMode = parsed.GetValue(s_mode) switch { "generic" => XdpMode.Generic, "native" => XdpMode.Native, _ => XdpMode.Default },
            },
            Programs = parsed.GetValue(s_programs) ?? [],
            Event = parsed.GetValue(s_event),
            Json = parsed.GetValue(s_json),
            Duration = Time(s_duration, parsed.GetValue(s_duration)),
            Interval = Time(s_interval, parsed.GetValue(s_interval)),
            Count = Positive(s_count, parsed.GetValue(s_count), long.MaxValue, long.MaxValue),
            ShowMaps = !parsed.GetValue(s_noMaps),
            Variables = [.. fromOptions, .. (parsed.GetValue(s_set) ?? []).Select(text => Split(s_set, text, '='))],
            MapEntries = [.. (parsed.GetValue(s_map) ?? []).Select(MapEntry)],
        };
    }

    private static MapEntrySetting MapEntry(string text)
    {
        (string map, string rest) = Split(s_map, text, ':');
        // A struct key may hold equals signs of its own; the value's is the last one outside of braces.
        int equals = rest.LastIndexOf('=');
        return equals > 0 ? new(map, rest[..equals], rest[(equals + 1)..]) : throw new UsageException($"--map '{text}' is not NAME:KEY=VALUE");
    }

    private static VariableSetting Split(Option option, string text, char separator)
    {
        int at = text.IndexOf(separator, StringComparison.Ordinal);
        return at > 0 ? new(text[..at], text[(at + 1)..]) : throw new UsageException($"{option.Name} '{text}' is not {option.HelpName}");
    }

    private static long Positive(Option option, string? text, long missing, long maximum) =>
        text is null ? missing
        : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0 && number <= maximum ? number
        : throw new UsageException($"{option.Name} '{text}' is not a number from 1 to {maximum}");

    private static TimeSpan? Time(Option option, string? text)
    {
        if (text is null)
        {
            return null;
        }

        (string digits, double seconds) = text switch
        {
            _ when text.EndsWith("ms", StringComparison.Ordinal) => (text[..^2], 0.001),
            _ when text.EndsWith('s') => (text[..^1], 1.0),
            _ when text.EndsWith('m') => (text[..^1], 60.0),
            _ when text.EndsWith('h') => (text[..^1], 3600.0),
            _ => (text, 1.0),
        };
        return double.TryParse(digits, NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && number > 0 && number * seconds < 1e8
            ? TimeSpan.FromSeconds(number * seconds)
            : throw new UsageException($"{option.Name} '{text}' is not a time such as 500ms, 5s or 2m");
    }

    private static List<VariableOption> AddVariables(Command command, string[] arguments)
    {
        var added = new List<VariableOption>();
        var taken = s_options.SelectMany(option => option.Aliases.Append(option.Name)).Concat(s_help).ToHashSet(StringComparer.Ordinal);
        if (FindFile(arguments) is not { } file)
        {
            CheckOptions(arguments, taken, added);
            return added;
        }

        // Without the object its options are not known, so that a wrong path comes before wrong words. Help needs neither.
        if (!File.Exists(file) || !BpfObject.TryRead(File.ReadAllBytes(file), file, out BpfObject? source, out Diagnostic? _))
        {
            return arguments.Any(s_help.Contains) ? added : throw Unreadable(file);
        }

        var printer = new VariablePrinter(source);
        var hidden = new List<string>();
        foreach (BpfVariable variable in source.Variables.Where(variable => variable.Map.DataSection is DataSectionKind.ReadOnly or DataSectionKind.Data))
        {
            string name = "--" + variable.Name;
            string dashed = "--" + variable.Name.Replace('_', '-');
            if (!taken.Add(name))
            {
                hidden.Add(variable.Name);
                continue;
            }

            string type = printer.TypeOf(variable);
            var option = new Option<string>(name)
            {
                Description = $"variable of the object, now {Shortened(printer.ValueOf(variable))}",
                HelpName = type,
                Arity = type is "bool" or "_Bool" ? ArgumentArity.ZeroOrOne : ArgumentArity.ExactlyOne,
            };
            if (taken.Add(dashed))
            {
                option.Aliases.Add(dashed);
            }

            command.Add(option);
            added.Add(new VariableOption(variable, option));
        }

        s_set.Description = SetDescription + (hidden.Count == 0 ? "" : $"; the only way to {string.Join(", ", hidden)}, whose name{(hidden.Count == 1 ? " is that of an option" : "s are those of options")} here");
        CheckOptions(arguments, taken, added);
        return added;
    }

    private static string Shortened(string value) => value.Length <= LongestValue ? value : value[..LongestValue] + "...";

    private static BpfException Unreadable(string file)
    {
        try
        {
            BpfObject.Read(file);
        }
        catch (BpfException e)
        {
            return e;
        }

        throw new UsageException($"'{file}' changed while it was read");
    }

    /// <summary>A word that looks like an option but is none would be taken for the file, or be refused without a hint.</summary>
    private static void CheckOptions(string[] arguments, HashSet<string> known, List<VariableOption> variables)
    {
        for (int i = 1; i < arguments.Length && arguments[i] != "--"; i++)
        {
            string name = arguments[i].Split('=', ':')[0];
            bool isWord = !arguments[i].StartsWith('-') || arguments[i].Length < 2;
            bool isBundle = !arguments[i].StartsWith("--", StringComparison.Ordinal) && known.Contains(arguments[i][..Math.Min(2, arguments[i].Length)]);
            if (isWord || isBundle || known.Contains(name) || TakesValue(arguments[i - 1], variables))
            {
                continue;
            }

            IReadOnlyList<string> nearest = Similarity.Nearest(name, known.Where(word => word.StartsWith("--", StringComparison.Ordinal)).DistinctBy(word => word.Replace('_', '-')), 2);
            throw new UsageException($"there is no option '{name}'{(nearest.Count > 0 ? $"; did you mean {string.Join(" or ", nearest)}?" : "")}");
        }
    }

    private static bool TakesValue(string word, List<VariableOption> variables) =>
        s_options.Any(option => option is not Option<bool> && option.Name == word)
        || variables.Any(row => row.Option.Arity.MinimumNumberOfValues > 0 && (row.Option.Name == word || row.Option.Aliases.Contains(word)));

    /// <summary>The first word that is a file and not the value of an option; if none is, the first that may be meant as one.</summary>
    private static string? FindFile(string[] arguments)
    {
        string[] words = [.. arguments.Where((word, i) => i > 0 && !word.StartsWith('-') && !TakesValue(arguments[i - 1], []))];
        return Array.Find(words, File.Exists)
            ?? Array.Find(words, word => word.EndsWith(".o", StringComparison.Ordinal))
            ?? words.FirstOrDefault();
    }

    private sealed record VariableOption(BpfVariable Variable, Option<string> Option);
}
