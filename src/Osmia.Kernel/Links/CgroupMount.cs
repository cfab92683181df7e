namespace Osmia.Kernel.Links;

/// <summary>Where the cgroup v2 hierarchy is mounted: <c>/sys/fs/cgroup</c>, or beside v1 in a hybrid set-up.</summary>
public static class CgroupMount
{
    /// <returns>Null when this mount namespace has none.</returns>
    public static string? Find()
    {
        foreach (string line in File.ReadLines("/proc/self/mountinfo"))
        {
            // 30 23 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw: optional fields end with a lone dash.
            string[] words = line.Split(' ');
            int dash = Array.IndexOf(words, "-");
            if (dash > 4 && dash + 1 < words.Length && words[dash + 1] == "cgroup2")
            {
                return words[4];
            }
        }

        return null;
    }
}
