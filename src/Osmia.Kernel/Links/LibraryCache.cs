using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace Osmia.Kernel.Links;

/// <summary>Where the dynamic linker finds shared libraries by name: <c>/etc/ld.so.cache</c>, in the form that glibc 2.2 brought.</summary>
/// <remarks>Source: ldconfig(8) and glibc's sysdeps/generic/dl-cache.h. A cache of another form or another machine is as if there were none.</remarks>
internal static class LibraryCache
{
    public const string DefaultPath = "/etc/ld.so.cache";

    private const int HeaderSize = 48;
    private const int EntrySize = 24;

    // Flags of an entry: an ELF library of glibc, and for which machine.
    private const int KindMask = 0xff;
    private const int ElfOfGlibc = 3;
    private const int MachineMask = 0xff00;
    private const int X64 = 0x0300;
    private const int Arm64 = 0x0a00;

    /// <summary>Names with their paths, in the order of the cache: of one name, the best for this machine first.</summary>
    public static List<(string Name, string Path)> Read(ReadOnlySpan<byte> cache)
    {
        var libraries = new List<(string, string)>();

        // The old form may stand before it.
        int start = cache.IndexOf("glibc-ld.so.cache1.1"u8);
        if (start < 0 || cache.Length - start < HeaderSize)
        {
            return libraries;
        }

        cache = cache[start..];
        int machine = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? Arm64 : X64;
        uint count = BinaryPrimitives.ReadUInt32LittleEndian(cache[20..]);
        for (int at = HeaderSize; count > 0 && at + EntrySize <= cache.Length; at += EntrySize, count--)
        {
            int flags = BinaryPrimitives.ReadInt32LittleEndian(cache[at..]);
            if ((flags & KindMask) == ElfOfGlibc && (flags & MachineMask) == machine && Text(cache, BinaryPrimitives.ReadUInt32LittleEndian(cache[(at + 4)..])) is { } name
                && Text(cache, BinaryPrimitives.ReadUInt32LittleEndian(cache[(at + 8)..])) is { } path)
            {
                libraries.Add((name, path));
            }
        }

        return libraries;
    }

    /// <summary>The library of that name, or of that name before <c>.so</c>; null when there is none.</summary>
    public static string? Find(string name)
    {
        if (!File.Exists(DefaultPath))
        {
            return null;
        }

        List<(string Name, string Path)> all = Read(File.ReadAllBytes(DefaultPath));
        return all.Find(library => library.Name == name).Path ?? all.Find(library => library.Name.StartsWith(name + ".so", StringComparison.Ordinal)).Path;
    }

    private static string? Text(ReadOnlySpan<byte> cache, uint at)
    {
        ReadOnlySpan<byte> rest = at < (uint)cache.Length ? cache[(int)at..] : default;
        int end = rest.IndexOf((byte)0);
        return end > 0 ? Encoding.UTF8.GetString(rest[..end]) : null;
    }
}
