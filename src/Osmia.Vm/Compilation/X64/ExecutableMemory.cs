using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Osmia.Vm.Compilation.X64;

/// <summary>
/// Machine code in memory of its own. It is written through one view of shared memory and runs in another, so that no page is ever
/// writable and executable. The view is a safe handle: what is not disposed the collector frees.
/// </summary>
internal sealed unsafe class ExecutableMemory : IDisposable
{
    private readonly MemoryMappedViewAccessor _view;

    public ExecutableMemory(ReadOnlySpan<byte> code)
    {
        Length = code.Length;
        using var file = MemoryMappedFile.CreateNew(null, code.Length, MemoryMappedFileAccess.ReadWriteExecute);
        using (MemoryMappedViewAccessor writer = file.CreateViewAccessor(0, code.Length, MemoryMappedFileAccess.ReadWrite))
        {
            code.CopyTo(new Span<byte>(AddressOf(writer), code.Length));
        }

        _view = file.CreateViewAccessor(0, code.Length, MemoryMappedFileAccess.ReadExecute);
        Start = AddressOf(_view);
    }

    /// <summary>Emitted code follows the System V calling convention, and its registers.</summary>
    public static bool IsSupported { get; } =
        RuntimeInformation.ProcessArchitecture == Architecture.X64 && (OperatingSystem.IsLinux() || OperatingSystem.IsMacOS() || OperatingSystem.IsFreeBSD());

    public byte* Start { get; }

    public int Length { get; }

    public void Dispose() => _view.Dispose();

    // The handle's own address: nothing else uses it, and it lives as long as the view.
    private static byte* AddressOf(MemoryMappedViewAccessor view) => (byte*)view.SafeMemoryMappedViewHandle.DangerousGetHandle() + view.PointerOffset;
}
