namespace Osmia.Vm.Execution;

/// <summary>Copies, fills and compares words one behind another, for <see cref="Compilation.WordLoop"/>: a whole number of words.</summary>
internal static unsafe class WordRuns
{
    /// <summary>Copies forwards; false when the copy would read what it wrote.</summary>
    public static bool TryCopy(ulong to, ulong from, ulong length)
    {
        if (to - from < length)
        {
            return false;
        }

        Buffer.MemoryCopy((void*)from, (void*)to, length, length);
        return true;
    }

    public static void Fill(ulong to, ulong length, ulong word, int size)
    {
        switch (size)
        {
            case 1:
                new Span<byte>((void*)to, (int)length).Fill((byte)word);
                break;
            case 2:
                new Span<ushort>((void*)to, (int)length / 2).Fill((ushort)word);
                break;
            case 4:
                new Span<uint>((void*)to, (int)length / 4).Fill((uint)word);
                break;
            default:
                new Span<ulong>((void*)to, (int)length / 8).Fill(word);
                break;
        }
    }

    /// <returns>Bytes of the words that are the same before the first that is not.</returns>
    public static ulong CommonBytes(ulong left, ulong right, ulong length, int size) =>
        (ulong)new ReadOnlySpan<byte>((void*)left, (int)length).CommonPrefixLength(new ReadOnlySpan<byte>((void*)right, (int)length)) & (0UL - (ulong)size);
}
