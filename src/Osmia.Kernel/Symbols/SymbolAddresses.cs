using System.Buffers.Text;
using System.Text;

namespace Osmia.Kernel.Symbols;

/// <summary>Addresses of the kernel's symbols by name, data included: /proc/kallsyms, searched as text since few names are asked for.</summary>
internal static class SymbolAddresses
{
    private const string FilePath = "/proc/kallsyms";

    private static readonly Lazy<byte[]> s_text = new(() => File.Exists(FilePath) ? File.ReadAllBytes(FilePath) : []);

    /// <summary>Addresses of every symbol of that name; none when the kernel hides them (kernel.kptr_restrict).</summary>
    public static IReadOnlyList<ulong> Of(string name) => Of(s_text.Value, name);

    public static IEnumerable<string> Names()
    {
        byte[] text = s_text.Value;
        for (int start = 0; start < text.Length;)
        {
            ReadOnlySpan<byte> line = Line(text, start);
            start += line.Length + 1;
            if (TryRead(line, out _, out _, out ReadOnlySpan<byte> name))
            {
                yield return Encoding.UTF8.GetString(name);
            }
        }
    }

    internal static IReadOnlyList<ulong> Of(byte[] text, string name)
    {
        byte[] wanted = Encoding.UTF8.GetBytes(" " + name);
        var addresses = new List<ulong>();
        for (int at = 0; text.AsSpan(at).IndexOf(wanted) is >= 0 and var found; at += found + 1)
        {
            int start = text.AsSpan(0, at + found).LastIndexOf((byte)'\n') + 1;
            if (TryRead(Line(text, start), out ulong address, out byte kind, out ReadOnlySpan<byte> symbol) && address != 0
                && (symbol.SequenceEqual(wanted.AsSpan(1)) || (kind == 'd' && symbol.StartsWith(wanted.AsSpan(1)) && symbol[(wanted.Length - 1)..].StartsWith(".llvm."u8))))
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }

    private static ReadOnlySpan<byte> Line(byte[] text, int start)
    {
        ReadOnlySpan<byte> rest = text.AsSpan(start);
        int end = rest.IndexOf((byte)'\n');
        return end < 0 ? rest : rest[..end];
    }

    /// <summary>A line is <c>address kind name</c>, with <c>[module]</c> after a tab.</summary>
    private static bool TryRead(ReadOnlySpan<byte> line, out ulong address, out byte kind, out ReadOnlySpan<byte> name)
    {
        kind = 0;
        name = default;
        if (!Utf8Parser.TryParse(line, out address, out int used, 'x') || line.Length < used + 4)
        {
            return false;
        }

        kind = line[used + 1];
        name = line[(used + 3)..];
        int tab = name.IndexOf((byte)'\t');
        name = tab < 0 ? name : name[..tab];
        return true;
    }
}
