using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Maps;

/// <summary>
/// The values of an array as memory of this process, shared with programs: what either writes the other sees, without system calls. Values follow one
/// another, each rounded up to 8 bytes.
/// </summary>
/// <remarks>Safe although unsafe: spans are bounded by the mapping, and end with <see cref="Dispose"/>, which the owner calls when its readers are done.</remarks>
public sealed unsafe class MapMemory : IDisposable
{
    private readonly nint _length;
    private nint _address;

    private MapMemory(nint address, nint length, int stride)
    {
        _address = address;
        _length = length;
        Stride = stride;
    }

    ~MapMemory() => Unmap();

    /// <summary>Bytes from one value to the next.</summary>
    public int Stride { get; }

    /// <summary>All values. Reads and writes of up to 8 aligned bytes are whole; anything larger may be seen half written.</summary>
    public Span<byte> Bytes => _address != 0 ? new Span<byte>((void*)_address, (int)_length) : throw new ObjectDisposedException(nameof(MapMemory));

    public Span<byte> Value(int index) => Bytes.Slice(index * Stride, Stride);

    /// <param name="isWritable">False for maps that programs or the loader keep from writing (frozen, BPF_F_RDONLY).</param>
    /// <exception cref="UnsupportedFeatureException">OSM5019: the map was not made to be mapped.</exception>
    /// <exception cref="KernelException">OSM5012: the kernel refused.</exception>
    public static MapMemory Open(KernelMap map, bool isWritable = true)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (map.Type != MapType.Array || (map.Definition.Flags & (uint)MapCreateFlags.Mmapable) == 0)
        {
            throw Refusal.Unsupported("OSM5019", $"map '{map.Name}' ({map.Type.ToKernelName()}) cannot be mapped into memory", "mmap of " + map.Type.ToKernelName(),
                "only arrays with the flag BPF_F_MMAPABLE can be (Linux 5.5)", "add __uint(map_flags, BPF_F_MMAPABLE) to the definition", $"map '{map.Name}'");
        }

        int stride = (map.ValueSize + 7) & ~7;
        var length = (nint)((stride * (long)map.Definition.MaxEntries + Environment.SystemPageSize - 1) / Environment.SystemPageSize * Environment.SystemPageSize);
        nint address = Libc.MemoryMap(0, length, Libc.ProtRead | (isWritable ? Libc.ProtWrite : 0), Libc.MapShared, map.Handle.Descriptor, 0);
        return address != Libc.MapFailed ? new MapMemory(address, (nint)(stride * (long)map.Definition.MaxEntries), stride)
            : throw map.Failed("mmap", "cannot be mapped into memory", -Marshal.GetLastPInvokeError(),
                isWritable && Marshal.GetLastPInvokeError() == Errno.EPERM ? "the map is frozen or read-only for user space" : null, isWritable ? "map it for reading" : null);
    }

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
            // The mapping was made in whole pages.
            _ = Libc.MemoryUnmap(address, (_length + Environment.SystemPageSize - 1) / Environment.SystemPageSize * Environment.SystemPageSize);
        }
    }
}
