namespace Osmia.Kernel.Doctor;

/// <summary>What this machine lets this process do with eBPF, and what to change. Only looks and tries; changes nothing.</summary>
public static class Examination
{
    private static readonly Func<IEnumerable<Finding>>[] s_areas =
    [
        RightsChecks.Look,
        KernelChecks.Look,
        BuildChecks.Look,
        MountChecks.Look,
        SettingChecks.Look,
        SecurityChecks.Look,
        AttachChecks.Look,
    ];

    /// <summary>In a fixed order of areas; an area that looks at little comes before one that tries much.</summary>
    public static IEnumerable<Finding> Run() => s_areas.SelectMany(area => area());
}
