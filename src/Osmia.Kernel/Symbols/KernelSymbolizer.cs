using Osmia.Runtime;

namespace Osmia.Kernel.Symbols;

/// <summary>Names addresses of this machine; safe for concurrent use, and reads nothing before it is asked.</summary>
public sealed class KernelSymbolizer : ISymbolizer, IDisposable
{
    private readonly KernelSymbols _kernel = new();
    private readonly ProcessSymbols _processes = new();

    public string? Kernel(ulong address) => _kernel.Find(address) is { } symbol ? $"{symbol.Name}+0x{symbol.Offset:x}" : null;

    /// <summary>A place in a file that is known by its build id, as <see cref="StackTraces"/> of that kind hold them.</summary>
    /// <returns><c>name+0x1f</c>, or <c>[build id]+0x1f</c> when no file with it was seen yet.</returns>
    public string File(string buildId, ulong offset) => _processes.FindInBuild(buildId, offset);

    public string? User(int pid, ulong address) => _processes.Find(pid, address);

    public void Dispose() => _processes.Dispose();
}
