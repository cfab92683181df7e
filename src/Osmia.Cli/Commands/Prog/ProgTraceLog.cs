using System.Runtime.Versioning;
using System.Text;
using System.Text.Json;
using Osmia.Cli.Run;
using Osmia.Cli.Words;

namespace Osmia.Cli.Commands.Prog;

/// <summary><c>osmia prog tracelog</c>: what programs print by bpf_printk, until Ctrl-C. Each line goes to one reader only.</summary>
[SupportedOSPlatform("linux")]
internal static class ProgTraceLog
{
    public const string Grammar = "[duration SECONDS]";

    private static readonly string[] s_places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    public static void Run(VerbCall call)
    {
        uint seconds = call.Words.Take("duration") ? call.Words.Number("the number of seconds") : 0;
        call.Words.End();
        string pipe = Array.Find(s_places, place => File.Exists($"{place}/trace_pipe")) is { } root ? $"{root}/trace_pipe" : throw RunErrors.NoTracefs();
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

    /// <summary>The pipe blocks while it is empty, and no signal ends a read of a thread that is not hit by it: a reader of its own waits.</summary>
    private static IEnumerable<string> Lines(string pipe, CancellationToken stop)
    {
        var lines = new System.Collections.Concurrent.BlockingCollection<string>();
        var reader = new Thread(() =>
        {
            try
            {
                using var text = new StreamReader(pipe);
                while (text.ReadLine() is { } line)
                {
                    lines.Add(line, CancellationToken.None);
                }
            }
            catch (IOException e)
            {
                Console.Error.WriteLine($"osmia: {pipe}: {e.Message}");
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
