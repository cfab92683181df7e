using System.Runtime.InteropServices;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Syscalls;

namespace Osmia.Kernel.Readers;

/// <summary>One shared mapping of a buffer the kernel writes; unmapped when disposed, by the finaliser at the latest.</summary>
internal sealed unsafe class Mapping : IDisposable
{
    private readonly nint _length;
    private nint _address;

    private Mapping(nint address, nint length)
    {
        _address = address;
        _length = length;
    }

    ~Mapping() => Unmap();

    public byte* Start => (byte*)_address;

    public static Mapping Create(KernelMap map, BpfHandle handle, long length, long offset, bool isWritable)
    {
        nint address = Libc.MemoryMap(0, (nint)length, isWritable ? Libc.ProtRead | Libc.ProtWrite : Libc.ProtRead, Libc.MapShared, handle.Descriptor, (nint)offset);
        return address != Libc.MapFailed
            ? new Mapping(address, (nint)length)
            : throw Diagnostics.Refusal.Of("OSM5018", $"the records of map '{map.Name}' cannot be read", "mmap", -Marshal.GetLastPInvokeError(), $"map '{map.Name}', {length} bytes",
                Marshal.GetLastPInvokeError() == Errno.EPERM ? "the kernel limits the memory of perf buffers (kernel.perf_event_mlock_kb)" : null);
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
            _ = Libc.MemoryUnmap(address, _length);
        }
    }
}
