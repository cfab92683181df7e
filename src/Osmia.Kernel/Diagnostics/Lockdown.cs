namespace Osmia.Kernel.Diagnostics;

/// <summary>What the security modules of the kernel say of themselves, below securityfs; null where that is not mounted.</summary>
internal static class Lockdown
{
    public const string Folder = "/sys/kernel/security";

    /// <summary><c>none</c>, <c>integrity</c> or <c>confidentiality</c>.</summary>
    public static string? Mode()
    {
        // "none [integrity] confidentiality".
        string? text = Privileges.ReadSetting($"{Folder}/lockdown");
        int start = text?.IndexOf('[', StringComparison.Ordinal) ?? -1;
        int end = text?.IndexOf(']', StringComparison.Ordinal) ?? -1;
        return start >= 0 && end > start ? text![(start + 1)..end] : null;
    }

    /// <summary>The active security modules, in the order they are asked.</summary>
    public static string[]? ActiveModules() => Privileges.ReadSetting($"{Folder}/lsm")?.Split(',');
}
