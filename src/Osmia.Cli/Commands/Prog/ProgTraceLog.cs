using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Programs;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog tracelog</c>: what programs print by bpf_printk, until Ctrl-C. Each line goes to one reader only.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgTraceLog
{
    public const string Grammar = "[{ stdout | stderr } PROG] [duration SECONDS]";

    private const int StreamBuffer = 64 * 1024;

    private static readonly string[] s_places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    public static void Run(VerbCall call)
    {
        if (call.Words.Peek() is "stdout" or "stderr")
        {
            ReadStream(call);
            return;
        }

        uint seconds = call.Words.Take("duration") ? call.Words.Number("the number of seconds") : 0;
        call.Words.End();
        using StreamReader pipe = Open();
        using var stop = new StopSignal();
        if (seconds > 0)
        {
            stop.StopAfter(TimeSpan.FromSeconds(seconds));
        }

        using Stream output = StandardOutput.Open();
        using Utf8JsonWriter? json = call.IsJson ? new Utf8JsonWriter(output, call.IsPretty ? JsonOutput.Indented : JsonOutput.Plain) : null;
        json?.WriteStartArray();
        try
        {
            foreach (string line in Lines(pipe, stop.Token))
            {
                if (json is not null)
                {
                    json.WriteStringValue(line);
                    json.Flush();
                }
                else
                {
                    output.Write(Encoding.UTF8.GetBytes(line + "\n"));
                }

                output.Flush();
            }
        }
        finally
        {
            json?.WriteEndArray();
        }
    }

    /// <summary>The folder of a mounted tracefs is closed to others than its owner, so that nothing in it seems to exist.</summary>
    private static StreamReader Open()
    {
        string root = Array.Find(s_places, place => File.Exists($"{place}/trace_pipe"))
            ?? Array.Find(s_places, place => File.ReadLines("/proc/self/mounts").Any(mount => mount.Contains($" {place} tracefs ", StringComparison.Ordinal)))
            ?? throw RunErrors.NoTracefs();
        try
        {
            return new StreamReader($"{root}/trace_pipe");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RunErrors.TracefsClosed(root, Environment.IsPrivilegedProcess ? e.Message : $"it is mounted, but closed to {Environment.UserName}");
        }
    }

    /// <summary>What a program wrote into a stream of its own since it was last read; Linux 6.17.</summary>
    private static void ReadStream(VerbCall call)
    {
        ProgramStreamKind stream = call.Words.Next("the stream") == "stderr" ? ProgramStreamKind.Error : ProgramStreamKind.Output;
        using KernelProgram program = ProgramWords.Open(call.Words);
        call.Words.End();
        using var text = new MemoryStream();
        byte[] buffer = new byte[StreamBuffer];
        for (int read = program.ReadStream(stream, buffer); read > 0; read = program.ReadStream(stream, buffer))
        {
            text.Write(buffer, 0, read);
        }

        string written = Encoding.UTF8.GetString(text.ToArray());
        call.Answer(
            json =>
            {
                json.WriteStartArray();
                foreach (string line in written.Split('\n', StringSplitOptions.RemoveEmptyEntries))
                {
                    json.WriteStringValue(line);
                }

                json.WriteEndArray();
            },
            output => output.Write(written.Length > 0 ? written : $"program {program.Name} wrote nothing\n"));
    }

    /// <summary>The pipe blocks while it is empty, and no signal ends a read of a thread that is not hit by it: a reader of its own waits.</summary>
    private static IEnumerable<string> Lines(StreamReader pipe, CancellationToken stop)
    {
        var lines = new System.Collections.Concurrent.BlockingCollection<string>();
        var reader = new Thread(() =>
        {
            try
            {
                while (pipe.ReadLine() is { } line)
                {
                    lines.Add(line, CancellationToken.None);
                }
            }
            catch (IOException e)
            {
                Console.Error.WriteLine($"osmia: trace_pipe: {e.Message}");
            }
            finally
            {
                lines.CompleteAdding();
            }
        })
        { IsBackground = true };
        reader.Start();
        while (true)
        {
            string? line;
            try
            {
                if (!lines.TryTake(out line, Timeout.Infinite, stop))
                {
                    yield break;
                }
            }
            catch (OperationCanceledException)
            {
                yield break;
            }

            yield return line;
        }
    }
}
