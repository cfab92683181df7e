using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Cli.Commands.Prog;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Objects;
using Osmia.Objects.Linking;
using Osmia.Objects.Sections;
using Osmia.Runtime;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia iter pin OBJ PATH</c>: a file that runs an iterator each time it is read.</summary>
[SupportedOSPlatform("linux")]
internal static class IterCommand
{
    private const string Grammar = "OBJ PATH [map MAP] [pid N] [cgroup DIR]";

    public static Noun Noun { get; } = new("iter", new Verb("pin", Grammar, "Load an object and pin its iterator: cat PATH runs it", Pin));

    public static Command Build() => Noun.Build();

    private static void Pin(VerbCall call)
    {
        WordReader words = call.Words;
        string file = words.Next("the object");
        string path = words.Next("the path to pin at");
        KernelMap? map = null;
        var options = new AttachOptions();
        while (!words.IsAtEnd)
        {
            switch (words.Next("map"))
            {
                case "map":
                    map = MapWords.Open(words);
                    break;
                case "pid":
                    options = options with { Pid = (int)words.Number("the process") };
                    break;
                case "cgroup":
                    options = options with { Cgroup = words.Next("the cgroup") };
                    break;
                case var other:
                    throw new UsageException($"{words.Verb}: '{other}' is none of map, pid, cgroup");
            }
        }

        using KernelMap? walked = map;
        using KernelEngine engine = KernelEngine.Open();
        using LoadedObject loaded = engine.Load(BpfObject.Read(file).RequirePrograms());
        LoadedProgram program = loaded.Programs.FirstOrDefault(candidate => candidate.Definition.Section.Kind == AttachKind.Iterator)
            ?? throw RunErrors.NoIterator(file, loaded.Programs.Select(candidate => $"{candidate.Name} ({candidate.Definition.Section.Name})"));
        AttachTarget target = AttachPlan.TargetOf(program.Definition, options);
        using Link link = engine.Attach(program, target is IteratorTarget iterator && map is not null ? iterator with { Map = map } : target);
        KernelInventory.Pin(LinkPin.HandleOf(link), path);
        call.Done($"pinned {program.Name} at {path}: cat {path} runs it");
    }
}
