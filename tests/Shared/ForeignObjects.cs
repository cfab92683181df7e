using System.Buffers.Binary;

namespace Osmia.Tests;

/// <summary>Objects others wrote for libbpf, found where Debian's packages installed them; never kept.</summary>
internal static class ForeignObjects
{
    /// <summary>The BPF objects in the files of an installed Debian package.</summary>
    public static List<(string Name, byte[] Data)> Of(string package)
    {
        string list = $"/var/lib/dpkg/info/{package}.list";
        if (!File.Exists(list) && !File.Exists(list = list.Replace(".list", ":amd64.list", StringComparison.Ordinal)))
        {
            Assert.Skip($"needs the Debian package {package}");
        }

        var objects = new List<(string, byte[])>();
        foreach (string file in File.ReadLines(list).Where(file => File.Exists(file) && new FileInfo(file).LinkTarget is null && (file.Contains("/sbin/", StringComparison.Ordinal) || file.EndsWith(".o", StringComparison.Ordinal))))
        {
            byte[] bytes = File.ReadAllBytes(file);
            int count = 0;
            for (int at = 0; bytes.AsSpan(at).IndexOf("\x7f"u8 + "ELF\x02\x01\x01"u8) is >= 0 and var found; at += found + 1)
            {
                ReadOnlySpan<byte> elf = bytes.AsSpan(at + found);
                if (elf.Length >= 64 && BinaryPrimitives.ReadUInt16LittleEndian(elf[18..]) == 247)
                {
                    // Section headers end the file in everything compilers and libbpf's linker write.
                    long end = BinaryPrimitives.ReadInt64LittleEndian(elf[40..]) + 64L * BinaryPrimitives.ReadUInt16LittleEndian(elf[60..]);
                    objects.Add(($"{Path.GetFileNameWithoutExtension(file)}{(count++ > 0 ? $"-{count}" : "")}.bpf.o", elf[..(int)Math.Min(end, elf.Length)].ToArray()));
                }
            }
        }

        return objects;
    }
}
