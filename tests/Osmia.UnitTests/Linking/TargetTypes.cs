using System.Buffers.Binary;
using Osmia.Btf;

namespace Osmia.Tests.Linking;

/// <summary>Types of a C source that holds no program: what BpfObject refuses, read here by section name.</summary>
internal static class TargetTypes
{
    public static BtfTypes Compile(string compiler, string source) => BtfTypes.Parse(Section(Toolchain.Compile(compiler, source), ".BTF"));

    public static ReadOnlyMemory<byte> Section(byte[] elf, string name)
    {
        ReadOnlySpan<byte> span = elf;
        int table = (int)BinaryPrimitives.ReadUInt64LittleEndian(span[40..]);
        int names = (int)BinaryPrimitives.ReadUInt64LittleEndian(span[(table + BinaryPrimitives.ReadUInt16LittleEndian(span[62..]) * 64 + 24)..]);
        for (int i = 0; i < BinaryPrimitives.ReadUInt16LittleEndian(span[60..]); i++)
        {
            ReadOnlySpan<byte> header = span[(table + i * 64)..];
            ReadOnlySpan<byte> text = span[(names + BinaryPrimitives.ReadInt32LittleEndian(header))..];
            if (text[..text.IndexOf((byte)0)].SequenceEqual(System.Text.Encoding.UTF8.GetBytes(name)))
            {
                return elf.AsMemory((int)BinaryPrimitives.ReadUInt64LittleEndian(header[24..]), (int)BinaryPrimitives.ReadUInt64LittleEndian(header[32..]));
            }
        }

        throw new InvalidDataException($"no section {name}");
    }
}
