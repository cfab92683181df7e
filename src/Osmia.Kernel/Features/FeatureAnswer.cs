namespace Osmia.Kernel.Features;

/// <summary>How an answer about the kernel was come by.</summary>
public enum FeatureSource
{
    /// <summary>The kernel's types (BTF) do not list it, so it was not tried.</summary>
    KernelTypes,

    /// <summary>The smallest program, map or link of the kind was tried and dropped.</summary>
    Trial,
}

/// <summary>Whether the running kernel has something for this process.</summary>
/// <param name="Reason">Why not; empty when it is there.</param>
public readonly record struct FeatureAnswer(bool IsAvailable, FeatureSource Source, string Reason)
{
    internal static FeatureAnswer Yes => new(true, FeatureSource.Trial, "");

    internal static FeatureAnswer No(string reason) => new(false, FeatureSource.Trial, reason);

    internal static FeatureAnswer NotListed(string enumeration, string? since) =>
        new(false, FeatureSource.KernelTypes, $"the kernel's types (enum {enumeration}) do not list it{(since is null ? "" : $"; it came with Linux {since}")}");
}
