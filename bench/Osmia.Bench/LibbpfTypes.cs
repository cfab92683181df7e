using System.Buffers;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Osmia.Bench;

/// <summary>bench/objects/types.c, compiled into a temporary folder and called in this process.</summary>
internal sealed unsafe class LibbpfTypes : IDisposable
{
    private readonly DirectoryInfo _folder;
    private readonly nint _library;
    private readonly delegate* unmanaged<byte*, byte*, int> _find;

    private LibbpfTypes(DirectoryInfo folder, string library)
    {
        _folder = folder;
        _library = NativeLibrary.Load(library);
        _find = (delegate* unmanaged<byte*, byte*, int>)NativeLibrary.GetExport(_library, "types_find");
        var version = (delegate* unmanaged<byte*>)NativeLibrary.GetExport(_library, "types_version");
        Version = Marshal.PtrToStringUTF8((nint)version())!;
    }

    public string Version { get; }

    /// <summary>Null, with a line that says why, without a C compiler or libbpf's headers.</summary>
    public static LibbpfTypes? Build(string source)
    {
        if (ProcessTimes.Find("cc") is not { } compiler)
        {
            Console.WriteLine("libbpf is left out: it needs a C compiler (cc)");
            return null;
        }

        DirectoryInfo folder = Directory.CreateTempSubdirectory("osmia-bench-");
        string library = Path.Combine(folder.FullName, "types.so");
        using Process compile = Process.Start(new ProcessStartInfo(compiler, ["-O2", "-shared", "-fPIC", "-o", library, source, "-lbpf"]) { RedirectStandardError = true })!;
        string errors = compile.StandardError.ReadToEnd();
        compile.WaitForExit();
        if (compile.ExitCode == 0)
        {
            return new LibbpfTypes(folder, library);
        }

        folder.Delete(recursive: true);
        Console.WriteLine($"libbpf is left out: its side does not compile (libbpf-dev missing?): {errors.Split('\n')[0]}");
        return null;
    }

    /// <param name="path">Null: where libbpf looks for the kernel's types itself.</param>
    public int Find(string? path, string name)
    {
        nint file = Marshal.StringToCoTaskMemUTF8(path);
        nint wanted = Marshal.StringToCoTaskMemUTF8(name);
        int id = _find((byte*)file, (byte*)wanted);
        Marshal.FreeCoTaskMem(file);
        Marshal.FreeCoTaskMem(wanted);
        return id;
    }

    public void Dispose()
    {
        NativeLibrary.Free(_library);
        _folder.Delete(recursive: true);
    }
}

/// <summary>The kernel's types as they are mapped by the engine: private and read-only.</summary>
internal sealed unsafe class MappedKernelTypes : MemoryManager<byte>
{
    private const int Read = 1;
    private const int Private = 2;

    private readonly nint _address;
    private readonly int _length;

    private MappedKernelTypes(nint address, int length) => (_address, _length) = (address, length);

    public static MappedKernelTypes Open(string path)
    {
        using SafeFileHandle file = File.OpenHandle(path);
        int length = (int)RandomAccess.GetLength(file);
        nint address = Map(0, length, Read, Private, (int)file.DangerousGetHandle(), 0);
        return address != -1 ? new MappedKernelTypes(address, length) : throw new InvalidOperationException($"{path} cannot be mapped (Linux before 6.16)");
    }

    public override Span<byte> GetSpan() => new((void*)_address, _length);

    public override MemoryHandle Pin(int elementIndex = 0) => new((byte*)_address + elementIndex, pinnable: this);

    public override void Unpin()
    {
    }

    protected override void Dispose(bool disposing) => _ = Unmap(_address, _length);

    [DllImport("libc", EntryPoint = "mmap", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint Map(nint address, nint length, int protection, int flags, int file, nint offset);

    [DllImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Unmap(nint address, nint length);
}
