using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Osmia.Tests;

/// <summary>
/// Programs and maps of many types, pinned in a folder of their own, a struct of callbacks, a child cgroup and a network namespace with a device: loaded by
/// osmia itself, removed with this object. Words of test files name them: <c>@program</c>, <c>%map</c>, <c>#id</c>, <c>~tag</c>, <c>{place}</c>.
/// </summary>
internal sealed class LivePrograms : IDisposable
{
    public const string Device = "par0";
    public const string Callbacks = "par_callbacks";

    private static readonly string s_sources = RepositoryFiles.PathOf("tests", "Osmia.CliTests", "Bpftool");
    private static int s_number;

    private readonly string _id = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{Interlocked.Increment(ref s_number)}");
    private readonly ChildCgroup _cgroup;
    private readonly Dictionary<string, string> _places = [];
    private bool _isRegistered;

    public LivePrograms()
    {
        Requirements.Kernel();
        Requirements.Tracefs();
        Requirements.Command("nsenter", "--version");
        Assert.SkipUnless(ReferenceTool.Exists("clang-19"), "needs clang-19");
        Assert.SkipUnless(Directory.Exists("/sys/fs/bpf"), "needs the BPF file system");
        _cgroup = ChildCgroup.Create();
        Work = Directory.CreateTempSubdirectory("osmia-live-").FullName;
        try
        {
            Prepare();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Pins of programs; those of maps stand in <c>maps</c> below.</summary>
    public string Pins => $"/sys/fs/bpf/osmia-live-{_id}";

    public string Work { get; }

    /// <summary>What runs a command in the namespace.</summary>
    public string[] Space => ["nsenter", $"--net=/run/netns/osmia-live-{_id}"];

    /// <summary>Numbers of what was made here, each behind its kind: <c>prog 7</c>.</summary>
    public HashSet<string> Numbers { get; } = [];

    public void Dispose()
    {
        if (_isRegistered)
        {
            _ = Osmia("struct_ops", "unregister", "name", Callbacks);
        }

        if (Directory.Exists(Pins))
        {
            Directory.Delete(Pins, recursive: true);
        }

        using Process process = Process.Start(new ProcessStartInfo("ip", ["netns", "delete", $"osmia-live-{_id}"]) { RedirectStandardError = true })!;
        process.WaitForExit();
        _cgroup.Dispose();
        Directory.Delete(Work, recursive: true);
    }

    /// <summary>Runs the command in the namespace.</summary>
    public (int ExitCode, string Output, string Error) Osmia(params string[] words)
    {
        using OsmiaCommand command = OsmiaCommand.Start(words, Space);
        int exitCode = command.WaitForExit();
        return (exitCode, command.Output, command.Error);
    }

    /// <summary>The words of a line, with names replaced by what they stand for.</summary>
    public string[] Words(string line) => [.. line.Trim().Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Fill)];

    public string Fill(string word) => word[0] switch
    {
        '@' => $"{Pins}/{word[1..]}",
        '%' => $"{Pins}/maps/{word[1..]}",
        _ => _places.Aggregate(word, (text, place) => text.Replace(place.Key, place.Value, StringComparison.Ordinal)),
    };

    private void Prepare()
    {
        foreach (string line in (string[])[$"netns add osmia-live-{_id}", $"-n osmia-live-{_id} link add {Device} type veth peer name par1", $"-n osmia-live-{_id} link set {Device} up", $"-n osmia-live-{_id} link set lo up"])
        {
            ReferenceTool.Run("ip", line.Split(' '));
        }

        Compile("parity", "parity");
        Compile("single", "single");
        Compile("callbacks", "callbacks");
        Compile("callbacks", "linked", "-DWITH_LINK");
        Directory.CreateDirectory(Pins);
        Succeed("prog", "loadall", Path.Combine(Work, "parity.bpf.o"), Pins, "pinmaps", Pins + "/maps");
        Succeed("struct_ops", "register", Path.Combine(Work, "callbacks.bpf.o"));
        _isRegistered = true;
        string frame = Path.Combine(Work, "frame");
        File.WriteAllBytes(frame, [.. Enumerable.Range(0, 64).Select(i => (byte)i)]);
        (_places["{cgroup}"], _places["{pins}"], _places["{device}"], _places["{file}"], _places["{out}"], _places["{work}"]) = (_cgroup.Path, Pins, Device, frame, Path.Combine(Work, "out"), Work);
        foreach ((string name, JsonElement program) in Pinned("prog", Pins))
        {
            _places[$"#{name}"] = program.GetProperty("id").GetRawText();
            _places[$"~{name}"] = program.GetProperty("tag").GetString()!;
            _places["{types}"] = program.GetProperty("btf_id").GetRawText();
            Numbers.Add("prog " + program.GetProperty("id").GetRawText());
        }

        foreach ((string _, JsonElement map) in Pinned("map", Pins + "/maps"))
        {
            Numbers.Add("map " + map.GetProperty("id").GetRawText());
        }

        Numbers.Add("btf " + _places["{types}"]);
    }

    private void Compile(string source, string name, params string[] options) =>
        ReferenceTool.Run("clang-19", ["-g", "-O2", "-target", "bpf", "-mcpu=v3", "-I/usr/include/x86_64-linux-gnu", .. options, "-c", Path.Combine(s_sources, source + ".bpf.c"), "-o", Path.Combine(Work, name + ".bpf.o")]);

    /// <summary>What is pinned in a folder, by the names of its files.</summary>
    private IEnumerable<(string Name, JsonElement Info)> Pinned(string noun, string folder) =>
        JsonDocument.Parse(Succeed("-j", "-f", noun, "show")).RootElement.EnumerateArray()
            .SelectMany(info => info.GetProperty("pinned").EnumerateArray().Select(path => path.GetString()!).Where(path => Path.GetDirectoryName(path) == folder).Select(path => (Path.GetFileName(path), info)));

    private string Succeed(params string[] words)
    {
        (int exitCode, string output, string error) = Osmia(words);
        Assert.True(exitCode == 0, $"{string.Join(' ', words)}: {output}{error}");
        return output;
    }
}
