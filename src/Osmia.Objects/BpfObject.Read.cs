using System.Diagnostics.CodeAnalysis;
using Osmia.Objects.Diagnostics;
using Osmia.Objects.Reading;

namespace Osmia.Objects;

public sealed partial class BpfObject
{
    private const long MaximumFileSize = 256L << 20;

    /// <summary>
    /// Reads an object compiled by clang 14-19 (ELF, machine 247), or a <c>package.json</c> of eunomia-bpf's ecc that holds one. Nothing is
    /// loaded; no privileges are needed.
    /// </summary>
    /// <exception cref="ObjectFormatException">The file cannot be opened or is not a readable BPF object.</exception>
    public static BpfObject Read(string path)
    {
        byte[] data;
        try
        {
            data = ReadFile(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ObjectErrors.Unreadable(path, e);
        }

        return Read(data, path);
    }

    /// <param name="data">The file's bytes; they are kept, not copied.</param>
    /// <param name="file">Names the object and stands in error messages.</param>
    public static BpfObject Read(ReadOnlyMemory<byte> data, string file)
    {
        string name = NameOf(file);
        if (PackageReader.IsPackage(data.Span))
        {
            (data, string? told) = PackageReader.Read(data.Span, file);
            name = told ?? name;
        }

        var result = new BpfObject(name);
        new ObjectReader(file, data, result).Read();
        return result;
    }

    /// <summary>The form that hands over the problem as a value.</summary>
    public static bool TryRead(ReadOnlyMemory<byte> data, string file, [NotNullWhen(true)] out BpfObject? result, [NotNullWhen(false)] out Diagnostic? problem)
    {
        try
        {
            (result, problem) = (Read(data, file), null);
            return true;
        }
        catch (ObjectFormatException e)
        {
            (result, problem) = (null, e.Diagnostic);
            return false;
        }
    }

    // Devices and pipes have no length: what is read is counted.
    private static byte[] ReadFile(string path)
    {
        using FileStream stream = File.OpenRead(path);
        var bytes = new MemoryStream(stream.CanSeek ? (int)Math.Min(stream.Length, MaximumFileSize) : 0);
        var chunk = new byte[1 << 16];
        while (stream.Read(chunk) is > 0 and var count)
        {
            bytes.Write(chunk, 0, count);
            if (bytes.Length > MaximumFileSize)
            {
                throw new IOException($"it has more than {MaximumFileSize} bytes");
            }
        }

        return bytes.ToArray();
    }

    private static readonly string[] s_suffixes = [".bpf.o", ".o", ".json"];

    private static string NameOf(string file)
    {
        string name = Path.GetFileName(file);
        foreach (string suffix in s_suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > suffix.Length)
            {
                return name[..^suffix.Length];
            }
        }

        return name;
    }
}
