using Osmia.Objects.Diagnostics;

namespace Osmia.Runtime;

/// <summary>A map operation that an in-process engine refused, with the error number Linux gives for the same operation.</summary>
public sealed class MapException(Diagnostic diagnostic, string map, int errno) : BpfException(diagnostic)
{
    public string Map { get; } = map;

    /// <summary>Positive, with Linux numbers: 7 is E2BIG.</summary>
    public int Errno { get; } = errno;
}
