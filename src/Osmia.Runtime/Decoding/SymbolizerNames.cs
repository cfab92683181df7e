using Osmia.Btf.Printing;

namespace Osmia.Runtime.Decoding;

/// <summary>A symbolizer as the printers of values ask it.</summary>
internal static class SymbolizerNames
{
    public static AddressNames? Of(ISymbolizer? symbolizer) => symbolizer is null
        ? null
        : (format, address, pid) => format == FieldFormat.KernelSymbol ? symbolizer.Kernel(address) : symbolizer.User(pid, address);
}
