using System.Globalization;
using System.Text;

namespace Osmia.Vm.Helpers;

/// <summary>What programs are told about the process, read once.</summary>
internal static class HostIdentity
{
    private const int CommLength = 15;

    /// <summary>The process name as the kernel keeps it: at most 15 bytes.</summary>
    public static ReadOnlySpan<byte> Comm => s_comm;

    /// <summary>The real group and user id on Linux; 0 where there are none.</summary>
    public static ulong UidGid { get; } = ReadIds();

    private static readonly byte[] s_comm = ReadComm();

    private static byte[] ReadComm()
    {
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(Environment.ProcessPath) ?? "dotnet");
        return name.Length > CommLength ? name[..CommLength] : name;
    }

    private static ulong ReadIds()
    {
        const string Status = "/proc/self/status";
        if (!OperatingSystem.IsLinux() || !File.Exists(Status))
        {
            return 0;
        }

        ulong uid = 0;
        ulong gid = 0;
        foreach (string line in File.ReadLines(Status))
        {
            if (line.StartsWith("Uid:", StringComparison.Ordinal))
            {
                uid = First(line);
            }
            else if (line.StartsWith("Gid:", StringComparison.Ordinal))
            {
                gid = First(line);
            }
        }

        return (gid << 32) | uid;
    }

    private static ulong First(string line) =>
        ulong.Parse(line.Split('\t', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
}
