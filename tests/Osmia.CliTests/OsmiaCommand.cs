using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Osmia.Tests;

/// <summary>One run of <c>./osmia</c>: started in the repository, read line by line, stopped by signal as a person would.</summary>
internal sealed class OsmiaCommand : IDisposable
{
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(60);

    private readonly Process _process;
    private readonly StringBuilder _output = new();
    private readonly StringBuilder _error = new();
    private readonly ManualResetEventSlim _errorLine = new();

    private OsmiaCommand(ProcessStartInfo start)
    {
        start.WorkingDirectory = RepositoryFiles.Root;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.RedirectStandardInput = true;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Append(_output, line.Data);
        _process.ErrorDataReceived += (_, line) =>
        {
            Append(_error, line.Data);
            _errorLine.Set();
        };
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Output => Text(_output);

    public string Error => Text(_error);

    public IEnumerable<string> OutputLines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    /// <summary>Starts the command; <paramref name="prefix"/> is what runs it (such as <c>ip netns exec NAME</c>).</summary>
    public static OsmiaCommand Start(IEnumerable<string> arguments, params string[] prefix)
    {
        string[] words = [.. prefix, RepositoryFiles.PathOf("osmia"), .. arguments];
        return new OsmiaCommand(new ProcessStartInfo(words[0], words[1..]));
    }

    /// <summary>Runs to the end.</summary>
    public static (int ExitCode, string Output, string Error) Run(params string[] arguments)
    {
        using OsmiaCommand command = Start(arguments);
        int exitCode = command.WaitForExit();
        return (exitCode, command.Output, command.Error);
    }

    /// <summary>Waits until standard error has a line that contains <paramref name="text"/>.</summary>
    public void WaitForError(string text)
    {
        long started = Stopwatch.GetTimestamp();
        while (!Error.Contains(text, StringComparison.Ordinal))
        {
            if (_process.HasExited || Stopwatch.GetElapsedTime(started) > s_limit)
            {
                _process.WaitForExit(1000);
                throw new InvalidOperationException($"osmia did not say '{text}'. Output:\n{Output}\nError:\n{Error}");
            }

            _errorLine.Wait(20);
            _errorLine.Reset();
        }
    }

    /// <summary>Gives the command its whole standard input.</summary>
    public void Feed(string input)
    {
        _process.StandardInput.Write(input);
        _process.StandardInput.Close();
    }

    /// <summary>Ctrl-C.</summary>
    public void Interrupt() => Signal("INT");

    public void Terminate() => Signal("TERM");

    /// <summary>SIGKILL: it can do nothing more.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public int WaitForExit()
    {
        if (!_process.WaitForExit(s_limit))
        {
            _process.Kill();
            throw new InvalidOperationException($"osmia did not end within {s_limit.TotalSeconds} s. Output:\n{Output}\nError:\n{Error}");
        }

        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            _process.WaitForExit();
        }

        _process.Dispose();
        _errorLine.Dispose();
    }

    private void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    private static void Append(StringBuilder text, string? line)
    {
        if (line is not null)
        {
            lock (text)
            {
                text.Append(line).Append('\n');
            }
        }
    }

    private static string Text(StringBuilder text)
    {
        lock (text)
        {
            return text.ToString();
        }
    }
}
