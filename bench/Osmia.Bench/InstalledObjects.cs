using System.Buffers.Binary;

namespace Osmia.Bench;

/// <summary>BPF objects that tools of installed Debian packages carry.</summary>
internal static class InstalledObjects
{
    private const ushort BpfMachine = 247;
    private static readonly string[] s_packages = ["libbpf-tools", "xdp-tools", "libxdp1"];

    public static IEnumerable<(string Name, byte[] Data)> All() => s_packages.SelectMany(Of);

    private static IEnumerable<(string Name, byte[] Data)> Of(string package)
    {
        string list = $"/var/lib/dpkg/info/{package}.list";
        list = File.Exists(list) ? list : $"/var/lib/dpkg/info/{package}:amd64.list";
        if (!File.Exists(list))
        {
            Console.WriteLine($"left out: objects of package {package}, which is not installed");
            yield break;
        }

        foreach (string file in File.ReadLines(list).Where(file => File.Exists(file) && new FileInfo(file).LinkTarget is null && (file.Contains("/sbin/", StringComparison.Ordinal) || file.EndsWith(".o", StringComparison.Ordinal))))
        {
            byte[] bytes = File.ReadAllBytes(file);
            int count = 0;
            for (int at = 0; Next(bytes, at) is >= 0 and var found; at += found + 1)
            {
                if (Cut(bytes, at + found) is { } data)
                {
                    yield return ($"{Path.GetFileNameWithoutExtension(file)}{(count++ > 0 ? $"-{count}" : "")}", data);
                }
            }
        }
    }

    private static int Next(byte[] bytes, int at) => bytes.AsSpan(at).IndexOf("\x7f"u8 + "ELF\x02\x01\x01"u8);

    private static byte[]? Cut(byte[] bytes, int at)
    {
        ReadOnlySpan<byte> elf = bytes.AsSpan(at);
        if (elf.Length < 64 || BinaryPrimitives.ReadUInt16LittleEndian(elf[18..]) != BpfMachine)
        {
            return null;
        }

        // Section headers end the file in everything compilers and libbpf's linker write.
        long end = BinaryPrimitives.ReadInt64LittleEndian(elf[40..]) + 64L * BinaryPrimitives.ReadUInt16LittleEndian(elf[60..]);
        return elf[..(int)Math.Min(end, elf.Length)].ToArray();
    }
}
