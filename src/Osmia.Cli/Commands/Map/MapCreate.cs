using System.Runtime.Versioning;
using Osmia.Bytecode;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Linking;

namespace Osmia.Cli.Commands.Maps;

/// <summary><c>osmia map create FILE type TYPE key N value N entries N name NAME ...</c>: a map that lives by its pin; and <c>pin</c>, <c>freeze</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class MapCreate
{
    public const string Grammar = "FILE type TYPE key BYTES value BYTES entries N name NAME [flags FLAGS] [inner_map MAP]";

    public static void Run(VerbCall call)
    {
        WordReader words = call.Words;
        string path = words.Next("the file to pin the map at");
        MapType? type = null;
        (uint key, uint value, uint entries, uint flags) = (0, 0, 0, 0);
        string name = "";
        KernelMap? inner = null;
        try
        {
            while (!words.IsAtEnd)
            {
                if (words.Take("type"))
                {
                    string text = words.Next("the type");
                    type = MapTypeNames.TryParse(text, out MapType known) ? known : throw NoType(words, text);
                }
                else if (words.Take("name"))
                {
                    name = words.Next("the name");
                }
                else if (words.Take("key"))
                {
                    key = words.Number("the size of keys");
                }
                else if (words.Take("value"))
                {
                    value = words.Number("the size of values");
                }
                else if (words.Take("entries"))
                {
                    entries = words.Number("the number of entries");
                }
                else if (words.Take("flags"))
                {
                    flags = words.Number("flags");
                }
                else if (words.Take("inner_map"))
                {
                    inner = MapWords.Open(words);
                }
                else if (words.Peek() is "offload_dev" or "dev")
                {
                    throw new UsageException($"{words.Verb}: '{words.Peek()}' makes a map in a network card, which is not done here");
                }
                else
                {
                    throw new UsageException($"{words.Verb}: '{words.Peek()}' is none of type, key, value, entries, name, flags, inner_map");
                }
            }

            if (type is null)
            {
                throw new UsageException($"{words.Verb}: the type is missing: {Grammar}");
            }

            using KernelMap map = KernelInventory.CreateMap(new LinkedMap(0, name, type.Value, key, value, entries, flags), inner);
            KernelInventory.Pin(map.Handle, path);
            call.Done($"created map {map.Id} {name}, pinned at {path}");
        }
        finally
        {
            inner?.Dispose();
        }
    }

    public static void Pin(VerbCall call)
    {
        using KernelMap map = MapWords.Open(call.Words);
        string path = call.Words.Next("the file");
        call.Words.End();
        KernelInventory.Pin(map.Handle, path);
        call.Done($"pinned map {map.Name} at {path}");
    }

    public static void Freeze(VerbCall call)
    {
        using KernelMap map = MapWords.Open(call.Words);
        call.Words.End();
        map.Freeze();
        call.Done($"map {map.Name} is frozen: system calls do not write it any more");
    }

    private static UsageException NoType(WordReader words, string text)
    {
        IReadOnlyList<string> nearest = Similarity.Nearest(text, Enum.GetValues<MapType>().Select(type => type.ToKernelName()).Where(name => name.Length > 0), 3);
        return new UsageException($"{words.Verb}: there is no map type '{text}'{(nearest.Count > 0 ? $"; did you mean {string.Join(", ", nearest)}?" : "")}");
    }
}
