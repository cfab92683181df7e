using System.Runtime.Versioning;
using Osmia.Kernel.Syscalls.Tracing;

namespace Osmia.Cli;

/// <summary><c>--trace-syscalls</c>, with any verb and at any place before a lone <c>--</c>: the kernel calls of the command, on standard error.</summary>
internal static class SyscallTracing
{
    public const string Word = "--trace-syscalls";

    /// <returns>The arguments without the word.</returns>
    public static string[] Take(string[] arguments)
    {
        int end = Array.IndexOf(arguments, "--");
        int at = Array.IndexOf(arguments, Word);
        if (at < 0 || (end >= 0 && at > end))
        {
            return arguments;
        }

        if (OperatingSystem.IsLinux())
        {
            Start();
        }

        return [.. arguments.Where((_, index) => index != at)];
    }

    [SupportedOSPlatform("linux")]
    private static void Start() => SyscallTrace.To(Console.Error.WriteLine);
}
