namespace Osmia.Runtime;

/// <summary>Names of addresses, as text <c>name+0x1f</c>.</summary>
public interface ISymbolizer
{
    /// <returns>Null when the address is no known function of the kernel, or the kernel hides its addresses.</returns>
    string? Kernel(ulong address);

    /// <returns>The function, or <c>[file]+0x1f</c> where the file has no symbol; null when the process is gone or has no code there.</returns>
    string? User(int pid, ulong address);
}
