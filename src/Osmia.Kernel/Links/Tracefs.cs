using System.Globalization;
using Osmia.Kernel.Diagnostics;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Links;

/// <summary>The tracing file system: where it is mounted, and what stands in it.</summary>
internal static class Tracefs
{
    private static readonly string[] s_places = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

    /// <summary>Null when it is not mounted where it belongs; nothing is mounted on the machine's behalf.</summary>
    public static string? Root => Array.Find(s_places, place => Directory.Exists($"{place}/events"));

    /// <summary>Names <c>category:event</c>; empty without tracefs.</summary>
    public static IEnumerable<string> Events()
    {
        if (Root is not { } root)
        {
            return [];
        }

        try
        {
            return File.ReadAllLines($"{root}/available_events");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Used only to suggest names in another error.
            return [];
        }
    }

    /// <summary>The number perf_event_open(2) knows a tracepoint by.</summary>
    /// <exception cref="KernelException">OSM5031.</exception>
    public static int EventId(string category, string name, Func<string, string?, KernelException> refused)
    {
        if (Root is not { } root)
        {
            throw refused("tracefs is not mounted, so tracepoints cannot be found by name", "mount it: mount -t tracefs nodev /sys/kernel/tracing");
        }

        string path = $"{root}/events/{category}/{name}/id";
        try
        {
            return int.Parse(File.ReadAllText(path), NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw refused($"this kernel has no tracepoint {category}:{name} ({path} does not exist)",
                NearestNames.Suggest($"{category}:{name}", Events()) ?? $"look for its name in {root}/available_events");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            throw refused($"{path} cannot be read: {e.Message}", Privileges.Remedy(Capability.PerfMon));
        }
    }
}
