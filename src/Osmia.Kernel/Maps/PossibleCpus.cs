using System.Globalization;
using Osmia.Kernel.Diagnostics;

namespace Osmia.Kernel.Maps;

/// <summary>CPU lists of sysfs. A per-CPU value has one part for each <em>possible</em> CPU; events are opened on <em>online</em> ones.</summary>
internal static class PossibleCpus
{
    private static readonly Lazy<int[]> s_possible = new(() => Parse(ReadList("possible")));

    /// <summary>How many possible CPUs there are: the parts of a per-CPU value. Numbers may have gaps.</summary>
    public static int Count => s_possible.Value.Length;

    /// <summary>Largest possible CPU number plus one: the elements of an array indexed by CPU.</summary>
    public static int IndexLimit => s_possible.Value[^1] + 1;

    /// <summary>Read anew each time: CPUs come and go.</summary>
    public static int[] Online() => Parse(ReadList("online"));

    private static string ReadList(string name)
    {
        string path = $"/sys/devices/system/cpu/{name}";
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refusal.Unsupported("OSM5003", $"the list of {name} CPUs cannot be read", "sysfs", e.Message, "mount sysfs on /sys", path);
        }
    }

    /// <summary>Numbers of a list such as <c>0-3,8</c>.</summary>
    internal static int[] Parse(string list)
    {
        var cpus = new List<int>();
        foreach (string range in list.Split([',', '\n', ' '], StringSplitOptions.RemoveEmptyEntries))
        {
            int dash = range.IndexOf('-', StringComparison.Ordinal);
            int first = int.Parse(dash < 0 ? range : range[..dash], CultureInfo.InvariantCulture);
            int last = dash < 0 ? first : int.Parse(range[(dash + 1)..], CultureInfo.InvariantCulture);
            for (int cpu = first; cpu <= last; cpu++)
            {
                cpus.Add(cpu);
            }
        }

        return cpus.Count > 0 ? [.. cpus] : [0];
    }
}
