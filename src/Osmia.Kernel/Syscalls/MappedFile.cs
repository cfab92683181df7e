using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Osmia.Kernel.Syscalls;

/// <summary>
/// A file's bytes as memory, mapped read-only and private, until disposed. There is no finaliser: spans over the memory do not
/// keep this object alive, so only an owner that knows its readers are done may unmap.
/// </summary>
/// <remarks>Safe although unsafe: spans are bounded by the mapped length. A file cut short meanwhile by others would fault, so only system binaries and the kernel's BTF are mapped.</remarks>
internal sealed unsafe class MappedFile : MemoryManager<byte>
{
    private readonly int _length;
    private nint _address;

    private MappedFile(nint address, int length)
    {
        _address = address;
        _length = length;
    }

    /// <summary>Maps the file where the file system allows it (the kernel's BTF: from Linux 6.16 on), else reads it.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IMemoryOwner<byte> Open(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        long length = RandomAccess.GetLength(file);
        if (length is > 0 and <= int.MaxValue)
        {
            nint address = Libc.MemoryMap(0, (nint)length, Libc.ProtRead, Libc.MapPrivate, (int)file.DangerousGetHandle(), 0);
            if (address != Libc.MapFailed)
            {
                return new MappedFile(address, (int)length);
            }
        }

        return new HeapBytes(File.ReadAllBytes(path));
    }

    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_address == 0, this);
        return new Span<byte>((void*)_address, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_address + elementIndex, pinnable: this);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing)
    {
        nint address = Interlocked.Exchange(ref _address, 0);
        if (address != 0 && Libc.MemoryUnmap(address, _length) != 0 && disposing)
        {
            throw new IOException($"munmap failed: {Errno.Describe(Marshal.GetLastPInvokeError())}");
        }
    }

    private sealed class HeapBytes(byte[] bytes) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = bytes;

        public void Dispose()
        {
            // The garbage collector owns the array.
        }
    }
}
