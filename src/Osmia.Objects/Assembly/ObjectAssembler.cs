using System.Diagnostics.CodeAnalysis;
using System.Text;
using Osmia.Bytecode.Assembly;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects.Assembly;

/// <summary>
/// A text file to a <see cref="BpfObject"/>: sections, functions, maps, variables and the license, with BTF for them and a source line
/// for each instruction. docs/assembly.md has the whole form; <see cref="ObjectText"/> writes it.
/// </summary>
public static class ObjectAssembler
{
    private const int MaximumTextSize = 64 << 20;

    private static readonly string[] s_suffixes = [".bpf.s", ".s", ".asm", ".bpf"];

    /// <param name="file">Names the object, and stands in its source lines.</param>
    /// <exception cref="AssemblyException">The text has errors; all are told, up to a hundred.</exception>
    public static BpfObject Assemble(string text, string file) =>
        TryAssemble(text, file, out BpfObject? result, out IReadOnlyList<AssemblyDiagnostic> problems) ? result : throw new AssemblyException(problems);

    /// <summary>The form that hands over the problems as values.</summary>
    public static bool TryAssemble(string text, string file, [NotNullWhen(true)] out BpfObject? result, out IReadOnlyList<AssemblyDiagnostic> problems)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(file);
        var source = new AssemblySource(text);
        var reader = new ObjectTextReader(source);
        reader.Read();
        result = new ObjectComposer(reader, source, text, file).Compose(NameOf(file));
        problems = source.Problems;
        result = problems.Count == 0 ? result : null;
        return result is not null;
    }

    /// <summary>Reads and assembles a text file.</summary>
    /// <exception cref="ObjectFormatException">The file cannot be read, or is longer than 64 MB.</exception>
    /// <exception cref="AssemblyException">The text has errors.</exception>
    public static BpfObject AssembleFile(string path)
    {
        try
        {
            using FileStream stream = File.OpenRead(path);
            return Assemble(ReadText(stream), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw ObjectErrors.Unreadable(path, e);
        }
    }

    /// <summary>UTF-8, of bounded length: devices and pipes have no end.</summary>
    public static string ReadText(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var bytes = new MemoryStream();
        var chunk = new byte[1 << 16];
        while (stream.Read(chunk) is > 0 and var count)
        {
            bytes.Write(chunk, 0, count);
            if (bytes.Length > MaximumTextSize)
            {
                throw new IOException($"it has more than {MaximumTextSize} bytes");
            }
        }

        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    private static string NameOf(string file)
    {
        string name = Path.GetFileName(file);
        string? suffix = Array.Find(s_suffixes, suffix => name.EndsWith(suffix, StringComparison.Ordinal) && name.Length > suffix.Length);
        return suffix is null ? name : name[..^suffix.Length];
    }
}
