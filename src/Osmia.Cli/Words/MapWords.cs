using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;

namespace Osmia.Cli.Words;

/// <summary><c>MAP := id N | name NAME | pinned FILE</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class MapWords
{
    public const string Grammar = "{ id N | name NAME | pinned FILE }";

    /// <summary>All maps that the words name; at least one.</summary>
    public static List<MapInfo> Find(WordReader words)
    {
        if (words.Take("id"))
        {
            using KernelMap map = KernelInventory.OpenMap(words.Number("the map's number"));
            return [KernelInventory.Describe(map)];
        }

        if (words.Take("pinned"))
        {
            using BpfHandle handle = PinnedWords.Open(words, ObjectKind.Map);
            return [KernelInventory.DescribeMapOf(handle)];
        }

        if (!words.Take("name"))
        {
            throw new UsageException($"{words.Verb}: {(words.Peek() is { } word ? $"'{word}' does not begin a map" : "the map is missing")}; name it by {Grammar}");
        }

        string wanted = words.Next("the name");
        List<MapInfo> all = [.. KernelInventory.Maps()];
        List<MapInfo> found = all.FindAll(map => map.Name == wanted);
        return found.Count > 0 ? found : throw RunErrors.NoneOfThat("map", "name", wanted, all.Select(map => map.Name));
    }

    /// <summary>The one map that the words name, opened; the caller disposes it.</summary>
    public static KernelMap Open(WordReader words)
    {
        if (words.Take("pinned"))
        {
            return KernelInventory.ToMap(PinnedWords.Open(words, ObjectKind.Map));
        }

        List<MapInfo> found = Find(words);
        return found is [var only] ? KernelInventory.OpenMap(only.Id) : throw RunErrors.SeveralOfThat("map", found[0].Name, found.Select(map => map.Id));
    }
}
