using System.Diagnostics;
using System.Globalization;

namespace Osmia.Tests;

/// <summary>A shell that waits for a line before it runs a script: its pid is known before anything happens.</summary>
internal sealed class Workload : IDisposable
{
    private readonly Process _shell;

    public Workload(string script, params string[] prefix)
    {
        string[] words = [.. prefix, "bash", "-c", "read -r; " + script + "; exit 0"];
        _shell = Process.Start(new ProcessStartInfo(words[0], words[1..])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    public int Pid => _shell.Id;

    public string PidText => Pid.ToString(CultureInfo.InvariantCulture);

    /// <summary>Lets the script run and waits for its end.</summary>
    /// <returns>What it printed.</returns>
    public string Run()
    {
        _shell.StandardInput.WriteLine();
        _shell.StandardInput.Flush();
        string output = _shell.StandardOutput.ReadToEnd();
        if (!_shell.WaitForExit(TimeSpan.FromSeconds(60)))
        {
            throw new InvalidOperationException("the workload did not end");
        }

        return output;
    }

    public void Dispose()
    {
        if (!_shell.HasExited)
        {
            _shell.Kill(entireProcessTree: true);
            _shell.WaitForExit();
        }

        _shell.Dispose();
    }
}
