using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Maps;

/// <summary>A pin that a load made or gave to another map.</summary>
/// <param name="before">The map that had the name before; null when none had.</param>
internal sealed class PinUndo(string path, KernelMap? before)
{
    /// <summary>The load went well.</summary>
    public void Keep() => before?.Dispose();

    public void Undo()
    {
        File.Delete(path);
        if (before is not null)
        {
            _ = BpfSyscall.Pin(before.Handle.Descriptor, path);
            before.Dispose();
        }
    }
}
