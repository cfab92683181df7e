namespace Osmia.Objects;

/// <summary>Names of sections that hold variables, and what the maps made of them are like.</summary>
internal static class DataSections
{
    private const uint ReadOnlyForPrograms = 1u << 7;

    public static DataSectionKind? KindOf(string section) =>
        IsNamed(section, ".rodata") ? DataSectionKind.ReadOnly
        : IsNamed(section, ".data") ? DataSectionKind.Data
        : IsNamed(section, ".bss") ? DataSectionKind.ZeroInitialised
        : null;

    /// <summary>The kernel's flags: BPF_F_RDONLY_PROG for constants.</summary>
    public static uint FlagsOf(DataSectionKind kind) => kind is DataSectionKind.ReadOnly or DataSectionKind.Kconfig ? ReadOnlyForPrograms : 0;

    private static bool IsNamed(string name, string stem) =>
        name.StartsWith(stem, StringComparison.Ordinal) && (name.Length == stem.Length || name[stem.Length] == '.');
}
