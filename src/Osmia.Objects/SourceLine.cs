using Osmia.Btf;

namespace Osmia.Objects;

/// <summary>
/// One line record of <c>.BTF.ext</c>: from <see cref="Slot"/> on, until the next record, instructions come from this source line.
/// Names are offsets into the object's BTF strings until somebody prints them.
/// </summary>
public sealed record LineRecord(int Slot, uint FileOffset, uint TextOffset, uint LineAndColumn)
{
    public int Line => (int)(LineAndColumn >> 10);

    public int Column => (int)(LineAndColumn & 0x3ff);

    public SourceLine Describe(BtfTypes types) => new(types.String(FileOffset), Line, Column, types.String(TextOffset).Trim());

    /// <summary>The record in force at a slot of records sorted by slot, or null before the first.</summary>
    public static LineRecord? At(ReadOnlySpan<LineRecord> records, int slot)
    {
        int low = 0;
        int high = records.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = records[middle].Slot <= slot ? (middle + 1, high) : (low, middle);
        }

        return low == 0 ? null : records[low - 1];
    }
}

public sealed record SourceLine(string File, int Line, int Column, string Text)
{
    public override string ToString() => $"{File}:{Line}";
}
