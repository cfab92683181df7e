using System.IO.Compression;

namespace Osmia.Kernel;

/// <summary>What the running kernel was built with: <c>/proc/config.gz</c>, else <c>/boot/config-RELEASE</c>; empty where neither is.</summary>
internal static class BuildConfiguration
{
    private const string Compressed = "/proc/config.gz";

    public static Dictionary<string, string> Read()
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        if (Open() is not { } stream)
        {
            return values;
        }

        using var reader = new StreamReader(stream);
        while (reader.ReadLine() is { } line)
        {
            int equals = line.IndexOf('=', StringComparison.Ordinal);
            if (equals > 0 && line.StartsWith("CONFIG_", StringComparison.Ordinal))
            {
                values[line[..equals]] = line[(equals + 1)..];
            }
        }

        return values;
    }

    private static Stream? Open()
    {
        if (File.Exists(Compressed))
        {
            return new GZipStream(File.OpenRead(Compressed), CompressionMode.Decompress);
        }

        string file = "/boot/config-" + File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return File.Exists(file) ? File.OpenRead(file) : null;
    }
}
