using System.Buffers.Text;
using System.Text;

namespace Osmia.Kernel.Symbols;

/// <summary>Functions of the kernel and its modules by address: /proc/kallsyms, read once when first asked.</summary>
/// <remarks>Names stay bytes of the file until one is wanted. Programs loaded later are not in the index.</remarks>
public sealed class KernelSymbols
{
    private const string DefaultPath = "/proc/kallsyms";
    private readonly Lazy<Index> _index;

    public KernelSymbols()
        : this(() => File.Exists(DefaultPath) ? File.ReadAllBytes(DefaultPath) : [])
    {
    }

    internal KernelSymbols(Func<byte[]> read) => _index = new(() => Index.Parse(read()));

    /// <summary>0 when the kernel hides addresses (kernel.kptr_restrict) or has no such file.</summary>
    public int Count => _index.Value.Addresses.Length;

    /// <returns>Null when the address is below the first function.</returns>
    public (string Name, ulong Offset)? Find(ulong address)
    {
        Index index = _index.Value;
        int found = Array.BinarySearch(index.Addresses, address);
        found = found >= 0 ? found : ~found - 1;
        return found >= 0 ? (index.Name(found), address - index.Addresses[found]) : null;
    }

    /// <returns>0 when there is no such function, or addresses are hidden.</returns>
    public ulong AddressOf(string name)
    {
        Index index = _index.Value;
        byte[] wanted = Encoding.UTF8.GetBytes(name);
        for (int i = 0; i < index.Addresses.Length; i++)
        {
            if (index.IsNamed(i, wanted))
            {
                return index.Addresses[i];
            }
        }

        return 0;
    }

    private sealed class Index(byte[] text, ulong[] addresses, int[] names)
    {
        public ulong[] Addresses { get; } = addresses;

        public string Name(int entry)
        {
            ReadOnlySpan<byte> rest = text.AsSpan(names[entry]);
            int end = rest.IndexOfAny("\t\n "u8);
            return Encoding.UTF8.GetString(end < 0 ? rest : rest[..end]);
        }

        public bool IsNamed(int entry, ReadOnlySpan<byte> name)
        {
            ReadOnlySpan<byte> rest = text.AsSpan(names[entry]);
            return rest.StartsWith(name) && (rest.Length == name.Length || rest[name.Length] is (byte)'\t' or (byte)'\n' or (byte)' ');
        }

        /// <summary>Lines are <c>address type name</c>, with <c>[module]</c> after a tab; types t, T, w and W are code.</summary>
        public static Index Parse(byte[] text)
        {
            var addresses = new List<ulong>(130_000);
            var names = new List<int>(130_000);
            int position = 0;
            while (position < text.Length)
            {
                ReadOnlySpan<byte> line = text.AsSpan(position);
                int end = line.IndexOf((byte)'\n');
                line = end < 0 ? line : line[..end];
                if (Utf8Parser.TryParse(line, out ulong address, out int used, 'x') && address != 0 && line.Length > used + 3 && line[used + 1] is (byte)'t' or (byte)'T' or (byte)'w' or (byte)'W')
                {
                    addresses.Add(address);
                    names.Add(position + used + 3);
                }

                position += line.Length + 1;
            }

            ulong[] keys = [.. addresses];
            int[] values = [.. names];
            Array.Sort(keys, values);
            return new Index(text, keys, values);
        }
    }
}
