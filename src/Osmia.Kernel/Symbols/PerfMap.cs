using System.Globalization;

namespace Osmia.Kernel.Symbols;

/// <summary>
/// Names of code that a process made while it ran: what .NET (DOTNET_PerfMapEnabled=1), Node.js, Java agents and others write to <c>/tmp/perf-PID.map</c>,
/// a line <c>start size name</c> for each function, start and size in hexadecimal digits (tools/perf/Documentation/jit-interface.txt).
/// </summary>
internal sealed class PerfMap(int pid)
{
    private readonly Lock _lock = new();
    private ulong[] _starts = [];
    private (ulong Length, string Name)[] _functions = [];
    private long _read;

    public (string Name, ulong Offset)? Find(ulong address)
    {
        lock (_lock)
        {
            return Lookup(address) ?? (Refresh() ? Lookup(address) : null);
        }
    }

    /// <summary>The process's file as it sees it itself, with the number it has there.</summary>
    internal static string PathOf(int pid)
    {
        string own = pid.ToString(CultureInfo.InvariantCulture);
        try
        {
            string? numbers = File.ReadLines($"/proc/{own}/status").FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal));
            own = numbers?.Split('\t', StringSplitOptions.RemoveEmptyEntries)[^1].Trim() ?? own;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone, or of another user: the file is looked for under the number it has here.
            return $"/tmp/perf-{own}.map";
        }

        return $"/proc/{pid}/root/tmp/perf-{own}.map";
    }

    internal void Read(IEnumerable<string> lines)
    {
        // A place may be used again: the last line that names it counts.
        var found = new SortedDictionary<ulong, (ulong, string)>();
        foreach (string line in lines)
        {
            int first = line.IndexOf(' ', StringComparison.Ordinal);
            int second = first < 0 ? -1 : line.IndexOf(' ', first + 1);
            if (second > 0 && TryHex(line.AsSpan(0, first), out ulong start) && TryHex(line.AsSpan(first + 1, second - first - 1), out ulong length) && length > 0)
            {
                found[start] = (length, line[(second + 1)..].Trim());
            }
        }

        _starts = [.. found.Keys];
        _functions = [.. found.Values];
    }

    private (string Name, ulong Offset)? Lookup(ulong address)
    {
        int index = Array.BinarySearch(_starts, address);
        index = index >= 0 ? index : ~index - 1;
        return index >= 0 && address - _starts[index] < _functions[index].Length ? (_functions[index].Name, address - _starts[index]) : null;
    }

    /// <summary>Reads the file when it has grown.</summary>
    private bool Refresh()
    {
        try
        {
            string path = PathOf(pid);
            var file = new FileInfo(path);
            if (!file.Exists || file.Length == _read)
            {
                return false;
            }

            _read = file.Length;
            Read(File.ReadLines(path));
            return true;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The process or its file has gone: what was read before stays.
            return false;
        }
    }

    private static bool TryHex(ReadOnlySpan<char> text, out ulong value) =>
        ulong.TryParse(text.StartsWith("0x") ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
}
