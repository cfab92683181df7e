using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Syscalls;

namespace Osmia.Cli.Words;

/// <summary><c>pinned FILE</c>: the file has to be of the kind that is asked for.</summary>
[SupportedOSPlatform("linux")]
internal static class PinnedWords
{
    /// <summary>The caller disposes it.</summary>
    public static BpfHandle Open(WordReader words, ObjectKind wanted)
    {
        string path = words.Next("the file");
        BpfHandle handle = KernelInventory.OpenPinned(path);
        ObjectKind kind = KernelInventory.KindOf(handle);
        if (kind == wanted)
        {
            return handle;
        }

        handle.Dispose();
        throw RunErrors.OtherKind(path, wanted.ToString().ToLowerInvariant(), kind.ToString().ToLowerInvariant());
    }
}
