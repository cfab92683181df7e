using System.Runtime.Versioning;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;

namespace Osmia.Cli.Words;

/// <summary><c>LINK := id N | pinned FILE</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class LinkWords
{
    public const string Grammar = "{ id N | pinned FILE }";

    /// <summary>The caller disposes it.</summary>
    public static BpfHandle Open(WordReader words)
    {
        if (words.Take("id"))
        {
            return KernelInventory.OpenLink(words.Number("the link's number"));
        }

        if (!words.Take("pinned"))
        {
            throw new UsageException($"{words.Verb}: {(words.Peek() is { } word ? $"'{word}' does not begin a link" : "the link is missing")}; name it by {Grammar}");
        }

        return PinnedWords.Open(words, ObjectKind.Link);
    }
}
