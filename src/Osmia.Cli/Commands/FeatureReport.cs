using System.Globalization;
using System.Runtime.Versioning;
using System.Text.Json;
using Osmia.Bytecode;
using Osmia.Kernel.Features;

namespace Osmia.Cli.Commands;

/// <summary>All answers of one probe, in bpftool's order, and beside them what it does not ask: attach types, and why something is missing.</summary>
[SupportedOSPlatform("linux")]
internal sealed class FeatureReport
{
    // The kernel writes to its log when a program with one of these is loaded.
    private static readonly HelperId[] s_noisy = [HelperId.TracePrintk, HelperId.TraceVprintk, HelperId.ProbeWriteUser];

    private readonly List<(string Name, long? Value)> _settings = [.. SystemFacts.Settings()];
    private readonly List<(string Name, string? Value)> _options = SystemFacts.HasConfiguration ? [.. SystemFacts.Options()] : [];
    private readonly List<(ProgramType Type, FeatureAnswer Answer)> _programs = [];
    private readonly List<(ProgramType Type, AttachType Attach, FeatureAnswer Answer)> _attach = [];
    private readonly List<(MapType Type, FeatureAnswer Answer)> _maps = [];
    private readonly List<(ProgramType Type, List<HelperId> Helpers)> _helpers = [];
    private readonly List<(string Name, string Meaning, FeatureAnswer Answer)> _forms = [];
    private bool _hasSystemCall;

    private FeatureReport()
    {
    }

    public static FeatureReport Take(bool full)
    {
        var report = new FeatureReport { _hasSystemCall = SystemFacts.HasSystemCall() };
        if (!report._hasSystemCall)
        {
            return report;
        }

        KernelFeatures features = KernelFeatures.Probe();
        foreach (ProgramTypeFacts row in ProgramTypeTable.All)
        {
            FeatureAnswer answer = features.Program(row.Type);
            report._programs.Add((row.Type, answer));
            report._attach.AddRange(row.AttachTypes.Select(attach => (row.Type, attach, features.Attach(row.Type, attach))));
            report._helpers.Add((row.Type, !answer.IsAvailable ? [] :
                [.. HelperTable.All.Select(helper => helper.Id).Where(id => (full || !s_noisy.Contains(id)) && features.Helper(id, row.Type).IsAvailable)]));
        }

        report._maps.AddRange(Enum.GetValues<MapType>().Where(type => type != MapType.Unspec).Select(type => (type, features.Map(type))));
        report._forms.AddRange(LanguageTrials.Run());
        return report;
    }

    public void WriteText(TextWriter output)
    {
        output.WriteLine("System configuration:");
        foreach ((string name, long? value) in _settings)
        {
            output.WriteLine($"  {name} = {value?.ToString(CultureInfo.InvariantCulture) ?? "unknown"}");
        }

        if (_options.Count == 0)
        {
            output.WriteLine("  how the kernel was built is not known: neither /proc/config.gz nor /boot/config-RELEASE can be read");
        }

        foreach ((string name, string? value) in _options)
        {
            output.WriteLine($"  {name} is {(value is null ? "not set" : $"set to {value}")}");
        }

        output.WriteLine($"\nbpf() system call is {(_hasSystemCall ? "available" : "NOT available")}");
        Section(output, "Program types", _programs.Select(row => (row.Type.ToKernelName(), row.Answer)));
        Section(output, "Attach types", _attach.Select(row => ($"{row.Type.ToKernelName()} {row.Attach.ToKernelName()}", row.Answer)));
        Section(output, "Map types", _maps.Select(row => (row.Type.ToKernelName(), row.Answer)));
        output.WriteLine("\nHelpers:");
        foreach ((ProgramType type, List<HelperId> helpers) in _helpers)
        {
            output.WriteLine($"  {type.ToKernelName()}: {(helpers.Count == 0 ? "none can be told, programs of the type do not load" : $"{helpers.Count}")}");
            foreach (HelperId[] line in helpers.Chunk(4))
            {
                output.WriteLine($"    {string.Join(' ', line.Select(id => HelperTable.NameOf((int)id)))}");
            }
        }

        Section(output, "Instructions and program forms", _forms.Select(row => ($"{row.Name} ({row.Meaning})", row.Answer)));
    }

