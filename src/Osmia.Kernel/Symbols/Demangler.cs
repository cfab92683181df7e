using Osmia.Kernel.Symbols.Demangling;

namespace Osmia.Kernel.Symbols;

/// <summary>Names of C++ and Rust as the source has them, from names as the linker sees them. What is not understood stays as it was.</summary>
public static class Demangler
{
    // Longer ones exist, but nobody reads them; and every form can name parts again, so that a short text may stand for an endless one.
    private const int LongestInput = 4096;

    /// <returns>The name in the source, or the name that was given.</returns>
    public static string Demangle(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (name.Length < 3 || name.Length > LongestInput || name[0] != '_')
        {
            return name;
        }

        return name[1] switch
        {
            'R' => RustName.Read(name) ?? name,
            'Z' => LegacyRustName.Read(name) ?? CxxName.Read(name) ?? name,
            _ => name,
        };
    }
}
