using System.Reflection;

namespace Osmia.Tests;

/// <summary>Files of the repository the tests were built in, wherever their output went.</summary>
internal static class RepositoryFiles
{
    public static string Root { get; } = Path.GetFullPath(
        typeof(RepositoryFiles).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "RepositoryRoot").Value!);

    public static string PathOf(params ReadOnlySpan<string> parts) => Path.Combine([Root, .. parts]);
}