    public void WriteMacros(TextWriter output, string prefix)
    {
        foreach ((string name, FeatureAnswer answer) in All())
        {
            output.WriteLine($"#define {prefix}{(answer.IsAvailable ? "" : "NO_")}{name.ToUpperInvariant()}");
        }

        foreach ((ProgramType type, List<HelperId> helpers) in _helpers)
        {
            foreach (Helper helper in HelperTable.All)
            {
                output.WriteLine($"#define {prefix}BPF__PROG_TYPE_{type.ToKernelName()}__HELPER_bpf_{helper.Name} {(helpers.Contains(helper.Id) ? 1 : 0)}");
            }
        }
    }

    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("system_config");
        foreach ((string name, long? value) in _settings)
        {
            if (value is { } known)
            {
                json.WriteNumber(name, known);
            }
            else
            {
                json.WriteNull(name);
            }
        }

        foreach ((string name, string? value) in _options)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
        json.WriteStartObject("syscall_config");
        json.WriteBoolean("have_bpf_syscall", _hasSystemCall);
        json.WriteEndObject();
        Section(json, "program_types", _programs.Select(row => ($"have_{row.Type.ToKernelName()}_prog_type", row.Answer)));
        Section(json, "map_types", _maps.Select(row => ($"have_{row.Type.ToKernelName()}_map_type", row.Answer)));
        json.WriteStartObject("helpers");
        foreach ((ProgramType type, List<HelperId> helpers) in _helpers)
        {
            json.WriteStartArray($"{type.ToKernelName()}_available_helpers");
            helpers.ForEach(id => json.WriteStringValue(HelperTable.NameOf((int)id)));
            json.WriteEndArray();
        }

        json.WriteEndObject();
        Section(json, "misc", _forms.Select(row => ($"have_{row.Name}", row.Answer)));
        Section(json, "attach_types", _attach.Select(row => ($"have_{row.Type.ToKernelName()}_{row.Attach.ToKernelName()}_attach_type", row.Answer)));
        json.WriteStartObject("reasons");
        foreach ((string name, FeatureAnswer answer) in All().Where(row => !row.Answer.IsAvailable))
        {
            json.WriteString(name, answer.Reason);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private IEnumerable<(string Name, FeatureAnswer Answer)> All() =>
    [
        .. _programs.Select(row => ($"have_{row.Type.ToKernelName()}_prog_type", row.Answer)),
        .. _attach.Select(row => ($"have_{row.Type.ToKernelName()}_{row.Attach.ToKernelName()}_attach_type", row.Answer)),
        .. _maps.Select(row => ($"have_{row.Type.ToKernelName()}_map_type", row.Answer)),
        .. _forms.Select(row => ($"have_{row.Name}", row.Answer)),
    ];

    private static void Section(TextWriter output, string title, IEnumerable<(string Name, FeatureAnswer Answer)> rows)
    {
        output.WriteLine($"\n{title}:");
        foreach ((string name, FeatureAnswer answer) in rows)
        {
            output.WriteLine($"  {name} is {(answer.IsAvailable ? "available" : $"NOT available: {answer.Reason}")}");
        }
    }

    private static void Section(Utf8JsonWriter json, string title, IEnumerable<(string Name, FeatureAnswer Answer)> rows)
    {
        json.WriteStartObject(title);
        foreach ((string name, FeatureAnswer answer) in rows)
        {
            json.WriteBoolean(name, answer.IsAvailable);
        }

        json.WriteEndObject();
    }
}
