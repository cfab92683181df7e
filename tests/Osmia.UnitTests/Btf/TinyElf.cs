using System.Buffers.Binary;
using System.Text;

namespace Osmia.Tests.Btf;

/// <summary>An ELF file of sections and nothing else, of either class and byte order.</summary>
internal sealed class TinyElf(bool is64Bit, bool isBigEndian, ushort machine)
{
    private readonly List<byte> _bytes = [];

    /// <param name="flags">Of every section.</param>
    public byte[] With(uint flags, params (string Name, byte[] Data)[] sections)
    {
        int header = is64Bit ? 64 : 52;
        string names = "\0.shstrtab\0" + string.Concat(sections.Select(section => section.Name + '\0'));
        (string Name, byte[] Data)[] all = [("", []), (".shstrtab", Encoding.ASCII.GetBytes(names)), .. sections];
        long[] offsets = new long[all.Length];
        long at = header;
        for (int i = 0; i < all.Length; i++)
        {
            (offsets[i], at) = (at, at + (all[i].Data.Length + 7 & ~7));
        }

        _bytes.AddRange([0x7f, (byte)'E', (byte)'L', (byte)'F', (byte)(is64Bit ? 2 : 1), (byte)(isBigEndian ? 2 : 1), 1, .. new byte[9]]);
        Half(1);
        Half(machine);
        Word(1);
        Address(0);
        Address(0);
        Address(at);
        Word(0);
        Half((ushort)header);
        Half(0);
        Half(0);
        Half((ushort)(is64Bit ? 64 : 40));
        Half((ushort)all.Length);
        Half(1);
        foreach ((string _, byte[] data) in all)
        {
            _bytes.AddRange([.. data, .. new byte[(data.Length + 7 & ~7) - data.Length]]);
        }

        for (int i = 0; i < all.Length; i++)
        {
            Word((uint)(i == 0 ? 0 : names.IndexOf('\0' + all[i].Name + '\0', StringComparison.Ordinal) + 1));
            Word(i == 0 ? 0u : i == 1 ? 3u : 1u);
            Address(i < 2 ? 0 : flags);
            Address(0);
            Address(offsets[i]);
            Address(all[i].Data.Length);
            Word(0);
            Word(0);
            Address(1);
            Address(0);
        }

        return [.. _bytes];
    }

    private void Address(long value)
    {
        Span<byte> bytes = stackalloc byte[8];
        if (isBigEndian)
        {
            BinaryPrimitives.WriteInt64BigEndian(bytes, value);
            _bytes.AddRange(is64Bit ? bytes : bytes[4..]);
        }
        else
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, value);
            _bytes.AddRange(is64Bit ? bytes : bytes[..4]);
        }
    }

    private void Word(uint value) => Put(BitConverter.GetBytes(value));

    private void Half(ushort value) => Put(BitConverter.GetBytes(value));

    private void Put(byte[] bytes)
    {
        if (isBigEndian == BitConverter.IsLittleEndian)
        {
            Array.Reverse(bytes);
        }

        _bytes.AddRange(bytes);
    }
}
