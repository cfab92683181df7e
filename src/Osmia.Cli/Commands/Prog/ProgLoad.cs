using System.Globalization;
using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Links;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Syscalls;
using Osmia.Objects;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog load | loadall OBJ PATH ...</c>: an object's programs into the kernel, where their pins keep them.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgLoad
{
    public const string Grammar = "OBJ PATH [type TYPE] [map { idx N | name NAME } MAP] [pinmaps DIR] [autoattach] [dev DEVICE] [cgroup DIR] [pid N] [path BINARY]";

    public static void One(VerbCall call) => Load(call, isAll: false);

    public static void All(VerbCall call) => Load(call, isAll: true);

    private static void Load(VerbCall call, bool isAll)
    {
        WordReader words = call.Words;
        string file = words.Next("the object");
        string path = words.Next("the path to pin at");
        BpfObject source = BpfObject.Read(file).RequirePrograms();
        using var request = new Request(words, source);
        request.Parse();
        using KernelEngine engine = KernelEngine.Open();
        if (request.Section is { } section)
        {
            foreach (BpfProgram program in source.Programs)
            {
                program.Section = section;
            }
        }

        using LoadedObject loaded = engine.Load(source, LoadOptions.Default with { LogLevel = call.IsDebug ? 1 : 0, Maps = request.TakeMaps() });
        Report(call, loaded);
        var pins = new List<string>();
        bool isNew = isAll && !Directory.Exists(path);
        try
        {
            if (isNew)
            {
                Directory.CreateDirectory(path);
            }

            if (request.IsAttaching)
            {
                AttachAndPin(engine, loaded, request.Attach, path, isAll, pins);
            }
            else
            {
                PinPrograms(loaded, path, isAll, pins);
            }

            PinMaps(loaded, request.MapFolder, pins);
        }
        catch
        {
            pins.ForEach(File.Delete);
            if (isNew && Directory.Exists(path) && !Directory.EnumerateFileSystemEntries(path).Any())
            {
                Directory.Delete(path);
            }

            throw;
        }
        call.Done($"{(request.IsAttaching ? "attached and pinned" : "pinned")} {string.Join(", ", pins)}");
    }

    private static void Report(VerbCall call, LoadedObject loaded)
    {
        foreach (Diagnostic warning in loaded.Warnings)
        {
            Console.Error.WriteLine($"warning: {warning}");
        }

        foreach (KernelProgram program in call.IsDebug ? loaded.Programs.OfType<KernelProgram>() : [])
        {
            Console.Error.WriteLine($"-- program {program.Name}, the kernel's log:\n{program.VerifierText}");
        }
    }

    private static void PinPrograms(LoadedObject loaded, string path, bool isAll, List<string> pins)
    {
        foreach (KernelProgram program in loaded.Programs.OfType<KernelProgram>().Take(isAll ? int.MaxValue : 1))
        {
            Pin(program.Handle, isAll ? Path.Combine(path, FileName(program.Name)) : path, pins);
        }
    }

    /// <summary>A program whose section names no place, or one that nothing can be pinned of, is pinned itself.</summary>
    private static void AttachAndPin(KernelEngine engine, LoadedObject loaded, AttachOptions options, string path, bool isAll, List<string> pins)
    {
        Dictionary<string, AttachTarget> targets = [];
        foreach (LinkedProgram program in AttachPlan.Attachable(loaded.Definition))
        {
            try
            {
                targets[program.Name] = AttachPlan.TargetOf(program, options);
            }
            catch (UnsupportedFeatureException e)
            {
                Console.Error.WriteLine($"program '{program.Name}' is pinned, not attached: {e.Diagnostic.What}");
            }
        }

        foreach (KernelProgram program in loaded.Programs.OfType<KernelProgram>().Take(isAll ? int.MaxValue : 1))
        {
            string file = isAll ? Path.Combine(path, FileName(program.Name)) : path;
            using Link? link = targets.TryGetValue(program.Name, out AttachTarget? target) ? engine.Attach(program, target) : null;
            if (link is not null && LinkPin.TryHandleOf(link) is { } handle)
            {
                Pin(handle, file, pins);
                continue;
            }

            if (link is not null)
            {
                Console.Error.WriteLine($"program '{program.Name}' is pinned, not attached: what holds it at {link.Target.Describe()} cannot be pinned");
            }

            Pin(program.Handle, file, pins);
        }
    }

    private static void PinMaps(LoadedObject loaded, string? folder, List<string> pins)
    {
        if (folder is null)
        {
            return;
        }

        Directory.CreateDirectory(folder);
        foreach (KernelMap map in loaded.Maps.OfType<KernelMap>())
        {
            Pin(map.Handle, Path.Combine(folder, FileName(map.Name)), pins);
        }
    }

    private static void Pin(BpfHandle handle, string path, List<string> pins)
    {
        KernelInventory.Pin(handle, path);
        pins.Add(path);
    }

    /// <summary>The BPF file system takes no dots in names.</summary>
    private static string FileName(string name) => name.Replace('.', '_');

    /// <summary>The words behind the path.</summary>
    private sealed class Request(WordReader words, BpfObject source) : IDisposable
    {
        private readonly Dictionary<string, Map> _maps = [];

        public SectionMatch? Section { get; private set; }

        public string? MapFolder { get; private set; }

        public bool IsAttaching { get; private set; }

        public AttachOptions Attach { get; private set; } = new();

        public void Parse()
        {
            while (!words.IsAtEnd)
            {
                switch (words.Next("type"))
                {
                    case "type":
                        Section = SectionWords.Parse(words);
                        break;
                    case "map":
                        string name = words.Take("idx") ? NameAt(words.Number("the map's index")) : NameAfter(words);
                        _maps.Add(name, MapWords.Open(words));
                        break;
                    case "pinmaps":
                        MapFolder = words.Next("the directory of maps");
                        break;
                    case "autoattach":
                        IsAttaching = true;
                        break;
                    case "dev":
                        Attach = Attach with { Device = words.Next("the device") };
                        break;
                    case "cgroup":
                        Attach = Attach with { Cgroup = words.Next("the cgroup") };
                        break;
                    case "pid":
                        Attach = Attach with { Pid = (int)words.Number("the process") };
                        break;
                    case "path":
                        Attach = Attach with { BinaryPath = words.Next("the binary") };
                        break;
                    case ("offload_dev" or "xdpmeta_dev") and { } card:
                        throw new UsageException($"{words.Verb}: '{card}' loads for a network card, which is not done here; without it the program runs in the kernel: osmia net attach xdpdrv PROG dev DEVICE");
                    case "kernel_btf":
                        throw new UsageException($"{words.Verb}: 'kernel_btf' relocates against the types of a file, and loading takes those of the running kernel; osmia check OBJ --target FILE says whether an object fits a file");
                    case var other:
                        throw new UsageException($"{words.Verb}: '{other}' is none of type, map, pinmaps, autoattach, dev, cgroup, pid, path");
                }
            }
        }

        /// <summary>From here on the loaded object owns them.</summary>
        public Dictionary<string, Map> TakeMaps()
        {
            var taken = new Dictionary<string, Map>(_maps);
            _maps.Clear();
            return taken;
        }

        public void Dispose()
        {
            foreach (Map map in _maps.Values)
            {
                map.Dispose();
            }
        }

        private string NameAfter(WordReader reader)
        {
            reader.Expect("name");
            string name = reader.Next("the map's name");
            return source.Maps.Any(map => map.Name == name) ? name
                : throw new UsageException($"{words.Verb}: the object has no map '{name}'; it has {string.Join(", ", source.Maps.Select(map => map.Name))}");
        }

        private string NameAt(uint index) => index < source.Maps.Count ? source.Maps[(int)index].Name
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture, $"{words.Verb}: the object has {source.Maps.Count} maps, and none of index {index}"));
    }
}
