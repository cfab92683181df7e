using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Osmia.Kernel.Syscalls.Tracing;

/// <summary>Tells a listener every bpf(2), perf_event_open(2) and netlink call of this process as it happens, as strace(1) would print it. Off, it costs one comparison a call.</summary>
public static class SyscallTrace
{
    private static readonly Lock s_lock = new();
    private static volatile Action<string>? s_listener;

    /// <summary>Whether anybody listens.</summary>
    internal static bool IsOn => s_listener is not null;

    /// <summary>Starts telling; one line a call, from whichever thread makes it, one at a time. Null ends it.</summary>
    public static void To(Action<string>? listener) => s_listener = listener;

    /// <summary>Now, for <see cref="Tell"/>.</summary>
    internal static long Start() => Stopwatch.GetTimestamp();

    /// <param name="call">Name and arguments: <c>bpf(BPF_MAP_CREATE, {...}, 80)</c>.</param>
    /// <param name="result">What the call returned, errors negated.</param>
    internal static void Tell(string call, long result, long started)
    {
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        string line = string.Create(CultureInfo.InvariantCulture, $"{call} = {Outcome(result)} <{time.TotalSeconds:F6}>");
        lock (s_lock)
        {
            s_listener?.Invoke(line);
        }
    }

    private static string Outcome(long result) => result >= 0 ? result.ToString(CultureInfo.InvariantCulture) : $"-1 {Errno.Describe((int)-result)}";

    /// <summary>A text in quotes, with its unprintable bytes escaped, cut after 64.</summary>
    internal static string Quote(ReadOnlySpan<byte> bytes)
    {
        const int Longest = 64;
        var text = new StringBuilder("\"");
        foreach (byte b in bytes[..Math.Min(bytes.Length, Longest)])
        {
            text.Append(b switch
            {
                (byte)'"' => "\\\"",
                (byte)'\\' => "\\\\",
                >= 0x20 and < 0x7f => ((char)b).ToString(),
                _ => $"\\x{b:x2}",
            });
        }

        return text.Append(bytes.Length > Longest ? "\"..." : "\"").ToString();
    }
}
