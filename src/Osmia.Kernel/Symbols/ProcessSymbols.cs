using System.Collections.Concurrent;
using System.Globalization;

namespace Osmia.Kernel.Symbols;

/// <summary>
/// Functions of running processes by address: /proc/PID/maps says which file, the file's symbol tables say which function; of code that the process made while it
/// ran, such as methods of .NET, its perf map. Names of C++ and Rust are those of the source.
/// </summary>
/// <remarks>
/// Files are indexed once however many processes map them, and files with one build id once wherever they lie; a process's map is read again when an address is not in it.
/// </remarks>
public sealed class ProcessSymbols : IDisposable
{
    private readonly ConcurrentDictionary<int, Region[]> _regions = new();
    private readonly ConcurrentDictionary<string, ElfSymbols?> _files = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, ElfSymbols> _builds = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<int, PerfMap> _made = new();

    /// <summary>One executable mapping.</summary>
    /// <param name="Identity">Path, device and inode: names the file's contents.</param>
    private sealed record Region(ulong Start, ulong End, ulong Offset, string Path, string Identity, string Range)
    {
        /// <summary>Not memory of the process's own, as compilers in it use.</summary>
        public bool IsFile => Path.StartsWith('/') && !Path.StartsWith("/memfd:", StringComparison.Ordinal);
    }

    /// <returns><c>name+0x1f</c>, <c>[file]+0x1f</c> without a symbol, or null.</returns>
    public string? Find(int pid, ulong address)
    {
        Region? region = Array.Find(_regions.GetOrAdd(pid, ReadRegions), r => Holds(r, address));
        if (region is null)
        {
            // The process may have loaded a library, or the number belongs to another process now.
            Region[] latest = ReadRegions(pid);
            _regions[pid] = latest;
            region = Array.Find(latest, r => Holds(r, address));
        }

        if (region is null)
        {
            return null;
        }

        ulong offset = address - region.Start + region.Offset;
        ElfSymbols? symbols = region.IsFile ? _files.GetOrAdd(region.Identity, _ => ReadFile(pid, region)) : null;
        if (symbols?.FunctionAt(offset) is { } function)
        {
            return $"{Demangler.Demangle(function.Name)}+0x{function.Offset:x}";
        }

        // Methods that .NET compiled before lie in files which are not ELF.
        if (symbols is null && _made.GetOrAdd(pid, number => new PerfMap(number)).Find(address) is { } method)
        {
            return $"{method.Name}+0x{method.Offset:x}";
        }

        return region.Path.Length > 0 ? $"[{Path.GetFileName(region.Path).Trim('[', ']')}]+0x{offset:x}" : null;
    }

    /// <summary>A place in a file by its build id, of those that were mapped by a process asked about before.</summary>
    public string FindInBuild(string buildId, ulong offset)
    {
        ArgumentNullException.ThrowIfNull(buildId);
        return _builds.TryGetValue(buildId, out ElfSymbols? symbols) && symbols.FunctionAt(offset) is { } function
            ? $"{Demangler.Demangle(function.Name)}+0x{function.Offset:x}"
            : $"[{buildId}]+0x{offset:x}";
    }

    /// <summary>Files that were indexed; those with the same build id count once.</summary>
    internal int IndexedFiles => _files.Values.Distinct().Count(file => file is not null);

    /// <summary>Unmaps the files; no call may be under way.</summary>
    public void Dispose()
    {
        foreach (ElfSymbols? file in _files.Values.Distinct())
        {
            file?.Dispose();
        }

        _files.Clear();
        _builds.Clear();
    }

    private static bool Holds(Region region, ulong address) => address >= region.Start && address < region.End;

    private static Region[] ReadRegions(int pid)
    {
        string[] lines;
        try
        {
            lines = File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/maps"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Gone, or of another user: there are no names for it.
            return [];
        }

        // 7f0c-7f0d r-xp 00026000 fe:00 1234 /usr/lib/libc.so.6
        var regions = new List<Region>();
        foreach (string line in lines)
        {
            string[] words = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length >= 5 && words[1].Contains('x', StringComparison.Ordinal)
                && words[0].Split('-') is [string start, string end]
                && TryHex(start, out ulong from) && TryHex(end, out ulong to) && TryHex(words[2], out ulong offset))
            {
                string path = words.Length == 6 ? words[5].Trim() : "";
                regions.Add(new(from, to, offset, path, $"{path} {words[3]}:{words[4]}", words[0]));
            }
        }

        return [.. regions];
    }

    private static bool TryHex(string text, out ulong value) => ulong.TryParse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture, out value);

    /// <summary>The file as the process has it: by its mapping (also when deleted), under its root, or under ours.</summary>
    private ElfSymbols? ReadFile(int pid, Region region)
    {
        string[] places = [$"/proc/{pid}/map_files/{region.Range}", $"/proc/{pid}/root{region.Path}", region.Path];
        foreach (string place in places)
        {
            try
            {
                if (File.Exists(place))
                {
                    return Shared(ElfImage.Open(place), $"/proc/{pid}/root{region.Path}");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                continue;
            }
            catch (InvalidDataException)
            {
                // Executable memory of a file that is not ELF.
                return null;
            }
        }

        return null;
    }

    private ElfSymbols Shared(ElfImage image, string path)
    {
        if (image.BuildId is not { } id)
        {
            return ElfSymbols.Of(image, path);
        }

        if (_builds.TryGetValue(id, out ElfSymbols? known))
        {
            image.Dispose();
            return known;
        }

        ElfSymbols added = ElfSymbols.Of(image, path);
        ElfSymbols kept = _builds.GetOrAdd(id, added);
        if (kept != added)
        {
            added.Dispose();
        }

        return kept;
    }
}
