namespace Osmia.Btf;

/// <summary>Bytes that are not BTF. <see cref="Offset"/> is the byte in the blob where reading stopped.</summary>
public sealed class BtfFormatException(string problem, int offset) : FormatException($"{problem} (at byte {offset} of the BTF)")
{
    public string Problem { get; } = problem;

    public int Offset { get; } = offset;
}
