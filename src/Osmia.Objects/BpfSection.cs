namespace Osmia.Objects;

/// <summary>The bytes of a section that stands for neither code, maps nor variables.</summary>
public sealed record BpfSection(string Name, ReadOnlyMemory<byte> Data)
{
    /// <summary>In bytes, a power of two.</summary>
    public int Alignment { get; init; } = 1;

    public bool IsWritable { get; init; }
}
