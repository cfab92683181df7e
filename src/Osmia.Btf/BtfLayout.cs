namespace Osmia.Btf;

/// <summary>
/// Sizes of the records of each kind. The layout section, which Linux 7.1 may write, tells them for the kinds that were
/// known when the blob was written; so a kind that this library does not know can be stepped over.
/// </summary>
/// <remarks>One entry of 4 bytes a kind, by number: bytes after the header of 12, bytes of each part, 16 bits of flags.</remarks>
internal readonly struct BtfLayout
{
    private const int EntrySize = 4;

    /// <summary>Length of a header that names a layout section.</summary>
    public const int HeaderWithLayout = 32;

    private readonly byte[]? _entries;

    private BtfLayout(byte[]? entries) => _entries = entries;

    /// <summary>The layout of a blob, or its base's.</summary>
    public static BtfLayout Parse(ReadOnlySpan<byte> data, ulong start, ulong length, BtfLayout fallback)
    {
        if (length == 0)
        {
            return fallback;
        }

        if (start + length > (ulong)data.Length)
        {
            throw new BtfFormatException($"layout section [{start}, {start + length}) is longer than the blob of {data.Length} bytes", 24);
        }

        if (length % EntrySize != 0)
        {
            throw new BtfFormatException($"layout section of {length} bytes is not a multiple of {EntrySize}", 28);
        }

        // Kinds have 7 bits.
        return new BtfLayout(data.Slice((int)start, (int)Math.Min(length, 128 * EntrySize)).ToArray());
    }

    /// <summary>Bytes after the 12-byte header of a type, or -1 when nothing tells.</summary>
    public long ExtraBytes(BtfKind kind, int count)
    {
        int known = BtfKindExtensions.ExtraBytes(kind, count);
        if (known >= 0 || _entries is null || ((int)kind + 1) * EntrySize > _entries.Length)
        {
            return known;
        }

        long bytes = _entries[(int)kind * EntrySize] + (long)_entries[(int)kind * EntrySize + 1] * count;
        return bytes % 4 == 0 ? bytes : -1;
    }
}
