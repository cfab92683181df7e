using System.Buffers.Binary;

namespace Osmia.Tests.Objects;

/// <summary>Damages objects: bytes anywhere, the end cut off, and fields of the formats within, mostly to values at the edges.</summary>
internal sealed class ObjectMutator(int seed)
{
    private static readonly ulong[] s_edges = [0, 1, 2, 3, 4, 7, 8, 15, 16, 23, 24, 31, 32, 64, 255, 256, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff, 0x1_0000_0000, long.MaxValue, 1UL << 63, ulong.MaxValue - 7, ulong.MaxValue];

    private readonly Random _random = new(seed);

    /// <summary>Damages the bytes of one section only, and up to eight places of it.</summary>
    public byte[] Next(byte[] original, Range section)
    {
        byte[] data = original.ToArray();
        (int start, int length) = section.GetOffsetAndLength(data.Length);
        for (int changes = _random.Next(1, 9); changes > 0; changes--)
        {
            int width = 1 << _random.Next(4);
            // The header and the heads of tables are few bytes among many.
            int within = _random.Next(4) == 0 ? Math.Min(length, 48) : length;
            Put(data, start + _random.Next(within / width) * width, width);
        }

        return data;
    }

    /// <summary>Where a section of an undamaged object stands; null when it has none of that name.</summary>
    public static Range? SectionOf(byte[] data, string name)
    {
        Span<byte> Header(int index) => data.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(data.AsSpan(40)) + index * 64, 64);
        Range BytesOf(int index)
        {
            int start = (int)BinaryPrimitives.ReadInt64LittleEndian(Header(index)[24..]);
            return start..(start + (int)BinaryPrimitives.ReadInt64LittleEndian(Header(index)[32..]));
        }

        byte[] wanted = System.Text.Encoding.UTF8.GetBytes(name + "\0");
        byte[] names = data[BytesOf(BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(62)))];
        for (int index = 1; index < BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(60)); index++)
        {
            if (names.AsSpan(BinaryPrimitives.ReadInt32LittleEndian(Header(index))).StartsWith(wanted))
            {
                return BytesOf(index);
            }
        }

        return null;
    }

    public byte[] Next(byte[] original)
    {
        byte[] data = original.ToArray();
        for (int changes = _random.Next(8) == 0 ? _random.Next(2, 12) : _random.Next(1, 3); changes > 0 && data.Length > 64; changes--)
        {
            Change(ref data);
        }

        return data;
    }

    private void Change(ref byte[] data)
    {
        int table = (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(40)), int.MaxValue);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(data.AsSpan(60));
        bool hasTable = count > 0 && table > 0 && table <= data.Length - 64L * count;
        switch (_random.Next(12))
        {
            case 0:
                data[_random.Next(data.Length)] = (byte)_random.Next(256);
                break;
            case 1:
                data[_random.Next(data.Length)] ^= (byte)(1 << _random.Next(8));
                break;
            case 2 when _random.Next(4) == 0:
                data = data[.._random.Next(data.Length)];
                break;
            case 2 or 3:
                int from = _random.Next(data.Length);
                int length = Math.Min(_random.Next(1, 64), data.Length - from);
                data.AsSpan(from, length).CopyTo(data.AsSpan(_random.Next(data.Length - length)));
                break;
            case 4:
                Put(data, _random.Next(64), 1 << _random.Next(4));
                break;
            case 5 when hasTable:
                // A field of a section header: name, type, flags, address, offset, size, link, info, alignment, entry size.
                (int field, int size) = ((int, int)[])[(0, 4), (4, 4), (8, 8), (24, 8), (32, 8), (40, 4), (44, 4)] is var fields ? fields[_random.Next(7)] : default;
                Put(data, table + _random.Next(count) * 64 + field, size);
                break;
            case 6 when hasTable:
                // Two headers change places, or become the same.
                Span<byte> one = data.AsSpan(table + _random.Next(count) * 64, 64);
                Span<byte> two = data.AsSpan(table + _random.Next(count) * 64, 64);
                Span<byte> kept = stackalloc byte[64];
                two.CopyTo(kept);
                one.CopyTo(two);
                if (_random.Next(2) == 0)
                {
                    kept.CopyTo(one);
                }

                break;
            case >= 5 when hasTable:
                // Within a section: records of symbols (24 bytes), relocations (16), types and their tables (4), instructions (8).
                int header = table + _random.Next(count) * 64;
                ulong start = BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(header + 24));
                ulong bytes = BinaryPrimitives.ReadUInt64LittleEndian(data.AsSpan(header + 32));
                if (start < (ulong)data.Length && bytes > 8 && bytes <= (ulong)data.Length - start)
                {
                    int width = 1 << _random.Next(4);
                    Put(data, (int)start + _random.Next((int)bytes / width) * width, width);
                }

                break;
            default:
                Put(data, _random.Next(data.Length / 4) * 4, 4);
                break;
        }
    }

    private void Put(byte[] data, int offset, int size)
    {
        if (offset < 0 || offset > data.Length - size)
        {
            return;
        }

        Span<byte> bytes = stackalloc byte[8];
        data.AsSpan(offset, size).CopyTo(bytes);
        ulong old = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        ulong value = _random.Next(4) switch
        {
            0 => s_edges[_random.Next(s_edges.Length)],
            1 => old + (ulong)_random.Next(1, 9),
            2 => old - (ulong)_random.Next(1, 9),
            _ => (ulong)_random.Next(512),
        };
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes[..size].CopyTo(data.AsSpan(offset));
    }
}
