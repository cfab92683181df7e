using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Inventory;

/// <summary>The files of <c>/sys/kernel/btf</c>: the types of the kernel and of its modules.</summary>
public static class KernelTypeFiles
{
    /// <summary>The bytes of one, mapped where the kernel allows it (Linux 6.16 and newer), else read. They stay until the process ends.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    /// <exception cref="UnauthorizedAccessException">This process may not read it.</exception>
    public static ReadOnlyMemory<byte> Bytes(string path) => MappedFile.Open(path).Memory;
}
