using System.Text.RegularExpressions;

namespace Osmia.Kernel.Symbols;

/// <summary>Finds the separate file with the symbols of a binary that was stripped: by its build id, else by the name the binary keeps of it.</summary>
/// <remarks>Places are those of gdb's manual, "Debugging Information in Separate Files".</remarks>
internal static partial class DebugFile
{
    private const string Folder = "/usr/lib/debug";

    /// <param name="path">The binary; <c>/proc/PID/root/...</c> looks into that process's files.</param>
    /// <param name="folder">Where the machine keeps such files.</param>
    public static ElfImage? Find(ElfImage binary, string path, string folder = Folder)
    {
        string root = ProcessRoot().Match(path).Value;
        IEnumerable<string> places = [];
        if (binary.BuildId is { Length: > 2 } id)
        {
            places = places.Append($"{root}{folder}/.build-id/{id[..2]}/{id[2..]}.debug");
        }

        (string Name, uint Checksum)? link = binary.DebugLink();
        if (link is { } named && !named.Name.Contains('/', StringComparison.Ordinal) && Path.GetDirectoryName(path) is { } directory)
        {
            places = places.Concat([Path.Combine(directory, named.Name), Path.Combine(directory, ".debug", named.Name), $"{root}{folder}{directory[root.Length..]}/{named.Name}"]);
        }

        foreach (string place in places.Where(File.Exists))
        {
            try
            {
                var image = ElfImage.Open(place);
                if (binary.BuildId is { } own ? image.BuildId == own : link?.Checksum == Checksum(image.Bytes))
                {
                    return image;
                }

                image.Dispose();
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
            {
                // Not a file of symbols after all: another place may have one.
                continue;
            }
        }

        return null;
    }

    /// <summary>The CRC-32 of zip files, which the link holds.</summary>
    internal static uint Checksum(ReadOnlySpan<byte> bytes)
    {
        const uint Polynomial = 0xedb88320;
        Span<uint> table = stackalloc uint[256];
        for (uint i = 0; i < 256; i++)
        {
            uint value = i;
            for (int bit = 0; bit < 8; bit++)
            {
                value = (value >> 1) ^ ((value & 1) * Polynomial);
            }

            table[(int)i] = value;
        }

        uint sum = ~0u;
        foreach (byte b in bytes)
        {
            sum = table[(int)((sum ^ b) & 0xff)] ^ (sum >> 8);
        }

        return ~sum;
    }

    [GeneratedRegex("^/proc/[0-9]+/root(?=/)")]
    private static partial Regex ProcessRoot();
}
