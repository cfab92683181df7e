using System.Buffers.Binary;
using Osmia.Btf;
using Osmia.Btf.Printing;
using Osmia.Btf.Writing;

namespace Osmia.Tests.Btf;

/// <summary>Blobs of kernels newer than this library: unknown kinds, and the layout section that tells their sizes.</summary>
public class BtfLayoutTests
{
    private const int UnknownKind = 40;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Unknown_kind_is_stepped_over_by_the_layout(bool isBigEndian)
    {
        BtfTypes types = BtfTypes.Parse(Blob(isBigEndian, layoutEntries: UnknownKind + 1));
        Assert.True(types.IsComplete);
        Assert.Equal(4, types.Count);
        Assert.Equal((BtfKind)UnknownKind, types[2].Kind);
        Assert.Equal("after", types[3].Name);
        Assert.Equal(3, types.Find(BtfKind.Typedef, "after").Value);
        using var text = new MemoryStream();
        CHeaderWriter.Write(types, text);
        Assert.Contains("typedef int after;", System.Text.Encoding.UTF8.GetString(text.ToArray()), StringComparison.Ordinal);
        RawDump.Write(types, text);
        BtfTypes copy = BtfDeduplicator.Deduplicate(types, out int[] map);
        Assert.Equal([0, 1, 0, 2], map);
        Assert.Equal("after", copy[2].Name);
    }

    [Fact]
    public void Split_types_take_the_layout_of_their_base()
    {
        byte[] blob = Blob(false, UnknownKind + 1);
        BtfTypes below = BtfTypes.Parse(blob);
        byte[] split = Blob(false, 0);
        Assert.Equal(7, BtfTypes.Parse(split, below).Count);
        Assert.False(BtfTypes.Parse(split).IsComplete);
    }

    [Fact]
    public void Without_a_layout_the_types_up_to_an_unknown_kind_stay_usable()
    {
        foreach (int entries in (int[])[0, 20])
        {
            BtfTypes types = BtfTypes.Parse(Blob(false, entries));
            Assert.False(types.IsComplete);
            Assert.Equal(2, types.Count);
            Assert.Equal("int", types[1].Name);
        }
    }

    [Fact]
    public void Counts_of_more_than_16_bits_are_read()
    {
        // A struct of 70,000 members, as Linux 7.1 allows.
        const int count = 70_000;
        var words = new List<uint> { 1, (1u << 24), 4, 32, 5, (4u << 24) | count, 0 };
        for (int i = 0; i < count; i++)
        {
            words.AddRange([0, 1, 0]);
        }

        BtfTypes types = BtfTypes.Parse(Assemble(false, words, []));
        Assert.Equal(count, types[2].Count);
        Assert.Equal(1, types[2].Member(count - 1).Type.Value);
    }

    [Fact]
    public void Layout_that_does_not_fit_is_refused()
    {
        byte[] blob = Blob(false, 20);
        BinaryPrimitives.WriteInt32LittleEndian(blob.AsSpan(28), blob.Length);
        Assert.Throws<BtfFormatException>(() => BtfTypes.Parse(blob));
        BinaryPrimitives.WriteInt32LittleEndian(blob.AsSpan(28), 6);
        Assert.Throws<BtfFormatException>(() => BtfTypes.Parse(blob));
    }

    /// <summary>int, an unknown kind of 8 bytes and 2 parts of 4, a typedef.</summary>
    private static byte[] Blob(bool isBigEndian, int layoutEntries)
    {
        var layout = new byte[layoutEntries * 4];
        if (layoutEntries > UnknownKind)
        {
            layout[UnknownKind * 4] = 8;
            layout[UnknownKind * 4 + 1] = 4;
        }

        return Assemble(isBigEndian, [1, 1u << 24, 4, (1u << 24) | 32, 0, ((uint)UnknownKind << 24) | 2, 77, 1, 2, 3, 4, 5, 8u << 24, 1], layout);
    }

    private static byte[] Assemble(bool isBigEndian, List<uint> words, byte[] layout)
    {
        ReadOnlySpan<byte> strings = "\0int\0after\0"u8;
        bool hasLayout = layout.Length > 0;
        uint types = (uint)words.Count * 4;
        List<uint> header = [0, hasLayout ? 32u : 24, 0, types, types + (uint)layout.Length, (uint)strings.Length];
        header.AddRange(hasLayout ? [types, (uint)layout.Length] : []);
        var blob = new MemoryStream();
        Span<byte> word = stackalloc byte[4];
        foreach (uint value in header.Concat(words))
        {
            BinaryPrimitives.WriteUInt32LittleEndian(word, isBigEndian ? BinaryPrimitives.ReverseEndianness(value) : value);
            blob.Write(word);
        }

        blob.Write(layout);
        blob.Write(strings);
        byte[] bytes = blob.ToArray();
        (isBigEndian ? [0xeb, 0x9f, 1, 0] : (ReadOnlySpan<byte>)[0x9f, 0xeb, 1, 0]).CopyTo(bytes);
        return bytes;
    }
}
