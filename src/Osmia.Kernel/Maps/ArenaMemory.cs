using System.Runtime.InteropServices;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Maps;

/// <summary>
/// An arena in this process, at the address its programs know it by: the kernel takes a program that uses an arena only when the arena has such
/// an address, which <c>map_extra</c> or the first mapping gives it.
/// </summary>
/// <remarks>Safe although unsafe: the bytes copied are fewer than the pages mapped.</remarks>
internal sealed unsafe class ArenaMemory : IDisposable
{
    private const int FixedNoReplace = 0x100000;

    private readonly nint _length;
    private nint _address;

    private ArenaMemory(nint address, nint length)
    {
        _address = address;
        _length = length;
    }

    ~ArenaMemory() => Unmap();

    /// <summary>Maps the arena and fills its first bytes.</summary>
    /// <exception cref="KernelException">OSM5012: something else of this process stands at the arena's address.</exception>
    public static ArenaMemory Create(KernelMap map)
    {
        nint length = (nint)map.Definition.MaxEntries * Environment.SystemPageSize;
        var wanted = (nint)map.Definition.Extra;
        nint address = Libc.MemoryMap(wanted, length, Libc.ProtRead | Libc.ProtWrite, Libc.MapShared | (wanted != 0 ? FixedNoReplace : 0), map.Handle.Descriptor, 0);
        if (address == Libc.MapFailed)
        {
            throw map.Failed("mmap", "cannot be mapped into this process", -Marshal.GetLastPInvokeError(),
                wanted != 0 ? $"it wants {length} bytes at 0x{wanted:x} (map_extra)" : null, wanted != 0 ? "choose another map_extra, or none" : null);
        }

        map.Definition.InitialData.Span.CopyTo(new Span<byte>((void*)address, (int)Math.Min(length, int.MaxValue)));
        return new ArenaMemory(address, length);
    }

    /// <summary>The first bytes of the arena, as programs and this process see them.</summary>
    public Span<byte> Bytes => _address == 0 ? default : new Span<byte>((void*)_address, (int)Math.Min(_length, int.MaxValue));

    public void Dispose()
    {
        Unmap();
        GC.SuppressFinalize(this);
    }

    private void Unmap()
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0)
        {
            _ = Libc.MemoryUnmap(address, _length);
        }
    }
}
