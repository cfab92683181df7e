using System.CommandLine;
using System.Runtime.Versioning;
using Osmia.Cli.Commands.Maps;
using Osmia.Cli.Words;

namespace Osmia.Cli.Commands;

/// <summary><c>osmia map</c>, with bpftool's words and fields.</summary>
[SupportedOSPlatform("linux")]
internal static class MapCommand
{
    private const string ElementGrammar = "MAP key DATA";

    public static Noun Noun { get; } = new(
        "map",
        new Verb("show", "[MAP]", "List maps, or those that MAP names", MapShow.Run) { Aliases = ["list"] },
        new Verb("create", MapCreate.Grammar, "Create a map and pin it", MapCreate.Run),
        new Verb("dump", "MAP", "Print a map's elements", MapDump.Run),
        new Verb("update", "MAP [key DATA] [value VALUE] [any|exist|noexist]", "Write an element; DATA is bytes, or text by the map's types", MapElements.Update),
        new Verb("lookup", ElementGrammar, "Print an element", MapElements.Lookup),
        new Verb("getnext", "MAP [key DATA]", "Print the key behind another, or the first", MapElements.GetNext),
        new Verb("delete", ElementGrammar, "Delete an element", MapElements.Delete),
        new Verb("pin", "MAP FILE", "Pin a map", MapCreate.Pin),
        new Verb("event_pipe", MapEventPipe.Grammar, "Print the records of a perf buffer or ring buffer as they come", MapEventPipe.Run),
        new Verb("peek", "MAP", "Print the next element of a queue or stack", MapElements.Peek),
        new Verb("push", "MAP value VALUE", "Add an element to a stack", MapElements.Push),
        new Verb("pop", "MAP", "Take the next element of a stack", MapElements.Pop),
        new Verb("enqueue", "MAP value VALUE", "Add an element to a queue", MapElements.Push),
        new Verb("dequeue", "MAP", "Take the next element of a queue", MapElements.Pop),
        new Verb("freeze", "MAP", "Let no system call write a map any more", MapCreate.Freeze));

    public static Command Build() => Noun.Build();
}
