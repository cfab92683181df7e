namespace Osmia.Tests;

/// <summary>Facts of the kernel the tests run on.</summary>
internal static class RunningKernel
{
    /// <summary>LINUX_VERSION_CODE.</summary>
    public static uint Version { get; } = Environment.OSVersion.Version is var version
        ? ((uint)version.Major << 16) | ((uint)version.Minor << 8) | (uint)Math.Min(version.Build, 255)
        : 0;
}
