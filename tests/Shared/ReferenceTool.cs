using System.Diagnostics;

namespace Osmia.Tests;

/// <summary>A program of others that a test compares with; the test is skipped by its name where it is missing.</summary>
internal static class ReferenceTool
{
    public static bool Exists(string name) => FindPath(name) is not null;

    /// <returns>What the tool wrote to standard output, as bytes.</returns>
    public static byte[] RunForBytes(string name, params string[] arguments)
    {
        string? path = FindPath(name);
        Assert.SkipWhen(path is null, $"needs {name}");
        using Process process = Process.Start(new ProcessStartInfo(path!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{name} {string.Join(' ', arguments)}: exit code {process.ExitCode}: {errors.Result}");
        return output.ToArray();
    }

    /// <returns>What the tool wrote to both its outputs, whether it succeeded or not.</returns>
    public static string RunForAllOutput(string name, params string[] arguments)
    {
        string? path = FindPath(name);
        Assert.SkipWhen(path is null, $"needs {name}");
        using Process process = Process.Start(new ProcessStartInfo(path!, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return output.Result + errors;
    }

    public static string Run(string name, params string[] arguments) => System.Text.Encoding.UTF8.GetString(RunForBytes(name, arguments));

    private static string? FindPath(string name) => (Environment.GetEnvironmentVariable("PATH") ?? "")
        .Split(':').Append("/usr/sbin").Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
}
